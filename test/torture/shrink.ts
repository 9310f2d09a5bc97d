import type { Declared } from '../../src/model/declared.ts';
import type { Case, Operation } from './case.ts';
import { hooksIn, lessHooked } from './hooked-stack.ts';
import type { Outcome } from './conduct.ts';
import { without } from './stack.ts';

/** Runs of smaller cases that a shrink may take. */
const MOST_TRIES = 80;

/**
 * A smaller case that breaks the same invariant: without operations, troubles, services, secrets and trimmings that
 * it does not take. Each try is a run.
 */
export async function shrink(
  given: Case,
  outcome: Outcome,
  run: (smaller: Case) => Promise<Outcome>,
): Promise<{ readonly smallest: Case; readonly outcome: Outcome; readonly tries: number }> {
  const invariant = outcome.violations[0]?.invariant;
  let best = { smallest: given, outcome };
  let tries = 0;
  const attempt = async (smaller: Case): Promise<boolean> => {
    if (tries >= MOST_TRIES) return false;
    tries += 1;
    const next = await run(smaller);
    if (!next.violations.some((violation) => violation.invariant === invariant)) return false;
    best = { smallest: smaller, outcome: next };
    return true;
  };

  // What was drawn is told from now on, so that one trouble can be left out without moving the others.
  await attempt({ ...given, troubles: outcome.troubles });
  for (let before = Infinity; sizeOf(best.smallest) < before;) {
    before = sizeOf(best.smallest);
    for (const change of CHANGES) for (const smaller of change(best.smallest)) await attemptOn(smaller);
  }
  return { ...best, tries };

  /** A candidate was made of the best case of then: it counts only if it still is smaller. */
  async function attemptOn(smaller: Case): Promise<void> {
    if (sizeOf(smaller) < sizeOf(best.smallest)) await attempt(smaller);
  }
}

type Change = (given: Case) => readonly Case[];

const CHANGES: readonly Change[] = [
  (given) =>
    given.operations
      .slice(1)
      .toReversed()
      .map(({ id }) => ({ ...given, operations: given.operations.filter((each) => each.id !== id) })),
  (given) =>
    (given.troubles ?? []).map((trouble) => ({
      ...given,
      troubles: (given.troubles ?? []).filter((each) => each !== trouble),
    })),
  (given) => given.declared.consumers.map(({ service }) => leaveOut(given, service)),
  (given) => given.declared.secrets.map(({ name }) => leaveOut(given, name)).filter(hasSecrets),
  (given) => given.operations.map((operation) => withOperation(given, plainer(operation))),
  (given) => given.declared.secrets.map(({ name }) => unhooked(given, name)),
  (given) => [{ ...given, replicas: 1 }],
  (given) => [{ ...given, slowestMs: 0 }],
];

function sizeOf({ operations, troubles, declared, replicas, slowestMs }: Case): number {
  const trimmings = operations.map((operation) => {
    switch (operation.kind) {
      case 'apply':
        return (
          (operation.beside === null ? 0 : 3) +
          Object.keys(operation.order.bad).length +
          operation.order.rotate.length
        );
      case 'compromise':
        return (
          (operation.onto === null ? 0 : 5) +
          Object.keys(operation.order.bad).length +
          operation.order.secrets.length +
          (operation.order.revokeFirst ? 1 : 0)
        );
      default:
        return 0;
    }
  });
  return (
    operations.length * 10 +
    (troubles?.length ?? 5) * 10 +
    declared.secrets.length * 5 +
    declared.consumers.length * 5 +
    declared.consumers.flatMap(({ mounts }) => mounts).length +
    trimmings.reduce<number>((sum, each) => sum + each, 0) +
    hooksIn(declared) +
    replicas +
    (slowestMs > 0 ? 1 : 0)
  );
}

function hasSecrets({ declared }: Case): boolean {
  return declared.secrets.length > 0;
}

function leaveOut(given: Case, name: string): Case {
  const names = new Set([name]);
  const cut = (declared: Declared): Declared => without(declared, names);
  return {
    ...given,
    declared: cut(given.declared),
    deployed: given.deployed.filter((each) => each !== name),
    operations: given.operations.map((operation) =>
      operation.kind === 'declare' ? { ...operation, declared: cut(operation.declared) } : operation,
    ),
  };
}

/** With one command less for this secret. */
function unhooked(given: Case, name: string): Case {
  const cut = (declared: Declared): Declared => ({
    ...declared,
    secrets: declared.secrets.map((each) => (each.name === name ? (lessHooked(each) ?? each) : each)),
  });
  return {
    ...given,
    declared: cut(given.declared),
    operations: given.operations.map((operation) =>
      operation.kind === 'declare' ? { ...operation, declared: cut(operation.declared) } : operation,
    ),
  };
}

function plainer(operation: Operation): Operation {
  if (operation.kind === 'compromise') {
    const { order } = operation;
    if (operation.onto !== null) return { ...operation, onto: null };
    return {
      ...operation,
      order: { ...order, bad: {}, secrets: order.secrets.slice(0, 1), revokeFirst: false },
    };
  }
  if (operation.kind !== 'apply') return operation;
  return { ...operation, beside: null, order: { ...operation.order, bad: {} } };
}

function withOperation(given: Case, operation: Operation): Case {
  return {
    ...given,
    operations: given.operations.map((each) => (each.id === operation.id ? operation : each)),
  };
}
