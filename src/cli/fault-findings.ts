import type { Fault, FaultCode, Problem } from '../model/fault.ts';
import type { Finding, FindingRule } from '../model/finding.ts';
import { placeOf } from '../model/finding.ts';

/** What is somebody's mistake in a file of the project; any other fault is none of its files. */
const RULES: Partial<Record<FaultCode, FindingRule>> = {
  'bad-declaration': 'policy',
  'synth-failed': 'unreadable',
  'bad-file': 'unreadable',
  'newer-format': 'unreadable',
};

/** A fault of the project's own files as findings, each problem one; null where it is of another kind. */
export function findingsOf(fault: Fault): Finding[] | null {
  const rule = RULES[fault.code];
  if (rule === undefined) return null;
  const whole: Problem = { what: fault.message, where: fault.where ?? 'cdktf.json' };
  const problems = fault.problems.length === 0 || fault.code === 'synth-failed' ? [whole] : fault.problems;
  return problems.map((problem) => {
    const { subject, position } = whereOf(problem.where);
    const next = problem.next ?? fault.next ?? 'mend it and run it again';
    return {
      rule,
      level: 'error',
      stack: null,
      address: null,
      subject,
      text: problem.what,
      next,
      place: placeOf(position),
    };
  });
}

/** `busflow/db-writer (stacks/busflow.ts:14)`, `docker/compose.yml:3`, or a name alone. */
function whereOf(where: string): { readonly subject: string; readonly position: string | null } {
  const [, subject, position] = /^(.+) \((.+:\d+)\)$/.exec(where) ?? [];
  if (subject !== undefined && position !== undefined) return { subject, position };
  const [, file] = /^(.+):\d+$/.exec(where) ?? [];
  return file === undefined ? { subject: where, position: null } : { subject: file, position: where };
}
