import type { Instant } from '../model/address.ts';
import type { AgendaEntry, AgendaKind } from '../model/agenda.ts';
import { countText } from './cause-text.ts';
import { distanceText, momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import { shortNames } from './short-name.ts';
import type { Cell } from './table.ts';
import { hang, ledger } from './table.ts';

/** A page, and the time that the agenda covers. */
export interface AgendaPage extends Page {
  readonly now: Instant;
  readonly until: Instant;
}

const HEAD = ['WHEN', 'IN', 'WHAT', 'WHICH'];

const WHAT: Readonly<Record<AgendaKind, string>> = {
  'rotate': 'rotate',
  'settle': 'settle',
  'retire': 'retire',
  'prune': 'prune',
  'freeze-begins': 'freeze begins',
  'freeze-ends': 'freeze ends',
};

/**
 * How many things happen until then, and one line each, in the order of the entries, which is that of `byDate`.
 * What stands in the way is on the same line where there is room, under it otherwise. No newline at the end.
 */
export function renderAgenda(entries: readonly AgendaEntry[], page: AgendaPage): string {
  const until = `${momentText(page.until)} (${distanceText(page.until, page.now)})`;
  if (entries.length === 0) return hang('', `Nothing happens by date until ${until}.`, page).join('\n');
  const names = shortNames(entries.flatMap(({ address }) => address ?? []));
  const cells = entries.map((entry): Cell[] => [
    momentText(entry.at),
    distanceText(entry.at, page.now),
    WHAT[entry.kind],
    entry.address === null ? entry.stack : whichOf(entry, names.get(entry.address) ?? entry.address),
  ]);
  const { head, rows } = ledger(cells, page, HEAD);
  const lines = rows.flatMap((row, index) => {
    const entry = entries[index];
    return entry === undefined ? [] : withNotes(row, entry, page);
  });
  const counts = hang('', `Until ${until}: ${totals(entries)}`, page, { text: 'bold' });
  return [...counts, '', ...head, ...lines].join('\n');
}

/** The entries as stable JSON, and how many are what. */
export function agendaJson(
  entries: readonly AgendaEntry[],
  { now, until }: Pick<AgendaPage, 'now' | 'until'>,
): object {
  return { format_version: '1.0', timestamp: now, until, agenda: entries, counts: countsOf(entries) };
}

const STYLES: Readonly<Record<AgendaEntry['state'], Style>> = { overdue: 'red', due: 'yellow', ahead: 'dim' };

function whichOf({ kind, ordinal, copy }: AgendaEntry, name: string): string {
  if (kind === 'prune' && copy !== null) return copy;
  return kind === 'retire' && ordinal !== null ? `${name} v${ordinal}` : name;
}

/** The date is painted here: a row begins with it, and its length is measured before. */
function withNotes(row: readonly string[], entry: AgendaEntry, page: AgendaPage): string[] {
  const [first = '', ...more] = row;
  const date = momentText(entry.at);
  const painted = page.paint(STYLES[entry.state], date) + first.slice(date.length);
  const notes = [...timing(entry, page.now), ...entry.notes].join('; ');
  if (notes === '') return [painted, ...more];
  const isShort = more.length === 0 && first.length + 2 + notes.length <= page.width;
  if (isShort) return [`${painted}  ${notes}`];
  return [painted, ...more, ...hang('  ', notes, page)];
}

function timing({ state, opens, waitsFor, overdueAt }: AgendaEntry, now: Instant): string[] {
  const late = overdueAt === null ? '' : momentText(overdueAt);
  const why = waitsFor === null ? '' : `: ${waitsFor}`;
  const wait = opens === null ? [] : [`not before ${momentText(opens)} (${distanceText(opens, now)})${why}`];
  if (state === 'overdue') return [`overdue since ${late}`, ...wait];
  const limit = late !== '' && (state === 'due' || opens !== null) ? [`overdue from ${late}`] : [];
  return [...(state === 'due' && opens === null ? ['due now'] : []), ...wait, ...limit];
}

function countsOf(entries: readonly AgendaEntry[]) {
  const of = (holds: (entry: AgendaEntry) => boolean): number => entries.filter(holds).length;
  return {
    rotate: of(({ kind }) => kind === 'rotate'),
    settle: of(({ kind }) => kind === 'settle'),
    retire: of(({ kind }) => kind === 'retire'),
    prune: of(({ kind }) => kind === 'prune'),
    overdue: of(({ state }) => state === 'overdue'),
    due: of(({ state }) => state !== 'ahead'),
    awaiting: of(({ awaiting }) => awaiting),
  };
}

function totals(entries: readonly AgendaEntry[]): string {
  const { rotate, settle, retire, prune, overdue, awaiting } = countsOf(entries);
  const special = [
    ...(overdue === 0 ? [] : [`${overdue} overdue`]),
    ...(awaiting === 0 ? [] : [`${awaiting} need${awaiting === 1 ? 's' : ''} a person's value`]),
  ];
  return [
    `${countText(rotate, 'rotation')}${special.length === 0 ? '' : ` (${special.join(', ')})`}`,
    ...(settle === 0 ? [] : [`${countText(settle, 'consumer')} to settle`]),
    ...(retire === 0 ? [] : [`${countText(retire, 'version')} to retire`]),
    ...(prune === 0 ? [] : [`${countText(prune, 'copy', 'copies')} to remove`]),
  ].join(', ');
}
