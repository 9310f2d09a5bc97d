import { z } from 'zod';
import type { Instant } from '../model/address.ts';
import { canonicalJson } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import type { Actor } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import { STATE_FORMAT } from '../model/recorded.ts';
import { parseFormat } from './formats.ts';
import { parseState, stateSchema } from './state-file.ts';

/** One migration: what both sides need to end it, however often it is begun again. */
export interface Move {
  /** Unique; names the history entry at the new place. */
  readonly id: string;
  /** Where the record lay and where it went, as messages say it. */
  readonly from: string;
  readonly to: string;
  readonly at: Instant;
  readonly actor: Actor;
  readonly reason: string | null;
  readonly ticket: string | null;
}

/**
 * Stands in the place of state.json where a record was moved away: nobody applies there any more. It holds the state
 * as it went, so that a migration that was cut off loses nothing and goes on.
 */
export interface Moved {
  readonly format: 1;
  readonly moved: Move;
  readonly state: Recorded;
}

const movedSchema: z.ZodType<Moved> = z.strictObject({
  format: z.literal(1),
  moved: z.strictObject({
    id: z.string(),
    from: z.string(),
    to: z.string(),
    at: z.iso.datetime(),
    actor: z.strictObject({
      name: z.string(),
      knownBy: z.enum(['os-user', 'git-author', 'ci']),
      host: z.string(),
      run: z.string().nullable(),
      identities: z
        .array(
          z.strictObject({
            knownBy: z.enum(['azure', 'oidc', 'ci', 'git-author', 'os-user']),
            name: z.string(),
            id: z.string().exactOptional(),
            issuer: z.string().exactOptional(),
          }),
        )
        .exactOptional(),
      gate: z
        .strictObject({
          saidBy: z.literal('github-actions'),
          event: z.string().nullable(),
          attempt: z.int().nullable(),
          triggeredBy: z.string().nullable(),
          environment: z.string().nullable(),
          approvals: z.array(
            z.strictObject({
              how: z.enum(['environment', 'review', 'merge']),
              name: z.string(),
              of: z.string().nullable(),
              at: z.string().nullable(),
            }),
          ),
        })
        .exactOptional(),
    }),
    reason: z.string().nullable(),
    ticket: z.string().nullable(),
  }),
  state: stateSchema,
});

/** Reads what lies in the place of the state: the state, or word of where it went. Faults as `parseState`. */
export function parseStored(text: string, where: string): Recorded | Moved {
  const next = 'bring it back from version control or a backup';
  return isMoved(text) ? parseFormat(text, where, STATE_FORMAT, movedSchema, next) : parseState(text, where);
}

export function isAway(stored: Recorded | Moved): stored is Moved {
  return 'moved' in stored;
}

export function movedText(moved: Moved): string {
  return `${canonicalJson(moved)}\n`;
}

/** For everything but the history, and but for moving it back. */
export function movedAway({ moved, state }: Moved, place: string): Fault {
  return new Fault({
    code: 'record-moved',
    what: `the record of ${state.stack} was moved to ${moved.to} at ${moved.at} by ${moved.actor.name}`,
    where: place,
    live: 'nothing was changed; only the history may still be read here',
    next: 'use the stack as it is declared since then (an old checkout is out of date), or move the record back: keyturn state migrate',
  });
}

/** Whether a text in the place of the state is word of where it went. */
export function isMoved(text: string): boolean {
  // Nearly always a whole state, which need not be read twice to know that.
  if (!text.includes('"moved"')) return false;
  try {
    const json = JSON.parse(text) as unknown;
    return typeof json === 'object' && json !== null && 'moved' in json;
  } catch {
    return false;
  }
}
