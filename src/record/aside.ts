import { z } from 'zod';
import type { Instant } from '../model/address.ts';
import { canonicalJson } from '../model/canonical.ts';
import type { FaultRecord } from '../model/fault.ts';
import { guardedAside } from '../model/guarded.ts';
import type { Actor, Commit, HistoryEntry } from '../model/journal.ts';
import { ASIDE_KINDS } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import type { ObjectStore } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import { parseFormat } from './formats.ts';
import { steplessEntry } from './stepless.ts';

const FORMAT = 1;
const FOLDER = 'refused/';
/** What is left at most until the next apply takes it in; a script that is refused all day leaves the first ones. */
const MOST = 100;

/** Something that belongs into the history and is no apply. */
export interface Aside {
  readonly kind: (typeof ASIDE_KINDS)[number];
  /** Unique. */
  readonly id: string;
  readonly at: Instant;
  readonly actor: Actor;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly planDigest: string | null;
  readonly commit: Commit | null;
  readonly notes: readonly string[];
  /** Of a `refused`. */
  readonly refusal?: { readonly tried: string; readonly fault: FaultRecord };
}

/** Other keys are left out: whoever may write here must not say what an apply did. */
const asideSchema = z.object({
  format: z.literal(1),
  kind: z.enum(ASIDE_KINDS),
  id: z.string().min(1),
  at: z.iso.datetime(),
  actor: z.looseObject({ name: z.string(), knownBy: z.string(), host: z.string() }),
  reason: z.string().nullable(),
  ticket: z.string().nullable(),
  planDigest: z.string().nullable(),
  commit: z.object({ id: z.string(), isDirty: z.boolean() }).nullable(),
  notes: z.array(z.string()),
  refusal: z
    .object({ tried: z.string(), fault: z.looseObject({ code: z.string(), what: z.string() }) })
    .exactOptional(),
});

/** Its history entry, after `last`: no plan and no step, and no version moved. */
export function asideEntry({ notes, ...aside }: Aside, last: Recorded['head']): HistoryEntry {
  const outcome = aside.kind === 'refused' ? 'failed' : 'done';
  return steplessEntry({ ...aside, outcome, ...(notes.length === 0 ? {} : { notes }) }, last);
}

/**
 * Leaves it beside the record, for whoever applies next to take into the history: no lease is needed. Holds
 * afterwards: it is there, or so many are there already that this one is not kept.
 */
export async function leaveAside(store: ObjectStore, aside: Aside): Promise<void> {
  if ((await store.list(FOLDER)).length >= MOST) return;
  const stamp = aside.at.replaceAll(/[^0-9TZ]/g, '');
  const text = `${canonicalJson({ format: FORMAT, ...guardedAside(aside) })}\n`;
  await store.put(`${FOLDER}${stamp}-${aside.id}.json`, text, 'absent').catch((thrown: unknown) => {
    if (!(thrown instanceof Changed)) throw thrown;
  });
}

/** One as it lies in the store. */
export interface Left {
  readonly name: string;
  readonly aside: Aside;
}

/** What was left and is not in the history yet, oldest first. What cannot be read is passed over and stays. */
export async function leftAside(store: ObjectStore): Promise<Left[]> {
  const left: Left[] = [];
  for (const name of (await store.list(FOLDER)).slice(0, MOST)) {
    const stored = await store.get(name);
    const aside = stored === null ? null : asideIn(stored.text, `${store.place}/${name}`);
    if (aside !== null) left.push({ name, aside });
  }
  return left;
}

function asideIn(text: string, where: string): Aside | null {
  try {
    const { format: _, ...aside } = parseFormat(text, where, FORMAT, asideSchema, 'remove it');
    return aside as unknown as Aside;
  } catch {
    return null;
  }
}
