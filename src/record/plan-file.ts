import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson, digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import { guardedPlan } from '../model/guarded.ts';
import type { Plan } from '../model/plan.ts';
import { PLAN_FORMAT } from '../model/plan.ts';
import { consumerRef, secretRef } from './addresses.ts';
import { parseFormat } from './formats.ts';
import { causeSchema } from './state-file.ts';

const address = z.union([secretRef, consumerRef]);

/** What all kinds of steps have; the rest of each kind is the executor's, and covered by the digest. */
const step = z.looseObject({
  id: z.string(),
  kind: z.enum([
    'mint',
    'restore',
    'stage',
    'unstage',
    'flip',
    'verify',
    'smoke',
    'promote',
    'demote',
    'settle',
    'revoke',
    'prove',
    'retire',
    'prune',
    'effect',
  ]),
  group: z.string(),
  address,
  needs: z.array(z.string()),
  after: z.array(z.string()).exactOptional(),
  cause: causeSchema,
  text: z.string(),
  get inverse() {
    return step.nullable();
  },
});

/** A saved plan, as it is read. Published as a JSON Schema. */
export const planFileSchema = z.strictObject({
  format: z.literal(1),
  digest: z.string().regex(/^[0-9a-f]{64}$/, 'no SHA-256'),
  plan: z.looseObject({
    format: z.literal(1),
    stack: z.string(),
    kind: z.enum(['apply', 'rollback', 'compromise']),
    createdAt: z.iso.datetime(),
    basis: z.strictObject({
      lineage: z.string(),
      serial: z.int().nonnegative(),
      fingerprints: z.record(z.string(), z.string()),
      recorded: z.record(z.string(), z.string()),
    }),
    groups: z.array(
      z.looseObject({
        id: z.string(),
        needs: z.array(z.string()),
        after: z.array(z.string()).exactOptional(),
        secrets: z.array(z.string()),
        consumers: z.array(z.string()),
      }),
    ),
    steps: z.array(step),
    later: z.array(
      z.looseObject({
        kind: z.enum(['settle', 'revoke', 'prove', 'retire', 'prune']),
        address,
        after: z.string(),
        notBefore: z.iso.datetime(),
        text: z.string(),
      }),
    ),
    blocked: z.array(
      z.looseObject({
        address,
        why: z.string(),
        text: z.string(),
        next: z.string().nullable(),
        fault: z.looseObject({ code: z.string(), what: z.string() }).nullable(),
      }),
    ),
    notes: z.array(z.looseObject({ kind: z.string(), address: address.nullable(), text: z.string() })),
  }),
});

/**
 * A saved plan: `{format, digest, plan}`, the digest being that of the plan's canonical JSON. Its free text goes through
 * the guard; what it hands on to the vault (tags) does not.
 */
export function planFileText(made: Plan): string {
  const plan = guardedPlan(made);
  return `${canonicalJson({ format: PLAN_FORMAT, digest: digestOf(plan), plan })}\n`;
}

/** Reads a saved plan. One that was edited after it was written is refused. */
export function parsePlanFile(text: string, where: string): { readonly plan: Plan; readonly digest: string } {
  const next = 'make a new one: keyturn plan --out FILE';
  const file = parseFormat(text, where, PLAN_FORMAT, planFileSchema, next);
  const digest = digestOf(file.plan);
  if (digest !== file.digest) {
    throw new Fault({
      code: 'bad-file',
      what: `the plan was edited: its digest is ${digest.slice(0, 12)}…, ${file.digest.slice(0, 12)}… was written`,
      where,
      live: 'nothing was changed',
      next,
    });
  }
  return { plan: file.plan as unknown as Plan, digest };
}

/** Writes a saved plan for its owner alone, replacing what was there. */
export async function writePlanFile(path: string, plan: Plan): Promise<void> {
  try {
    await writeFile(path, planFileText(plan), { mode: 0o600 });
  } catch (thrown) {
    throw unusable(path, 'could not be written', thrown);
  }
}

/** Reads a saved plan from a file; see parsePlanFile. */
export async function readPlanFile(path: string): Promise<{ readonly plan: Plan; readonly digest: string }> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw unusable(path, 'could not be read', thrown);
  });
  return parsePlanFile(text, path);
}

function unusable(path: string, what: string, cause: unknown): Fault {
  const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new Fault({
    code: 'bad-file',
    what: `the plan file ${what}${reason}`,
    where: path,
    live: 'nothing was changed',
    cause,
  });
}
