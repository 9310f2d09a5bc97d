import { Fault } from '../model/fault.ts';
import type { Claim, Lock } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { Holder, LeaseClock, LeaseTerms } from './lease.ts';
import { claimText, holderIn, Lease, renewedAt } from './lease.ts';

/** Whether the process that a holder names still lives; null where that cannot be told from here. */
export type IsAlive = (holder: Holder) => boolean | null;

export interface ClaimOptions {
  readonly isAlive: IsAlive;
  /** How long to wait for a holder who lives, ms. */
  readonly timeoutMs: number;
  readonly terms: LeaseTerms;
  readonly clock: LeaseClock;
  /** Told once what is waited for. */
  readonly tell: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Claimed {
  readonly lease: Lease;
  /** The holder that did not give it back; null where nobody held it. Its writes must be fenced off. */
  readonly from: Holder | null;
}

/** How often a claim that is waited for is looked at. */
const LOOK_MS = 1_000;

/**
 * Claims the record for one apply: one holder at a time.
 *
 * A holder of this host whose process is dead is replaced at once. One of whom nothing is known but the claim is
 * watched: while it is renewed the holder lives, and this is a `lease-held` fault that names it once `timeoutMs`
 * is over; where it is not, it is replaced after a whole period and the longest act, by the watcher's own clock
 * (or the store's), because no two hosts' clocks agree. `interrupted` where the signal ends the wait.
 */
export async function claim(lock: Lock, own: Holder, options: ClaimOptions): Promise<Claimed> {
  const { terms, clock } = options;
  const start = clock.ticks();
  let watch: Watch | null = null;
  let refused: string | null = null;
  for (let isTold = false; ; isTold = true) {
    const standing = await lock.read();
    if (standing === null) {
      const lease = await take(lock, own, null, false, options);
      if (lease !== null) return { lease, from: null };
      continue;
    }
    const holder = holderIn(standing.text, lock);
    watch = watched(watch, standing, clock);
    const unchanged = Math.max(clock.ticks() - watch.since, standing.ageMs ?? 0);
    const isAlive = holder.isFenced ? null : options.isAlive(holder);
    if (isAlive === false || unchanged >= staleAfter(holder, terms)) {
      const lease = await take(lock, own, standing, isAlive === false || holder.isFenced, options);
      if (lease !== null) return { lease, from: holder };
      // Somebody was faster; where the same claim still stands, its store has not let go of the holder yet.
      const isNews = refused !== standing.tag;
      refused = standing.tag;
      if (isNews) continue;
    }
    const patience = patienceFor(holder, isAlive, watch.isRenewed, options);
    const waited = clock.ticks() - start;
    if (waited >= patience) throw held(holder, lock);
    if (!isTold) options.tell(waitingFor(holder, isAlive, patience));
    await pause(Math.min(LOOK_MS, patience - waited), holder, lock, options);
  }
}

/** A claim that is watched: since when it stands like that, and whether it was seen to change. */
interface Watch {
  readonly tag: string;
  readonly since: number;
  readonly isRenewed: boolean;
}

function watched(before: Watch | null, { tag }: Claim, clock: LeaseClock): Watch {
  if (before?.tag === tag) return before;
  return { tag, since: clock.ticks(), isRenewed: before !== null };
}

/** How long a claim must have stood unchanged before it is nobody's. */
function staleAfter({ isFenced }: Holder, { periodMs, longestActMs }: LeaseTerms): number {
  return isFenced ? longestActMs : periodMs + longestActMs;
}

/** Whoever cannot be asked is watched for as long as it takes to know. */
function patienceFor(
  holder: Holder,
  isAlive: boolean | null,
  isRenewed: boolean,
  { timeoutMs, terms, clock }: ClaimOptions,
): number {
  const isOver = Date.parse(holder.expires) <= clock.now();
  const isKnown = isRenewed || (isAlive === true && !isOver);
  return isKnown ? timeoutMs : Math.max(timeoutMs, staleAfter(holder, terms) + 2 * LOOK_MS);
}

async function take(
  lock: Lock,
  own: Holder,
  over: Claim | null,
  force: boolean,
  { terms, clock }: ClaimOptions,
): Promise<Lease | null> {
  const begun = { now: clock.now(), ticks: clock.ticks() };
  const holder = renewedAt(own, begun.now, terms);
  try {
    const tag = await lock.take(claimText(holder), over?.tag ?? null, force);
    return new Lease(lock, { holder, tag, begun }, terms, clock);
  } catch (thrown) {
    if (thrown instanceof Changed) return null;
    throw thrown;
  }
}

async function pause(ms: number, holder: Holder, lock: Lock, { clock, signal }: ClaimOptions): Promise<void> {
  try {
    await clock.sleep(Math.max(1, ms), signal);
  } catch (thrown) {
    if (signal?.aborted !== true) throw thrown;
    throw new Fault({
      code: 'interrupted',
      what: `interrupted while waiting for the lease that ${holder.holder} holds`,
      where: lock.place,
      live: 'nothing was changed by this run',
    });
  }
}

/** Who holds a claim, since when and where, in words. */
export function describeHolder({ holder, purpose, pid, host, since, run }: Holder): string {
  const where = run ?? `pid ${pid} on ${host}`;
  return `${holder} since ${since} (${purpose}, ${where})`;
}

function waitingFor(holder: Holder, isAlive: boolean | null, patience: number): string {
  const seconds = Math.ceil(patience / 1000);
  if (holder.isFenced) {
    return `the lease was unlocked by ${holder.holder}: waiting up to ${seconds} s until no act of the one before can be under way`;
  }
  const who = `the lease is held by ${describeHolder(holder)}`;
  return isAlive === true
    ? `${who}: waiting up to ${seconds} s for it`
    : `${who}: watching up to ${seconds} s whether it is renewed`;
}

function held(holder: Holder, lock: Lock): Fault {
  return new Fault({
    code: 'lease-held',
    what: `the lease is held by ${describeHolder(holder)}`,
    where: lock.place,
    live: 'nothing was changed by this run',
    next:
      holder.run === null
        ? 'wait until it has ended (or --lock-timeout 10m), then run again; if it can never end: keyturn state unlock'
        : `wait for ${holder.run}, then run again; if it can never end: keyturn state unlock`,
  });
}
