import type { FlipStep, MintStep, Plan, Step } from '../../src/model/plan.ts';
import type { Case, Operation } from './case.ts';
import type { Plant } from './plant.ts';
import { bound } from './planted-vault.ts';
import { journaling, resuming } from './planted-sinks.ts';
import type { Climate } from './weather.ts';

/** Bugs in what an emergency and the end of a version go through. */
export const EMERGENCY_PLANTS: readonly Plant[] = [
  {
    bug: 'a resume takes an emergency back',
    breaks: ['I14'],
    plan: (plan) => (plan.kind === 'compromise' ? reversible(plan) : plan),
    sink: (held) =>
      resuming(held, (line) =>
        line.type === 'begin' && line.plan.kind === 'compromise'
          ? { ...line, plan: { ...line.plan, kind: 'apply' } }
          : line,
      ),
    tilt: (given) =>
      emergent(given, { kind: 'one', at: 'write', event: 3 + (given.seed % 5), what: 'killed, carried out' }),
  },
  {
    bug: 'an emergency makes the old version the newest again behind its mint',
    breaks: ['I14'],
    plan: (plan) => (plan.kind === 'compromise' ? restoring(plan) : plan),
    tilt: (given) => emergent(given, { kind: 'calm' }),
  },
  {
    bug: 'a version is retired although its disable was refused',
    breaks: ['I14', 'I6'],
    vault: (vault) => ({
      ...bound(vault),
      disable: (...disable) => vault.disable(...disable).catch(() => true),
    }),
    tilt: (given) =>
      emergent(given, { kind: 'one', at: 'write', event: 4 + (given.seed % 6), what: 'refused with 403' }),
  },
  {
    bug: 'an error of the probe is taken for a refusal',
    breaks: ['proof'],
    hooks: (hooks) => ({ ...hooks, prove: (...prove) => hooks.prove(...prove).catch(() => 'refused') }),
  },
  {
    bug: 'a consumer that an emergency could not move is not written down',
    breaks: ['I3'],
    sink: (held) =>
      journaling(held, async (entry, append) => {
        if (entry.type !== 'park') await append(entry);
      }),
    tilt: (given) => emergent(given, { kind: 'calm' }, 'bad'),
  },
  {
    bug: 'an effect comes with another key each time',
    breaks: ['effects'],
    hooks: (hooks) => ({
      ...hooks,
      effect: (effect, context, signal) =>
        hooks.effect(
          effect,
          { ...context, idempotencyKey: `${context.idempotencyKey} ${context.at}` },
          signal,
        ),
    }),
    tilt: (given) =>
      emergent(given, { kind: 'one', at: 'hook', event: 1 + (given.seed % 4), what: 'killed, carried out' }),
  },
  {
    bug: 'an emergency forgets to disable the older versions',
    breaks: ['I14'],
    plan: (plan) => (plan.kind === 'compromise' ? withoutDeath(plan) : plan),
    tilt: (given) => emergent(given, { kind: 'calm' }),
  },
];

/** Flips that name the way back, which those of an emergency do not have. */
function reversible(plan: Plan): Plan {
  const back = (step: FlipStep): FlipStep => ({
    ...step,
    id: `${step.id}:undo`,
    needs: [],
    changes: step.changes.map((change) => ({ ...change, from: change.to, to: change.from })),
    inverse: null,
  });
  const steps = plan.steps.map((step) => (step.kind === 'flip' ? { ...step, inverse: back(step) } : step));
  return { ...plan, steps };
}

/** Behind each mint the value of before is written once more. */
function restoring(plan: Plan): Plan {
  const priors = new Map(
    plan.steps.flatMap((step) =>
      step.kind === 'promote' ? step.promotions.map(({ secret, prior }) => [secret, prior] as const) : [],
    ),
  );
  const back = (mint: MintStep): Step => ({
    ...mint,
    kind: 'restore',
    id: `${mint.id}r`,
    needs: [mint.id],
    failed: mint.ordinal,
    undoes: mint.operation,
    to: priors.get(mint.secret) ?? null,
    operation: `${mint.operation} back`,
    inverse: null,
  });
  return {
    ...plan,
    steps: plan.steps.flatMap((step) => (step.kind === 'mint' ? [step, back(step)] : [step])),
  };
}

function withoutDeath(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.filter(({ kind }) => !['retire', 'prove', 'prune'].includes(kind)) };
}

/** The first apply, and an emergency of everything in this weather; `word`: its values make services fail. */
function emergent(given: Case, climate: Climate, word: string | null = null): Case {
  const [first] = given.operations;
  if (first === undefined) return given;
  const names = given.declared.secrets.map(({ name }) => name);
  const emergency: Operation = {
    id: 91,
    climate,
    host: 'here',
    kind: 'compromise',
    onto: null,
    order: {
      incident: 'INC-9',
      secrets: names,
      consumer: null,
      only: false,
      revokeFirst: false,
      bad: word === null ? {} : Object.fromEntries(names.map((name) => [name, word])),
      hasValues: true,
    },
  };
  return { ...given, operations: [{ ...first, climate: { kind: 'calm' } }, emergency] };
}
