import { z } from 'zod';
import { entrySchema } from './history-files.ts';
import { manifestSchema } from './manifest.ts';
import { planFileSchema } from './plan-file.ts';
import { causeSchema, stateSchema } from './state-file.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const fault = z.looseObject({ code: z.string(), what: z.string() });

/** What is written today: a reader of ours takes older entries, which lack some of it. */
const writtenEntry = entrySchema.extend({
  previous: digest.nullable(),
  apply: z.string(),
  endedAt: z.iso.datetime(),
  actor: z.looseObject({
    name: z.string(),
    knownBy: z.enum(['os-user', 'git-author', 'ci']),
    host: z.string(),
    run: z.string().nullable(),
    identities: z.array(z.looseObject({ knownBy: z.string(), name: z.string() })).exactOptional(),
    gate: z
      .looseObject({
        saidBy: z.literal('github-actions'),
        approvals: z.array(z.looseObject({ how: z.string(), name: z.string() })),
      })
      .exactOptional(),
  }),
  reason: z.string().nullable(),
  ticket: z.string().nullable(),
  planDigest: digest.nullable(),
  versions: z.record(
    z.string(),
    z.strictObject({ before: z.int().positive().nullable(), after: z.int().positive().nullable() }),
  ),
  steps: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.string(),
      address: z.string(),
      text: z.string(),
      cause: causeSchema.exactOptional(),
      status: z.enum(['waiting', 'running', 'done', 'failed', 'undone', 'undo-failed', 'skipped']),
      elapsedMs: z.number().nullable(),
      fault: fault.nullable(),
      evidence: z.looseObject({}).nullable(),
    }),
  ),
});

const PUBLISHED = {
  'manifest': { schema: manifestSchema, title: 'keyturn.json: what a stack declares' },
  'state': { schema: stateSchema, title: 'state.json: what was recorded last' },
  'history-entry': { schema: writtenEntry, title: 'history/NNNNNN.json: one entry of the history' },
  'plan': { schema: planFileSchema, title: 'a plan that keyturn plan --out saved' },
} as const;

/**
 * The JSON Schemas (2020-12) of our formats, by the name of their file in schemas/: made of the very schemas that readers
 * check with. What a schema cannot say (that references have their declaration, that digests fit) they leave out.
 */
export function publishedSchemas(): Readonly<Record<keyof typeof PUBLISHED, object>> {
  const made = Object.entries(PUBLISHED).map(([name, { schema, title }]) => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
    return [name, { $schema, title, ...rest }];
  });
  return Object.fromEntries(made) as Record<keyof typeof PUBLISHED, object>;
}
