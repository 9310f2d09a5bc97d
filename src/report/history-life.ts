import { spoken } from '../model/address.ts';
import type { Life, LifeEvent, LifeEventKind } from '../model/history.ts';
import { causeText, countText, versionText } from './cause-text.ts';
import { momentText } from './moment.ts';
import { personName } from './short-name.ts';
import type { Page, Style } from './paint.ts';
import type { Cell } from './table.ts';
import { columns, hang } from './table.ts';

const WORDS: Readonly<Record<LifeEventKind, string>> = {
  minted: 'minted',
  delivered: 'delivered',
  moved: 'moved',
  verified: 'verified',
  promoted: 'current',
  soaking: 'soaking',
  settled: 'settled',
  returned: 'current again',
  disabled: 'disabled',
  revoked: 'revoked',
  proved: 'shown to be refused',
  retired: 'retired',
  removed: 'removed',
  effect: 'effect',
  held: 'held',
  parked: 'parked',
  told: 'told',
  rebuilt: 'made anew',
  adopted: 'taken over',
  refused: 'refused',
};

const ENDS: Readonly<Record<NonNullable<LifeEvent['end']>, string>> = {
  'undone': 'undone',
  'failed': 'failed',
  'undo-failed': 'could not be undone',
};

const STYLES: Readonly<Partial<Record<LifeEventKind, Style>>> = {
  promoted: 'green',
  returned: 'yellow',
  held: 'yellow',
  parked: 'red',
  refused: 'red',
  retired: 'bold',
};

/** The life of a secret, a row an event in the order of time. No newline at the end. */
export function renderLife({ secret, current, events }: Life, page: Page): string {
  const entries = new Set(events.map(({ entry }) => entry)).size;
  const what = `${countText(events.length, 'event')} of ${countText(entries, 'entry', 'entries')}`;
  const head = hang(
    '',
    `${secret}: ${current === null ? 'no version' : versionText(current)}, ${what}`,
    page,
    {
      text: 'bold',
    },
  );
  const rows = events.map((event): Cell[] => [
    String(event.entry),
    `${event.isExact ? '' : 'by '}${momentText(event.at)}`,
    personName(event.who),
    event.ordinal === null ? '' : versionText(event.ordinal),
    { text: wordOf(event), style: styleOf(event) },
    detailOf(event),
  ]);
  const table = columns(rows, page, { head: ['#', 'WHEN', 'WHO', 'VERSION', 'EVENT', 'WHAT'] });
  const footnote = 'by: the entry does not say when; that is when it ended.';
  return [
    ...head,
    '',
    ...table,
    ...(events.some(({ isExact }) => !isExact) ? ['', page.paint('dim', footnote)] : []),
  ].join('\n');
}

function wordOf({ what, end }: LifeEvent): string {
  return end === undefined ? WORDS[what] : `${WORDS[what]}, ${ENDS[end]}`;
}

function styleOf({ what, end }: LifeEvent): Style {
  if (end !== undefined) return end === 'undone' ? 'yellow' : 'red';
  return STYLES[what] ?? 'cyan';
}

/** What the word and the version do not say already. */
function detailOf(event: LifeEvent): string {
  const { what, consumer, cause, text, proof, fault, until, isOfGroup } = event;
  const parts = [
    consumer === undefined ? null : spoken(consumer),
    isOfGroup === true ? 'of its group' : null,
    until === undefined ? null : `until ${momentText(until)}`,
    what === 'minted' && cause !== undefined ? causeText(cause) : null,
    SAY_MORE.has(what) ? text.replace(/^(deliver|remove) /, '') : null,
    proof ?? null,
    // The step that failed has said it.
    what === 'held' ? null : (fault ?? null),
  ];
  return parts.filter((part) => part !== null).join('; ');
}

/** Of the others their word, version and consumer say it all. */
const SAY_MORE: ReadonlySet<LifeEventKind> = new Set([
  'delivered',
  'removed',
  'disabled',
  'effect',
  'told',
  'rebuilt',
  'refused',
  'held',
  'parked',
]);
