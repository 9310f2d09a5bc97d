import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { RadiusMember } from '../model/emergency.ts';
import { emptyRecord } from '../model/recorded.ts';
import { View } from './view.ts';

type Reach = Pick<RadiusMember, 'secret' | 'why' | 'of' | 'via'>;

/**
 * What is in doubt once these secrets are known to others: what is derived from them or depends on them, what is
 * declared together with them, and, because a consumer may have leaked all that it reads, what shares a consumer with
 * them. Each member hangs on the one that brought it in, over the shortest way, and stands behind it in the list.
 *
 * A consumer counts once: what only shares one with a named secret (or with what follows from it) brings in what
 * follows from itself, but not what its other consumers read. Otherwise one leak would take the whole stack.
 */
export function radiusOf(named: readonly SecretAddress[], view: View): Reach[] {
  const reached = new Map<SecretAddress, Reach>();
  const add = (reach: Reach): void => {
    if (view.secret(reach.secret) !== undefined && !reached.has(reach.secret))
      reached.set(reach.secret, reach);
  };
  for (const secret of named) add({ secret, why: 'named', of: null, via: null });
  follow([...reached.keys()], add, reached, view);
  const direct = [...reached.keys()];
  for (const secret of direct) {
    for (const { consumer, other } of shared(secret, view)) {
      add({ secret: other, why: 'consumer', of: secret, via: consumer });
    }
  }
  follow([...reached.keys()], add, reached, view);
  return [...reached.values()];
}

/** The same by address, before anything is observed: an emergency has to see every version of these that a vault gives out. */
export function withinRadius(
  named: readonly SecretAddress[],
  declared: Declared,
): ReadonlySet<SecretAddress> {
  const observed = { at: '', vaults: {}, platforms: {} };
  const view = new View({ declared, observed, recorded: emptyRecord(declared.stack, ''), now: '' });
  return new Set(radiusOf(named, view).map(({ secret }) => secret));
}

/** Adds what follows from these and from what is added, nearest first. */
function follow(
  from: readonly SecretAddress[],
  add: (reach: Reach) => void,
  reached: ReadonlyMap<SecretAddress, Reach>,
  view: View,
): void {
  const queue = [...from];
  for (let of = queue.shift(); of !== undefined; of = queue.shift()) {
    const before = reached.size;
    for (const { address: secret, ...other } of view.declared.secrets) {
      const why = whyFollows(of, { address: secret, ...other }, view);
      if (why !== null) add({ secret, why, of, via: null });
    }
    queue.push(...[...reached.keys()].slice(before));
  }
}

function whyFollows(of: SecretAddress, other: DeclaredSecret, view: View): RadiusMember['why'] | null {
  if (other.derivedFrom.includes(of)) return 'derived';
  if (other.dependsOn.includes(of)) return 'depends';
  const isTogether =
    other.together.includes(of) || view.secret(of)?.together.includes(other.address) === true;
  return isTogether ? 'together' : null;
}

function shared(secret: SecretAddress, view: View): { consumer: ConsumerAddress; other: SecretAddress }[] {
  return view
    .consumersOf(secret)
    .flatMap(({ address: consumer, mounts }) => mounts.map(({ secret: other }) => ({ consumer, other })));
}
