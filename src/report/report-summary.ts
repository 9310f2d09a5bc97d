import type { StackReport } from '../model/report.ts';
import { attentionOf } from '../model/status.ts';
import type { Html } from './html.ts';
import { html } from './html.ts';
import type { Chapter, Tone } from './report-chapter.ts';
import { listed, secretLink, toned } from './report-chapter.ts';
import { shareText } from './report-compliance.ts';
import { marksOf } from './report-inventory.ts';
import { verdictOf } from './report-verification.ts';

/** What is counted of each stack, in this order. */
export const NUMBERS = [
  'Secrets',
  'Need attention',
  'Overdue now',
  'On time',
  'Rotations',
  'Failures',
  'Emergencies',
] as const;

interface Counted {
  readonly number: string;
  readonly tone: Tone;
}

/** One for each of `NUMBERS`. */
export function numbersOf({ inventory, compliance }: StackReport): readonly Counted[] {
  const { due, onTime, rotations, failures, emergencies } = compliance;
  const attention = inventory.filter(({ status }) => attentionOf(status) !== null).length;
  const overdue = inventory.filter(({ status }) => status.due === 'overdue').length;
  return [
    count(inventory.length, 'plain'),
    count(attention, 'warn'),
    count(overdue, 'bad'),
    due === 0
      ? { number: 'none due', tone: 'plain' }
      : { number: `${shareText(onTime, due)} of ${due}`, tone: onTime === due ? 'plain' : 'warn' },
    count(rotations, 'plain'),
    count(failures, 'warn'),
    count(emergencies.length, 'warn'),
  ];
}

/** In that tone, where there is anything to count. */
function count(number: number, tone: Tone): Counted {
  return { number: String(number), tone: number === 0 ? 'plain' : tone };
}

/** More are counted only: all of them stand in the inventory. */
const NAMED = 12;

/** The stack at one look: its numbers, whether its history verifies, and what needs somebody. */
export function summary(chapter: Chapter): Html {
  const { key, stack } = chapter;
  return html`<dl class="numbers">
      ${numbersOf(stack).map(
        ({ number, tone }, at) =>
          html`<div>
            <dt>${NUMBERS[at] ?? ''}</dt>
            <dd class="${tone}">${number}</dd>
          </div>`,
      )}
    </dl>
    <p>${toned(...verdictOf(stack.verification))}. <a href="#${key}-verification">See the verification</a></p>
    ${attentionLine(chapter)}`;
}

function attentionLine(chapter: Chapter): Html | null {
  const needing = chapter.stack.inventory.filter(({ status }) => attentionOf(status) !== null);
  if (needing.length === 0) return null;
  const named = needing.slice(0, NAMED).map(({ status }) => {
    const mark = marksOf(status)[0];
    return html`${secretLink(chapter, status.address)}
    ${mark === undefined ? null : toned(mark.tone, mark.word)}`;
  });
  const more = needing.length - named.length;
  return html`<p>
    Need attention: ${listed(named)}${more === 0 ? null : ` and ${more} more, marked in the inventory`}
  </p> `;
}
