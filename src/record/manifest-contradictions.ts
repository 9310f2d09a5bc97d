import { freezeProblems, windowProblems } from '../calendar/opening-rules.ts';
import { cadenceProblems } from '../calendar/rules.ts';
import { consumerAddress, secretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { hookProblems } from '../model/hook-rules.ts';
import { notificationProblems } from '../model/notification-rules.ts';
import { personalProblems } from '../model/personal.ts';
import { hostContradictions } from './manifest-hosts.ts';

/** So many secrets or consumers are looked at between two turns. */
const AT_ONCE = 500;

/**
 * What is wrong with a manifest whose shape is right, and only all of it shows: an address that does not fit its name, what is
 * named and not declared, what is declared twice, dates that never come. Other work may be done at each `yield`.
 */
export function* contradictions(declared: Declared): Generator<void, Problem[]> {
  const problems: Problem[] = [];
  const say = (where: string, what: string): void => void problems.push({ what, where });
  const vaults = new Set(namesIn(declared.vaults));
  const platforms = new Set(namesIn(declared.platforms));
  const secrets = new Set(addressesIn(declared.secrets));
  const consumers = new Set(addressesIn(declared.consumers));
  sayRepeated(declared, say);

  for (const [at, secret] of declared.secrets.entries()) {
    if (at % AT_ONCE === 0) yield;
    const { address, vault, name, dependsOn, derivedFrom, together, apart } = secret;
    if (address !== secretAddress(vault, name)) say(address, `is not the address of "${name}" in "${vault}"`);
    if (!vaults.has(vault)) say(address, `vault "${vault}" is not declared`);
    for (const other of [...dependsOn, ...derivedFrom, ...together, ...apart.map((each) => each.secret)]) {
      if (!secrets.has(other)) say(address, `"${other}" is not declared`);
    }
  }
  for (const [at, consumer] of declared.consumers.entries()) {
    if (at % AT_ONCE === 0) yield;
    const { kind, address, platform, service, mounts, dependsOn } = consumer;
    if (address !== consumerAddress(platform, service)) {
      say(address, `is not the address of "${service}" on "${platform}"`);
    }
    if (!platforms.has(platform)) say(address, `platform "${platform}" is not declared`);
    for (const { secret } of mounts) {
      if (!secrets.has(secret)) say(address, `mounts "${secret}", which is not declared`);
    }
    // Of a file it is said by its own rule.
    const targets = kind === 'env-file' ? [] : mounts.map((mount) => mount.target);
    for (const target of repeated(targets)) {
      say(address, `"${target}" is the target of two mounts`);
    }
    for (const other of dependsOn) {
      if (!consumers.has(other)) say(address, `depends on "${other}", which is not declared`);
    }
  }
  hostContradictions(declared, say);
  for (const { path, vault } of declared.access ?? []) {
    if (!vaults.has(vault)) say(path, `is of vault "${vault}", which is not declared`);
  }
  for (const notification of declared.notifications ?? []) {
    for (const { what } of notificationProblems(notification)) say(notification.path, what);
  }
  for (const freeze of declared.freezes) {
    for (const other of freeze.secrets) {
      if (!secrets.has(other)) say(freeze.path, `holds "${other}", which is not declared`);
    }
    for (const { what } of freezeProblems(freeze)) say(freeze.path, what);
  }
  for (const [at, secret] of declared.secrets.entries()) {
    if (at % AT_ONCE === 0) yield;
    // The planner computes with them: a date that never comes, or is none, must not get there.
    const dates = [...cadenceProblems(secret.cadence), ...secret.windows.flatMap(windowProblems)];
    for (const { what } of [...dates, ...hookProblems(secret), ...personalProblems(secret)])
      say(secret.address, what);
  }
  return problems;
}

/** Says which names are declared twice. */
export function sayRepeated(declared: Declared, say: (where: string, what: string) => void): void {
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    ['vault', namesIn(declared.vaults)],
    ['platform', namesIn(declared.platforms)],
    ['secret', addressesIn(declared.secrets)],
    ['consumer', addressesIn(declared.consumers)],
    ['notification', namesIn(declared.notifications ?? [])],
    ['smoke test', namesIn(declared.smokeTests ?? [])],
  ];
  for (const [what, names] of kinds)
    for (const name of repeated(names)) say('(the whole file)', `${what} "${name}" is declared twice`);
}

function repeated(names: readonly string[]): string[] {
  const seen = new Set<string>();
  const again = new Set<string>();
  for (const name of names) (seen.has(name) ? again : seen).add(name);
  return [...again];
}

function namesIn(items: readonly { readonly name: string }[]): string[] {
  return items.map(({ name }) => name);
}

function addressesIn(items: readonly { readonly address: string }[]): string[] {
  return items.map(({ address }) => address);
}
