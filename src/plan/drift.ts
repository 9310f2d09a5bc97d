import type { Address, SecretAddress } from '../model/address.ts';
import type { ComposeFile } from '../model/compose.ts';
import type { Finding, Place } from '../model/finding.ts';
import { placeOf, worstFirst } from '../model/finding.ts';
import type { Unfinished } from '../model/unfinished.ts';
import { composeDrift, copyDrift } from './drift-copies.ts';
import { serviceDrift } from './drift-services.ts';
import { vaultDrift } from './drift-vault.ts';
import type { Drift } from './mends.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';

export interface DriftInput extends Omit<PlanInput, 'options'> {
  /** An apply of this stack that did not end, and who runs it now, or null where nobody does. Absent: there is none. */
  readonly unfinished?: { readonly apply: Unfinished; readonly runs: string | null } | undefined;
  /** Files that a deploy would read. */
  readonly compose?: readonly ComposeFile[];
}

export interface DriftFound {
  /** The worst first. */
  readonly findings: readonly Finding[];
  /** Secrets that a new version mends, and that may rotate now. */
  readonly rotate: readonly SecretAddress[];
}

/**
 * What vaults and platforms hold and the record does not say. Pure, like the plan: no clock, no I/O, inputs untouched.
 *
 * What is declared and was not applied yet is a change, not drift. What an apply touches that runs or did not end is
 * left out: it is ours. What could not be observed is a finding of its own and says nothing of what it may hold.
 */
export function findDrift(input: DriftInput): DriftFound {
  const view = new View(input);
  const own = new Set<Address | null>(
    input.unfinished?.apply.groups.flatMap(({ secrets, consumers }) => [...secrets, ...consumers]),
  );
  const drifts = [
    ...view.declared.secrets.flatMap((secret) => vaultDrift(secret, view)),
    ...view.declared.consumers.flatMap((consumer) => serviceDrift(consumer, view)),
    ...copyDrift(view),
  ].filter(({ address }) => !own.has(address));
  const { stack } = input.declared;
  const found = [...unknown(view), ...unfinished(input), ...drifts].map(
    ({ rotates: _rotates, ...drift }): Finding => ({ ...drift, stack, place: placeIn(view, drift.address) }),
  );
  const named = composeDrift(input.compose ?? [], view).map((finding): Finding => ({ ...finding, stack }));
  const rotate = drifts.flatMap(({ address, rotates }) =>
    rotates === true
      ? (view.declared.secrets.find((secret) => secret.address === address)?.address ?? [])
      : [],
  );
  return { findings: worstFirst([...found, ...named]), rotate: [...new Set(rotate)] };
}

function placeIn(view: View, address: Address | null): Place | null {
  const of = [...view.declared.secrets, ...view.declared.consumers].find((each) => each.address === address);
  return placeOf(of?.position ?? null);
}

function unknown({ observed, declared }: View): Drift[] {
  return [...Object.entries(observed.vaults), ...Object.entries(observed.platforms)].flatMap(
    ([subject, seen]): Drift[] => {
      if (seen.status === 'seen') return [];
      const { what, next = `keyturn drift ${declared.stack}` } = seen.fault;
      const text = `could not be observed, and whether it drifted is not known: ${what}`;
      return [{ rule: 'unknown', level: 'error', address: null, subject, text, next }];
    },
  );
}

function unfinished({ unfinished: given, declared: { stack } }: DriftInput): Drift[] {
  if (given === undefined) return [];
  const { apply, runs } = given;
  const kind = { apply: 'an apply', rollback: 'a rollback', compromise: 'an emergency rotation' }[apply.kind];
  const found = { rule: 'unfinished' as const, address: null, subject: stack };
  const of = `${kind} of ${apply.startedAt} by ${apply.by}`;
  if (runs !== null) {
    const text = `${of} is under way (${runs}): what it touches was left out here`;
    return [{ ...found, level: 'note', text, next: 'look again when it has ended' }];
  }
  const text = `${of} did not end: what it touched was left out here`;
  return [{ ...found, level: 'warning', text, next: `keyturn apply ${stack}` }];
}
