import { z } from 'zod';
import type { Instant } from '../model/address.ts';
import { digestOf } from '../model/canonical.ts';
import { NOTICE_KINDS } from '../model/declared.ts';
import type { Delivery } from '../model/journal.ts';
import type { Notice } from '../model/notice.ts';
import type { ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';

/** Longer than any delivery takes: one that is still under way then died with its process. */
const UNDER_WAY_MS = 10 * 60_000;
/** What was told so long ago is forgotten, and told again if it still stands. */
const REMEMBERED_MS = 90 * 24 * 3_600_000;
/** Claims that are looked at for their age with each new one. */
const LOOKED_AT = 8;

/** `notices/<digest of key and receiver>.json`: that somebody was told something, or could not be. */
interface NoticeClaim extends Delivery {
  readonly format: 1;
  readonly key: string;
  /** False while it is under way, and where `failure` says why it could not be told. */
  readonly isTold: boolean;
}

const claimSchema: z.ZodType<NoticeClaim> = z.strictObject({
  format: z.literal(1),
  key: z.string(),
  to: z.string(),
  event: z.enum(NOTICE_KINDS),
  about: z.string().nullable() as z.ZodType<Delivery['about']>,
  at: z.iso.datetime(),
  isTold: z.boolean(),
  failure: z.string().nullable(),
});

/**
 * Tells a receiver what it was not told yet, by whichever machine: a claim of the notice's key is made first, where
 * nothing is. Null: it was told before, or somebody else is about to. What fails stands in the claim and is tried
 * again by the next run. Needs no lease, and asks the store about this notice alone.
 */
export async function tellOnce(
  store: ObjectStore,
  to: string,
  { event, about, key }: Pick<Notice, 'event' | 'about' | 'key'>,
  now: () => Instant,
  tell: () => Promise<string | null>,
): Promise<Delivery | null> {
  const name = nameOfClaim(key, to);
  const there = await store.get(name);
  const known = there === null ? null : parseClaim(there);
  if (known !== null && !isOpen(known, now())) return null;
  const own = { format: 1, key, to, event, about, at: now() } as const;
  const tag = await put(store, name, { ...own, isTold: false, failure: null }, there);
  if (tag === null) return null;
  const failure = await tell();
  const delivery: Delivery = { to, event, about, at: now(), failure };
  await put(store, name, { ...own, ...delivery, isTold: failure === null }, { text: '', tag });
  if (there === null) await forgetOld(store, name, now()).catch(() => undefined);
  return delivery;
}

function nameOfClaim(key: string, to: string): string {
  return `notices/${digestOf([key, to]).slice(0, 32)}.json`;
}

/** Null: it is no claim of ours, and is written anew. */
function parseClaim({ text }: Stored): NoticeClaim | null {
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Whether it was not told: it failed, or who was about to has not come to the end of it. */
function isOpen({ isTold, failure, at }: NoticeClaim, now: Instant): boolean {
  return !isTold && (failure !== null || Date.parse(now) - Date.parse(at) > UNDER_WAY_MS);
}

/** The tag of what was written; null: somebody else was faster. */
async function put(
  store: ObjectStore,
  name: string,
  claim: NoticeClaim,
  over: Stored | null,
): Promise<string | null> {
  try {
    return await store.put(name, `${JSON.stringify(claim)}\n`, over === null ? 'absent' : { tag: over.tag });
  } catch (thrown) {
    if (thrown instanceof Changed) return null;
    throw thrown;
  }
}

/** Digests have no order, so that those behind a new one are others each time: in the end every claim is looked at. */
async function forgetOld(store: ObjectStore, beside: string, now: Instant): Promise<void> {
  const names = await store.list('notices/');
  const behind = [...names.filter((name) => name > beside), ...names.filter((name) => name < beside)];
  for (const name of behind.slice(0, LOOKED_AT)) {
    const there = await store.get(name);
    const claim = there === null ? null : parseClaim(there);
    if (there === null || claim === null) continue;
    if (Date.parse(now) - Date.parse(claim.at) > REMEMBERED_MS) await store.remove(name, there.tag);
  }
}
