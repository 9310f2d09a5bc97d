import { z } from 'zod';
import { canonicalJson, digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import type { Problem } from '../model/fault.ts';
import type { Recorded } from '../model/recorded.ts';
import { parseFormat } from './formats.ts';
import { stateSchema } from './state-file.ts';

/** A whole record in one file: the state and the history that leads to it. Never a value; docs/FORMATS.md draws it. */
export interface Bundle {
  readonly format: 1;
  readonly kind: 'keyturn-record';
  readonly stack: string;
  readonly lineage: string;
  readonly serial: number;
  readonly state: Recorded;
  /** From the first entry on, each with the digest of its canonical JSON. */
  readonly history: readonly BundledEntry[];
}

/** An entry as it was written: nothing that a reader adds to an older one. */
export interface BundledEntry {
  readonly digest: string;
  readonly entry: unknown;
}

const BUNDLE_FORMAT = 1;

const linkSchema = z.looseObject({
  format: z.literal(1),
  entry: z.int().positive(),
  previous: z.string().nullable(),
  apply: z.string(),
});

const bundleSchema: z.ZodType<Bundle> = z.strictObject({
  format: z.literal(1),
  kind: z.literal('keyturn-record'),
  stack: z.string(),
  lineage: z.string(),
  serial: z.int().nonnegative(),
  state: stateSchema,
  history: z.array(z.strictObject({ digest: z.string(), entry: z.unknown() })),
});

export function bundleOf(state: Recorded, history: readonly BundledEntry[]): Bundle {
  const { stack, lineage, serial } = state;
  return { format: BUNDLE_FORMAT, kind: 'keyturn-record', stack, lineage, serial, state, history };
}

/** A bundle's text: canonical JSON, one line, a newline at the end. */
export function bundleText(bundle: Bundle): string {
  return `${canonicalJson(bundle)}\n`;
}

/** Reads a bundle. One that contradicts itself, or whose history does not chain up to its state, is refused. */
export function parseBundle(text: string, where: string): Bundle {
  const next = 'make it anew: keyturn state pull STACK > FILE';
  const bundle = parseFormat(text, where, BUNDLE_FORMAT, bundleSchema, next);
  const problems = contradictionsIn(bundle);
  if (problems.length === 0) return bundle;
  throw new Fault({
    code: 'bad-file',
    what: 'the bundle contradicts itself: it was edited, or something is missing',
    where,
    live: 'nothing was changed',
    next,
    problems,
  });
}

/** Whatever keeps a bundle from being one record. */
export function contradictionsIn({ stack, lineage, serial, state, history }: Bundle): Problem[] {
  const problems: Problem[] = [];
  const say = (where: string, what: string): void => void problems.push({ where, what });
  if (state.stack !== stack) say('stack', `is "${stack}", the state's is "${state.stack}"`);
  if (state.lineage !== lineage) say('lineage', 'is not the lineage of the state');
  if (state.serial !== serial) say('serial', `is ${serial}, the state's is ${state.serial}`);
  let previous: string | null = null;
  for (const [index, { digest, entry }] of history.entries()) {
    const where = `history entry ${index + 1}`;
    const link = linkSchema.safeParse(entry);
    if (!link.success) say(where, 'is not what keyturn writes there');
    else if (link.data.entry !== index + 1) say(where, `has the number ${link.data.entry}`);
    else if (link.data.previous !== previous) say(where, 'does not name the entry before it');
    if (digestOf(entry) !== digest) say(where, 'is not what its digest says');
    previous = digest;
  }
  const head = state.head;
  if ((head?.entry ?? 0) !== history.length || (head?.digest ?? null) !== previous) {
    say('history', `has ${history.length} entries and does not end with the state's head`);
  }
  return problems;
}
