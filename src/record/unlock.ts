import { Fault } from '../model/fault.ts';
import type { Claim, Lock } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { Holder, LeaseClock, LeaseTerms } from './lease.ts';
import { claimText, holderIn, Lease, renewedAt } from './lease.ts';

/** A claim that stands, and who it names; null where its text cannot be read. */
export interface Standing {
  readonly claim: Claim;
  readonly holder: Holder | null;
}

/** The claim on a record as it stands now; null where there is none. Throws for no text, however broken. */
export async function standingOn(lock: Lock): Promise<Standing | null> {
  const claim = await lock.read();
  return claim === null ? null : { claim, holder: readable(claim.text, lock) };
}

function readable(text: string, lock: Lock): Holder | null {
  try {
    return holderIn(text, lock);
  } catch {
    return null;
  }
}

/**
 * Takes the claim from the holder that was `seen`, who may live and renew it meanwhile, and marks it as nobody's:
 * whoever claims next waits until no act of that holder can be under way. Null where it was given back meanwhile;
 * a `lease-held` fault where someone else holds it by now, of whom nobody was asked.
 */
export async function seize(
  lock: Lock,
  seen: Standing,
  own: Holder,
  { terms, clock }: { readonly terms: LeaseTerms; readonly clock: LeaseClock },
): Promise<Lease | null> {
  for (;;) {
    const now = await standingOn(lock);
    if (now === null) return null;
    if (now.holder?.id !== seen.holder?.id) throw another(now, lock);
    const begun = { now: clock.now(), ticks: clock.ticks() };
    const holder = { ...renewedAt(own, begun.now, terms), isFenced: true };
    try {
      const tag = await lock.take(claimText(holder), now.claim.tag, true);
      return new Lease(lock, { holder, tag, begun }, terms, clock);
    } catch (thrown) {
      // It was renewed or given back between the two.
      if (!(thrown instanceof Changed)) throw thrown;
    }
  }
}

function another({ holder }: Standing, lock: Lock): Fault {
  return new Fault({
    code: 'lease-held',
    what: `the lease changed hands meanwhile: ${holder?.holder ?? 'somebody'} holds it now`,
    where: lock.place,
    live: 'nothing was changed by this run',
    next: 'look again: keyturn state unlock',
  });
}
