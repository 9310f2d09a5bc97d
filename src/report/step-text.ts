import { durationMs, humanDuration } from '../calendar/calendar.ts';
import type { Instant } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { FlipChange, FlipStep, Step, StepKind } from '../model/plan.ts';
import { causeText, countText, effectText, probeText, refusalText, sourceText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import { hang } from './table.ts';

export type StepSymbol = '+' | '~' | '-' | '?' | '=' | '!';

const SYMBOLS: Readonly<Record<StepKind, StepSymbol>> = {
  mint: '+',
  stage: '+',
  flip: '~',
  restore: '~',
  revoke: '-',
  prove: '?',
  retire: '-',
  prune: '-',
  effect: '!',
  unstage: '-',
  verify: '?',
  smoke: '?',
  promote: '=',
  demote: '=',
  settle: '=',
};

const STYLES: Readonly<Record<StepSymbol, Style>> = {
  '+': 'green',
  '~': 'yellow',
  '-': 'red',
  '?': 'cyan',
  '=': 'bold',
  '!': 'yellow',
};

export function symbolOf(kind: StepKind): StepSymbol {
  return SYMBOLS[kind];
}

export function styleOf(kind: StepKind): Style {
  return STYLES[SYMBOLS[kind]];
}

/** `+ mint, stage  ~ flip  ? verify`: only the kinds that occur, in the order of their symbols. */
export function legendText(kinds: readonly StepKind[]): string {
  const all: readonly StepSymbol[] = ['+', '~', '-', '?', '=', '!'];
  return all
    .map((symbol) => ({ symbol, kinds: [...new Set(kinds.filter((kind) => SYMBOLS[kind] === symbol))] }))
    .filter((entry) => entry.kinds.length > 0)
    .map((entry) => `${entry.symbol} ${entry.kinds.join(', ')}`)
    .join(' | ');
}

/**
 * A step as a numbered block: its text, under it what exactly moves and how it is tried, and its way back.
 * `wide` is the number of digits of the largest number, so that all blocks of a plan align.
 */
export function stepLines(
  step: Step,
  at: { number: number; wide: number; now: Instant },
  page: Page,
): string[] {
  const number = String(at.number).padStart(at.wide);
  const margin = ' '.repeat(at.wide + 6);
  const [first = '', ...rest] = hang(margin, step.text, page);
  const symbol = page.paint(styleOf(step.kind), symbolOf(step.kind));
  const lead = `  ${number}. ${symbol} `;
  return [
    lead + first.slice(margin.length),
    ...rest,
    ...detailsOf(step, at.now).flatMap(([label, text]) => hang(`${margin}${label}`, text, page)),
    ...(step.inverse === null
      ? []
      : hang(`${margin}way back: `, step.inverse.text, page, { lead: 'dim', text: 'dim' })),
  ];
}

type Detail = readonly [label: string, text: string];

function detailsOf(step: Step, now: Instant): Detail[] {
  switch (step.kind) {
    case 'mint':
      return [
        [
          'value: ',
          step.taken === undefined ? sourceText(step.source, step.address) : `that of version ${step.taken}`,
        ],
        ...(step.expires === undefined ? [] : [['expires: ', momentText(step.expires)] satisfies Detail]),
      ];
    case 'flip':
      return [
        ...step.changes.map((change): Detail => [`${change.target}: `, changeText(change, step)]),
        ...buildLines(step),
        ['', `${countText(step.tasks, 'task')} ${step.tasks === 1 ? 'restarts' : 'restart'}`],
        ...(step.cause.kind === 'mount' ? [['why: ', causeText(step.cause, now)] satisfies Detail] : []),
      ];
    case 'verify':
      return [
        ['probe: ', probeText(step.probe, step.file !== undefined)],
        ['', `healthy for ${humanDuration(step.settleTime)}, given up after ${humanDuration(step.deadline)}`],
      ];
    case 'promote':
      return step.promotions
        .filter(({ prior, soak }) => prior !== null && durationMs(soak) > 0)
        .map((promotion): Detail => [
          '',
          `${nameOf(promotion.secret)} v${promotion.prior} stays usable for ${humanDuration(promotion.soak)}`,
        ]);
    case 'retire':
      return step.approvedBy === null ? [] : [['approved by: ', `plan ${step.approvedBy.slice(0, 12)}`]];
    case 'revoke':
      return [['runs: ', `\`${step.revocation.argv.join(' ')}\` here exits 0 with it on its standard input`]];
    case 'prove':
      return [
        ['probe: ', refusalText(step.probe)],
        ...(step.until === null
          ? []
          : [['', `tried again until ${momentText(step.until)}`] satisfies Detail]),
      ];
    case 'effect':
      return [['runs: ', effectText(step.effect)]];
    case 'smoke':
      return [
        ['runs: ', `\`${step.test.argv.join(' ')}\` here exits 0 within ${humanDuration(step.test.timeout)}`],
      ];
    case 'restore':
    case 'stage':
    case 'unstage':
    case 'demote':
    case 'settle':
    case 'prune':
      return [];
  }
}

/** Images that are built with the new values before the file is written. */
function buildLines({ write }: FlipStep): Detail[] {
  const built = new Set(write?.reads.map(({ build }) => build));
  return (write?.file.builds ?? [])
    .filter(({ variable }) => built.has(variable))
    .map(({ variable, image, argv }) => [
      `${variable}: `,
      `an image of ${image}, built by \`${argv.join(' ')}\``,
    ]);
}

function changeText(change: FlipChange, { write, changes }: Pick<FlipStep, 'write' | 'changes'>): string {
  const place = write === undefined ? 'mount' : 'variable';
  if (change.from === null) return `${change.to?.copy ?? 'nothing'} (new ${place})`;
  const isStill = changes.every(({ from, to }) => from?.copy === to?.copy);
  if (change.from.copy === change.to?.copy)
    return `${change.from.copy}, ${isStill ? 'as it is' : 'written anew'}`;
  if (change.to === null) return `${change.from.copy} (${place} removed)`;
  return `${change.from.copy} -> ${change.to.copy}`;
}
