import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fence } from '../../src/model/fence.ts';
import type { ClaimOptions } from '../../src/record/claim.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { Holder, LeaseClock, LeaseTerms } from '../../src/record/lease.ts';
import { LEASE_TERMS } from '../../src/record/lease.ts';
import type { StackRecord } from '../../src/record/record.ts';

const NOW = '2026-11-22T03:00:00.000Z';

/** Long enough for a loaded machine to renew in time, short enough to wait for. */
export const SHORT_TERMS: LeaseTerms = { periodMs: 3_000, renewMs: 300, longestActMs: 500 };

const never = new AbortController();
setMaxListeners(0, never.signal);

/** Lets everything through. */
export const OPEN: Fence = { pass: () => LEASE_TERMS.longestActMs, lost: never.signal };

export const REAL_CLOCK: LeaseClock = {
  now: Date.now,
  ticks: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }),
};

export function holder(more: Partial<Holder> = {}): Holder {
  return {
    format: 2,
    id: randomUUID(),
    holder: 'tester',
    host: 'here',
    pid: 7,
    started: null,
    purpose: 'keyturn apply',
    run: null,
    since: NOW,
    renewed: NOW,
    expires: NOW,
    isFenced: false,
    ...more,
  };
}

/** Claims a record; whoever held it before counts as dead unless said. */
export function claimed(
  record: StackRecord,
  own: Holder = holder(),
  more: Partial<ClaimOptions> = {},
): Promise<HeldRecord> {
  return record.claim(own, {
    isAlive: () => false,
    timeoutMs: 0,
    terms: LEASE_TERMS,
    clock: REAL_CLOCK,
    tell: () => {},
    ...more,
  });
}
