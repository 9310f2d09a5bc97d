import type { FaultRecord, Problem } from '../model/fault.ts';
import type { Page } from './paint.ts';
import { fields, hang } from './table.ts';

/**
 * A fault for a person: what happened, where, what is live now and what to do next, several problems as a
 * numbered list. No newline at the end.
 *
 * ```
 * error: swarm refused to flip busflow_api   (service-busy)
 *   where  swarm://prod/busflow_api
 *   live   busflow_api still reads db-writer v3
 *   next   run `keyturn plan` again
 * ```
 */
export function renderFault(fault: FaultRecord, page: Page): string {
  return faultLines('error: ', fault, page).join('\n');
}

/** The same under a lead of the caller's, for a fault inside a larger text. */
export function faultLines(lead: string, fault: FaultRecord, page: Page): string[] {
  const indent = lead.length - lead.trimStart().length + 2;
  const problems = fault.problems ?? [];
  return [
    ...hang(lead, `${fault.what} (${fault.code})`, page, { lead: 'red', text: 'bold' }),
    ...faultFields(fault, page, indent),
    ...problems.flatMap((problem, index) =>
      problemLines(problem, fault.where, `${index + 1}. `, page, indent),
    ),
  ];
}

/** Where, live and next, without the headline. */
export function faultFields(fault: FaultRecord, page: Page, indent: number): string[] {
  return fields(
    [
      ['where', fault.where],
      ['live', fault.live],
      ['next', fault.next, 'bold'],
    ],
    page,
    indent,
  );
}

/** Where it is stands above, where that is `whole`. */
function problemLines(
  problem: Problem,
  whole: string | undefined,
  number: string,
  page: Page,
  indent: number,
): string[] {
  return [
    ...hang(' '.repeat(indent) + number, problem.what, page, { lead: 'red' }),
    ...fields(
      [
        ['where', problem.where === whole ? undefined : problem.where],
        ['next', problem.next],
      ],
      page,
      indent + number.length,
    ),
  ];
}
