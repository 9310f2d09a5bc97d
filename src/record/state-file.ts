import { z } from 'zod';
import { canonicalJson } from '../model/canonical.ts';
import type { Recorded } from '../model/recorded.ts';
import { STATE_FORMAT } from '../model/recorded.ts';
import type { Cause } from '../model/plan.ts';
import { consumerRef, secretRef } from './addresses.ts';
import { parseFormat, parseFormatInTurns } from './formats.ts';

const instant = z.iso.datetime({ error: 'not an instant such as 2026-11-22T03:00:00Z' });
const ordinal = z.int().positive();

/** The causes of a rotation; every other kind of JSON is refused. */
export const causeSchema: z.ZodType<Cause> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('first') }),
    z.strictObject({ kind: z.literal('due'), due: instant }),
    z.strictObject({ kind: z.literal('generation'), generation: z.int() }),
    z.strictObject({ kind: z.literal('found'), storeId: z.string() }),
    z.strictObject({ kind: z.literal('request'), at: instant, reason: z.string().nullable() }),
    z.strictObject({
      kind: z.literal('together'),
      secret: secretRef,
      of: causeSchema,
    }),
    z.strictObject({ kind: z.literal('mount'), why: z.string() }),
    z.strictObject({ kind: z.literal('soaked'), since: instant }),
    z.strictObject({ kind: z.literal('rollback'), reason: z.string().nullable() }),
    z.strictObject({ kind: z.literal('compromise'), incident: z.string() }),
    z.strictObject({ kind: z.literal('adopted'), at: instant }),
  ]),
);

const held = z.strictObject({
  since: instant,
  reason: z.string(),
  cause: causeSchema,
  declaration: z.string(),
});

const version = z.strictObject({
  ordinal,
  role: z.enum(['pending', 'current', 'prior', 'retiring', 'retired']),
  storeIds: z.array(z.string()),
  operation: z.string(),
  cause: causeSchema,
  mintedAt: instant,
  promotedAt: instant.nullable(),
  promotion: z.string().nullable(),
  soakUntil: instant.nullable(),
  approvedBy: z.string().nullable(),
  retiredAt: instant.nullable(),
  retiredWhy: z.enum(['soaked', 'undone', 'compromised']).nullable(),
  revokedAt: instant.exactOptional(),
  provedAt: instant.exactOptional(),
  disabledAt: instant.exactOptional(),
  effects: z.array(z.string()).exactOptional(),
  unproved: z.string().exactOptional(),
  copies: z.array(
    z.strictObject({
      platform: z.string(),
      name: z.string(),
      id: z.string(),
      bases: z.array(z.string()).exactOptional(),
    }),
  ),
});

const stateObject = z.strictObject({
  format: z.literal(1),
  stack: z.string(),
  lineage: z.string(),
  serial: z.int().nonnegative(),
  secrets: z.record(
    secretRef,
    z.strictObject({
      highest: z.int().nonnegative(),
      lowest: ordinal.exactOptional(),
      current: ordinal.nullable(),
      generation: z.int(),
      versions: z.array(version),
      fingerprint: z.string().nullable(),
      held: held.nullable(),
    }),
  ),
  consumers: z.record(
    consumerRef,
    z.strictObject({
      mounts: z.record(z.string(), z.strictObject({ secret: secretRef, ordinal })),
      originals: z.strictObject({ update: z.string(), rollback: z.string() }).nullable(),
      flippedAt: instant.nullable(),
      settleAfter: instant.nullable(),
      fingerprint: z.string().nullable(),
      parked: z.strictObject({ since: instant, incident: z.string(), reason: z.string() }).exactOptional(),
    }),
  ),
  usedPlans: z.array(z.string()),
  head: z.strictObject({ entry: z.int().positive(), digest: z.string() }).nullable(),
});

export const stateSchema: z.ZodType<Recorded> = stateObject;

const NEXT = 'bring it back from version control or a backup; an empty one would mint every secret anew';

/** Reads state.json; a broken or newer one is a fault that says so, never an empty state. */
export function parseState(text: string, where: string): Recorded {
  return parseFormat(text, where, STATE_FORMAT, stateSchema, NEXT);
}

/** A state that is JSON of a format that is known; `check` says whether it is one, in turns with other work. */
export interface StateText {
  /** As it says itself; null where it does not. */
  readonly stack: string | null;
  readonly check: () => Promise<Recorded>;
}

/** The same for whoever has requests under way meanwhile: what is no JSON throws here, what is wrong with it `check`. */
export function openState(text: string, where: string): StateText {
  const file = { text, where, format: STATE_FORMAT, schema: stateObject, next: NEXT };
  const { json, check } = parseFormatInTurns<Recorded>(file, ['secrets', 'consumers']);
  const stack = typeof json === 'object' && json !== null && 'stack' in json ? json.stack : null;
  return { stack: typeof stack === 'string' ? stack : null, check };
}

/** state.json's text: canonical JSON, one line, a newline at the end. */
export function stateText(recorded: Recorded): string {
  return `${canonicalJson(recorded)}\n`;
}
