import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson, digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import { guardedPlan } from '../model/guarded.ts';
import type { Plan } from '../model/plan.ts';
import { PLAN_FORMAT } from '../model/plan.ts';
import { parseFormat } from './formats.ts';

const step = z.looseObject({
  id: z.string(),
  kind: z.enum([
    'mint',
    'restore',
    'stage',
    'unstage',
    'flip',
    'verify',
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
  address: z.string(),
  needs: z.array(z.string()),
});

const fileSchema = z.strictObject({
  format: z.literal(1),
  digest: z.string(),
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
    groups: z.array(z.looseObject({ id: z.string(), needs: z.array(z.string()) })),
    steps: z.array(step),
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
  const file = parseFormat(text, where, PLAN_FORMAT, fileSchema, next);
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
