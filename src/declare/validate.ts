import type { Address } from '../model/address.ts';
import type { Problem } from '../model/fault.ts';
import type { Declaration } from './declaration.ts';
import { apartProblems } from './apart-rules.ts';
import { companyProblems, openingProblems, soakProblems } from './date-rules.ts';
import { fieldProblems } from './field-rules.ts';
import type { Found } from './found.ts';
import { place, repeats } from './found.ts';
import { hostProblems } from './host-rules.ts';

/**
 * Everything that is wrong with the declarations of one app, in their order; empty: the engine can act on them.
 *
 * Pure. A declaration that holds a token is reported for that alone, as nothing else about it is known yet. What is wrong
 * with each of the like ones of a construct is said once.
 */
export function problemsOf(declarations: readonly Declaration[]): Problem[] {
  const known = declarations.filter((declaration) => declaration.unresolved.length === 0);
  const found = [
    ...declarations.flatMap(unresolved),
    ...known.flatMap((at) => fieldProblems(at.item).map((problem) => ({ at, ...problem }))),
    ...known.flatMap(stackName),
    ...declarations.flatMap(foreignReferences),
    ...repeatedVaults(known),
    ...repeatedPlatforms(known),
    ...repeatedSecrets(known),
    ...repeatedConsumers(known),
    ...repeatedNotifications(known),
    ...known.flatMap(repeatedTargets),
    ...sharedBases(known),
    ...cycles(known),
    ...soakProblems(known),
    ...apartProblems(known),
    ...openingProblems(known),
    ...companyProblems(known),
    ...hostProblems(known),
  ];
  const order = new Map(declarations.map((declaration, index) => [declaration, index]));
  found.sort((a, b) => (order.get(a.at) ?? 0) - (order.get(b.at) ?? 0));
  const said = new Set<string>();
  return found
    .map(({ at, what, next }) => ({ what, where: place(at), next }))
    .filter(({ what, where }) => !said.has(`${where} ${what}`) && said.add(`${where} ${what}`));
}

function unresolved(at: Declaration): Found[] {
  return at.unresolved.map((field) => ({
    at,
    what: `${field} is known only after terraform apply`,
    next: 'give the text itself, not an attribute of a resource or a variable',
  }));
}

function stackName(at: Declaration, index: number, all: readonly Declaration[]): Found[] {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(at.stack)) return [];
  if (all.findIndex((other) => other.stack === at.stack) !== index) return [];
  return [
    {
      at,
      what: `"${at.stack}" cannot name a stack's record`,
      next: 'use letters, digits, dots, hyphens and underscores in the id of the stack, a letter or digit first',
    },
  ];
}

function foreignReferences(at: Declaration): Found[] {
  return at.references
    .filter((reference) => reference.stack !== at.stack)
    .map((reference) => ({
      at,
      what: `${reference.as} names "${reference.path}", which belongs to the stack "${reference.stack}"`,
      next: `declare both in one stack: each stack is planned, locked and recorded by itself`,
    }));
}

function repeatedVaults(all: readonly Declaration[]): Found[] {
  const name = (at: Declaration): string | null => (at.item.kind === 'vault' ? at.item.vault.name : null);
  return repeats(all, (at) => name(at)?.toLowerCase() ?? null).flatMap(({ at, first }) => {
    if (at.stack === first.stack) {
      return [
        { at, what: `vault "${name(at)}" is declared twice, first as ${place(first)}`, next: 'keep one' },
      ];
    }
    if (name(at) !== name(first)) {
      return [
        {
          at,
          what: `vault "${name(at)}" equals "${name(first)}" of ${place(first)} but for case`,
          next: 'spell it alike: it is one vault',
        },
      ];
    }
    if (!(at.item.kind === 'vault' && at.item.terraform && writesTerraform(first))) return [];
    return [
      {
        at,
        what: `two stacks write the Terraform resources of vault "${name(at)}", the other is ${place(first)}`,
        next: 'say terraform: false in all but one',
      },
    ];
  });
}

function writesTerraform(at: Declaration): boolean {
  return at.item.kind === 'vault' && at.item.terraform;
}

function repeatedPlatforms(all: readonly Declaration[]): Found[] {
  const of = (at: Declaration) => (at.item.kind === 'platform' ? at.item.platform : null);
  return repeats(all, (at) => of(at)?.name ?? null).flatMap(({ at, first }) => {
    const { kind, name, endpoint } = of(at) ?? {};
    if (kind !== of(first)?.kind) {
      return [
        {
          at,
          what: `"${name}" names a ${kind} here and a ${of(first)?.kind} in ${place(first)}`,
          next: 'give one of them another name',
        },
      ];
    }
    if (at.stack === first.stack) {
      return [
        { at, what: `${kind} "${name}" is declared twice, first as ${place(first)}`, next: 'keep one' },
      ];
    }
    if (endpoint === of(first)?.endpoint) return [];
    return [
      {
        at,
        what: `${kind} "${name}" has another endpoint than in ${place(first)}`,
        next: `a name stands for one ${kind}: give the same endpoint, or another name`,
      },
    ];
  });
}

function repeatedSecrets(all: readonly Declaration[]): Found[] {
  const of = (at: Declaration) => (at.item.kind === 'secret' ? at.item.secret : null);
  return repeats(all, (at) => of(at)?.address.toLowerCase() ?? null).map(({ at, first }) => ({
    at,
    what:
      of(at)?.address === of(first)?.address
        ? `secret "${of(at)?.address}" is declared twice, first as ${place(first)}`
        : `secret "${of(at)?.address}" equals "${of(first)?.address}" of ${place(first)} but for case`,
    next: 'a secret belongs to one stack and one construct: keep one, or give another name',
  }));
}

function repeatedConsumers(all: readonly Declaration[]): Found[] {
  const of = (at: Declaration) => (at.item.kind === 'consumer' ? at.item.consumer : null);
  return repeats(all, (at) => of(at)?.address ?? null).map(({ at, first }) => {
    const isFile = of(at)?.kind === 'env-file';
    return {
      at,
      what: `${isFile ? 'file' : 'service'} "${of(at)?.address}" is declared twice, first as ${place(first)}`,
      next: isFile
        ? 'put all of its variables into one EnvFile'
        : 'put all of its mounts into one SwarmService',
    };
  });
}

function repeatedNotifications(all: readonly Declaration[]): Found[] {
  const name = (at: Declaration) =>
    at.item.kind === 'notification' ? `${at.stack} ${at.item.notification.name}` : null;
  return repeats(all, name).map(({ at, first }) => ({
    at,
    what: `two notifications of the stack have one id, the first is ${place(first)}`,
    next: 'give another id: the history calls each by it',
  }));
}

function repeatedTargets(at: Declaration): Found[] {
  if (at.item.kind !== 'consumer' || at.item.consumer.kind !== 'swarm-service') return [];
  const seen = new Map<string, string>();
  const found: Found[] = [];
  for (const { target, secret } of at.item.consumer.mounts) {
    // A plain name is a file under /run/secrets, so both spellings are one place.
    const file = target.startsWith('/') ? target : `/run/secrets/${target}`;
    const other = seen.get(file);
    if (other !== undefined) {
      found.push({
        at,
        what: `"${target}" is the target of two mounts: ${other} and ${secret}`,
        next: 'give each its own target',
      });
    }
    seen.set(file, secret);
  }
  return found;
}

/**
 * A base names the copies of one secret; two secrets under one base would fight for `<base>_v3`. On a host it is the
 * secret's name.
 */
function sharedBases(all: readonly Declaration[]): Found[] {
  const owners = new Map<string, { readonly secret: string; readonly at: Declaration }>();
  const found: Found[] = [];
  for (const at of all) {
    if (at.item.kind !== 'consumer') continue;
    for (const { base, secret } of at.item.consumer.mounts) {
      const key = `${at.item.consumer.platform}/${base}`;
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, { secret, at });
      else if (owner.secret !== secret) {
        const isFile = at.item.consumer.kind === 'env-file';
        const here = isFile ? 'names versions' : 'names copies';
        found.push({
          at,
          what: `"${base}" ${here} of ${secret} here and of ${owner.secret} in ${place(owner.at)}`,
          next: isFile
            ? 'give one of the secrets another name: a host is told of versions by that alone'
            : 'give one of the mounts another base',
        });
      }
    }
  }
  return found;
}

function cycles(all: readonly Declaration[]): Found[] {
  const nodes = new Map<Address, { readonly at: Declaration; readonly to: readonly Address[] }>();
  for (const at of all) {
    const { item } = at;
    if (item.kind === 'secret') {
      const { address, dependsOn, derivedFrom } = item.secret;
      nodes.set(address, { at, to: [...dependsOn, ...derivedFrom] });
    }
    if (item.kind === 'consumer') nodes.set(item.consumer.address, { at, to: item.consumer.dependsOn });
  }
  const found: Found[] = [];
  const done = new Set<Address>();
  const trail: Address[] = [];
  const walk = (address: Address): void => {
    const start = trail.indexOf(address);
    const node = nodes.get(address);
    if (node === undefined || (start < 0 && done.has(address))) return;
    if (start >= 0) {
      const path = [...trail.slice(start), address].map((step) => nodes.get(step)?.at.path ?? step);
      found.push({
        at: node.at,
        what: `a cycle: ${path.join(' → ')}`,
        next: 'take one dependency out; secrets that rotate as one are declared together',
      });
      return;
    }
    trail.push(address);
    for (const next of node.to) walk(next);
    trail.pop();
    done.add(address);
  };
  for (const address of nodes.keys()) walk(address);
  return found;
}
