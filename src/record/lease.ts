import { z } from 'zod';
import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import { parseFormat } from './formats.ts';
import type { ObjectStore } from './store.ts';
import { Changed } from './store.ts';

const LEASE = 'lease.json';

/** Who holds the record, and how to reach them. */
export interface Holder {
  readonly format: 1;
  /** The apply's id. */
  readonly id: string;
  readonly holder: string;
  readonly host: string;
  readonly pid: number;
  /** Start of the process, as the host tells it (a pid alone may be used again); null where it does not. */
  readonly started: string | null;
  readonly purpose: string;
  readonly run: string | null;
  readonly since: Instant;
}

const holderSchema: z.ZodType<Holder> = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  holder: z.string(),
  host: z.string(),
  pid: z.int(),
  started: z.string().nullable(),
  purpose: z.string(),
  run: z.string().nullable(),
  since: z.string(),
});

/** Tells whether the process that a holder names still lives; only asked for holders of this host. */
export type IsAlive = (holder: Holder) => boolean;

/**
 * Claims the record for one apply: one holder at a time. A holder on the same host whose process is dead is
 * replaced; any other is a `lease-held` fault that names it. Resolves with the function that gives it back.
 */
export async function acquireLease(
  store: ObjectStore,
  own: Holder,
  isAlive: IsAlive,
): Promise<() => Promise<void>> {
  const text = `${JSON.stringify(own)}\n`;
  let clear = (): Promise<void> => Promise.resolve();
  try {
    await store.put(LEASE, text, 'absent');
  } catch (thrown) {
    if (!(thrown instanceof Changed)) throw thrown;
    clear = await takeOver(store, own, text, isAlive);
  }
  return async () => {
    const there = await store.get(LEASE);
    if (there !== null && there.text === text) await store.remove(LEASE);
    await clear();
  };
}

/**
 * Replaces a dead holder. Several may try at once: a marker named after the dead holder's id has one winner, and
 * only the winner may replace the lease, and only while it still is the dead one's. A winner that died in between
 * is replaced in the same way.
 */
async function takeOver(
  store: ObjectStore,
  own: Holder,
  text: string,
  isAlive: IsAlive,
): Promise<() => Promise<void>> {
  const there = await store.get(LEASE);
  if (there === null) throw held(own, store, null);
  const dead = holderIn(there.text, store, LEASE);
  if (dead.host !== own.host || isAlive(dead)) throw held(dead, store, dead);
  const marker = await winMarker(store, own, text, dead.id, isAlive);
  const now = await store.get(LEASE);
  if (now?.text !== there.text) {
    await store.remove(marker);
    throw held(own, store, null);
  }
  await store.put(LEASE, text, 'any');
  return () => store.remove(marker);
}

async function winMarker(
  store: ObjectStore,
  own: Holder,
  text: string,
  dead: string,
  isAlive: IsAlive,
): Promise<string> {
  const marker = `lease-after-${dead}.json`;
  try {
    await store.put(marker, text, 'absent');
    return marker;
  } catch (thrown) {
    if (!(thrown instanceof Changed)) throw thrown;
  }
  const there = await store.get(marker);
  if (there === null) throw held(own, store, null);
  const winner = holderIn(there.text, store, marker);
  if (winner.host !== own.host || isAlive(winner)) throw held(winner, store, winner);
  return winMarker(store, own, text, winner.id, isAlive);
}

function holderIn(text: string, store: ObjectStore, name: string): Holder {
  const next = `if no apply runs, remove ${store.place}/${name}`;
  return parseFormat(text, `${store.place}/${name}`, 1, holderSchema, next);
}

function held(holder: Holder, store: ObjectStore, known: Holder | null): Fault {
  const who =
    known === null
      ? 'another apply took the lease this moment'
      : `${holder.holder} holds the lease since ${holder.since} (${holder.purpose}, pid ${holder.pid} on ${holder.host})`;
  return new Fault({
    code: 'lease-held',
    what: who,
    where: `${store.place}/${LEASE}`,
    live: 'nothing was changed by this run',
    next:
      known?.run == null
        ? 'wait until it has ended, then run again'
        : `wait for ${known.run}, then run again`,
  });
}
