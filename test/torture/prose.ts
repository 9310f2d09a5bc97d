import type { Case } from './case.ts';
import type { Outcome } from './conduct.ts';
import { describe } from './conduct.ts';
import { describeStack } from './stack.ts';

const LAST_LINES = 60;

/** What was done, what went wrong on the way, what did not hold, and what was seen last. */
export function tellCase(given: Case, outcome: Outcome): string {
  const { declared, deployed, operations, replicas, slowestMs } = given;
  const troubles = outcome.troubles.map(({ operation, event, kind, amount, text }) => {
    return `  operation ${operation}, event ${event}: ${kind} (${amount.toFixed(2)}) at: ${text ?? '?'}`;
  });
  return [
    'stack',
    ...describeStack(declared).map((line) => `  ${line}`),
    `  deployed: ${deployed.join(', ') || 'nothing'}; ${replicas} tasks each; requests take up to ${slowestMs} ms`,
    'operations',
    ...operations.map((operation) => `  ${describe(operation)}`),
    'troubles',
    ...(troubles.length === 0 ? ['  none'] : troubles),
    'violated',
    ...outcome.violations.map(({ invariant, text }) => `  ${invariant}: ${text}`),
    'what was seen around the first violation',
    ...around(outcome.trace).map((line) => `  ${line}`),
  ].join('\n');
}

/** The lines up to the first violation, without the file operations behind the record's lines. */
function around(trace: readonly string[]): string[] {
  const told = trace.filter(
    (line) =>
      !/: (read|list|mkdir|append to|write|sync|sync directory|create|link|rename|remove) \/[^<]*$/.test(
        line,
      ),
  );
  const first = told.findIndex((line) => line.includes(' !! '));
  const end = first === -1 ? told.length : first + 3;
  return told.slice(Math.max(0, end - LAST_LINES), end);
}
