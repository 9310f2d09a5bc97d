import type { Address } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { Place } from '../model/finding.ts';
import { placeOf } from '../model/finding.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { Plan } from '../model/plan.ts';
import { causeText, countText, versionText } from './cause-text.ts';
import { secretsIn } from './plan-moves.ts';
import { printable } from './table.ts';

/** A remark of GitHub Actions, shown at a line of a pull request. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  /** Where what it is about is declared; null: that is not known. */
  readonly place: Place | null;
  readonly title: string;
  readonly text: string;
}

/** GitHub shows so many of each level of a step, and silently drops the rest. */
const MOST_A_LEVEL = 10;

/** What a reviewer should see where it is declared: what is blocked, what a note warns of, what rotates and restarts. */
export function annotationsOf(plan: Plan, declared: Declared): Annotation[] {
  const at = placesIn(declared);
  const blocked = plan.blocked.map(({ address, why, text, fault }): Annotation => ({
    level: fault === null ? 'warning' : 'error',
    place: at(address),
    title: `${nameOf(address)}: blocked (${why})`,
    text,
  }));
  const warned = plan.notes
    .filter(({ kind }) => ['drift', 'downtime', 'unverified', 'parked'].includes(kind))
    .map(({ kind, address, text }): Annotation => ({
      level: 'warning',
      place: address === null ? null : at(address),
      title: address === null ? kind : `${nameOf(address)}: ${kind}`,
      text,
    }));
  const rotating = secretsIn(plan).flatMap(({ secret, move, cause }): Annotation[] => {
    if (move === null || move.to === 'retired') return [];
    const text = `${versionText(move.from)} to ${versionText(move.to)}: ${causeText(cause)}`;
    return [{ level: 'notice', place: at(secret), title: `${nameOf(secret)} rotates`, text }];
  });
  const restarting = plan.steps.flatMap((step): Annotation[] => {
    if (step.kind !== 'flip') return [];
    const text = `${countText(step.tasks, 'task')}: ${step.changes.map(({ target, to }) => `${target} from ${to?.copy ?? 'nothing'}`).join(', ')}`;
    return [{ level: 'notice', place: at(step.consumer), title: `${step.service} restarts`, text }];
  });
  return [...blocked, ...warned, ...rotating, ...restarting];
}

/** Why a stack could not be planned or applied at all. */
export function refusalOf(stack: string, { what, next, code }: FaultRecord): Annotation {
  const text = next === undefined ? what : `${what}; next: ${next}`;
  return { level: 'error', place: null, title: `${stack}: ${code}`, text };
}

/** What failed in an apply, where the secret or consumer is declared. */
export function failuresOf({ steps }: HistoryEntry, declared: Declared): Annotation[] {
  const at = placesIn(declared);
  return steps.flatMap(({ address, text, fault, status }): Annotation[] => {
    if (fault === null || (status !== 'failed' && status !== 'undo-failed')) return [];
    const back = status === 'failed' ? '' : ' on the way back';
    const next = fault.next === undefined ? '' : `; next: ${fault.next}`;
    return [
      { level: 'error', place: at(address), title: `failed${back}: ${text}`, text: `${fault.what}${next}` },
    ];
  });
}

function placesIn({ secrets, consumers }: Declared): (address: string) => Place | null {
  const positions = new Map<string, string | null>(
    [...secrets, ...consumers].map(({ address, position }): [Address, string | null] => [address, position]),
  );
  return (address) => placeOf(positions.get(address) ?? null);
}

/**
 * Workflow commands of GitHub Actions, one a line: at most ten of each level, the last of which says how many more there
 * are. A text can neither end its line nor begin another command.
 */
export function annotationLines(annotations: readonly Annotation[]): string[] {
  return (['error', 'warning', 'notice'] as const).flatMap((level) => {
    const all = annotations.filter((each) => each.level === level);
    const shown = all.length <= MOST_A_LEVEL ? all : all.slice(0, MOST_A_LEVEL - 1);
    const rest = all.length - shown.length;
    const more = `${rest} more of these are not shown here; the job summary lists them`;
    return [...shown.map(commandOf), ...(rest === 0 ? [] : [`::${level} title=keyturn::${more}`])];
  });
}

function commandOf({ level, place, title, text }: Annotation): string {
  const properties = [
    ...(place === null ? [] : [`file=${property(place.file)}`, `line=${place.line}`]),
    ...(place?.column === undefined ? [] : [`col=${place.column}`]),
    `title=${property(printable(title))}`,
  ];
  return `::${level} ${properties.join(',')}::${message(printable(text))}`;
}

function message(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
