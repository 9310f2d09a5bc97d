import { homeOf } from '../model/address.ts';
import type { InventoryRow, Report } from '../model/report.ts';
import type { StatusConsumer, StatusRow } from '../model/status.ts';
import { attentionOf } from '../model/status.ts';
import type { Html } from './html.ts';
import { html } from './html.ts';
import { countText, versionText } from './cause-text.ts';
import { ageText, dayText, momentText } from './moment.ts';
import type { Chapter, Tone } from './report-chapter.ts';
import { nameIn, secretLink, section, toned } from './report-chapter.ts';
import type { Column } from './report-table.ts';
import { sheets } from './report-table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'Secret' },
  { title: 'Version', kind: 'number' },
  { title: 'State', kind: 'words' },
  { title: 'Last rotated', kind: 'tight' },
  { title: 'Next due', kind: 'tight' },
  { title: 'Overdue', kind: 'tight' },
  { title: 'Cadence', kind: 'words' },
  { title: 'Owner' },
  { title: 'Environment' },
  { title: 'Classification' },
  { title: 'Consumers and version in use', kind: 'words' },
];

/** What is declared and how it is now, a row a secret, in the order of the report. */
export function inventorySection(chapter: Chapter): Html {
  const { key, report, stack } = chapter;
  if (stack.inventory.length === 0) {
    return section(chapter, 'inventory', 'Inventory', html`<p>No secret is declared.</p> `);
  }
  const vaults = [...new Set(stack.inventory.map(({ status }) => homeOf(status.address)))];
  const caption = `${countText(stack.inventory.length, 'secret')} of ${stack.stack} on ${momentText(report.madeAt)}, in ${vaults.map((vault) => `vault ${vault}`).join(', ')}`;
  const rows = stack.inventory.map((row) => cellsOf(chapter, row));
  return section(
    chapter,
    'inventory',
    'Inventory',
    sheets({ id: `${key}-inventory-table`, caption, columns: COLUMNS, rows, shape: 'inventory' }),
  );
}

function cellsOf(chapter: Chapter, row: InventoryRow): (Html | string)[] {
  const { status, owner, environment, classification, description } = row;
  const { report } = chapter;
  return [
    html`${secretLink(chapter, status.address)}${description === null ? null : html`<small>${description}</small>`}`,
    versionText(status.current),
    stateCell(status),
    status.rotatedAt === null ? 'never' : dayText(status.rotatedAt),
    status.nextDue === null ? 'no date' : dayText(status.nextDue),
    overdueCell(status, report),
    html`${status.cadence}${status.windows.map((window) => html`<small>window ${window}</small>`)}`,
    owner ?? notSaid,
    environment ?? notSaid,
    classification ?? notSaid,
    status.consumers.length === 0
      ? 'none'
      : html`<ul>
          ${status.consumers.map((consumer) => html`<li>${consumerText(chapter, consumer)}</li>`)}
        </ul>`,
  ];
}

const notSaid = html`<span class="quiet">not said</span>`;

function overdueCell({ due, overdueAt }: StatusRow, { madeAt }: Report): Html | string {
  if (due !== 'overdue') return 'no';
  if (overdueAt === null) return toned('bad', 'yes');
  return html`${toned('bad', `for ${ageText(overdueAt, madeAt)}`)}<small>since ${dayText(overdueAt)}</small>`;
}

/** The worst first, then whatever else is so; `in order` where nothing needs anybody. */
function stateCell(status: StatusRow): Html {
  const said: Mark[] = attentionOf(status) === null ? [{ tone: 'good', word: 'in order' }] : [];
  const marks = [...said, ...marksOf(status)];
  const notes = [...(status.note === null ? [] : [status.note]), ...status.pinned];
  return html`<ul>
    ${marks.map(({ tone, word, more }) => html`<li>${toned(tone, word)}${more === undefined ? null : ` ${more}`}</li>`)}
    ${notes.map((note) => html`<li class="quiet">${note}</li>`)}
  </ul>`;
}

/** One fact of a secret's state: a word, and what is to be said of it. */
export interface Mark {
  readonly tone: Tone;
  readonly word: string;
  readonly more?: string;
}

/** All that is to be said of a secret's state, from what is worst; empty: it is just in order. */
export function marksOf(status: StatusRow): Mark[] {
  const { consumers, vault, frozen, soakUntil } = status;
  const late = consumers.filter(({ inStep }) => !inStep).length;
  const parked = consumers.filter((consumer) => consumer.parked !== null).length;
  const marks: (Mark | null)[] = [
    vault === 'ok' ? null : { tone: 'bad', word: VAULTS[vault] },
    parked === 0 ? null : { tone: 'bad', word: 'parked', more: countText(parked, 'consumer') },
    late === 0 || status.current === null
      ? null
      : { tone: 'bad', word: 'out of step', more: countText(late, 'consumer') },
    status.wayBackGone === null ? null : { tone: 'bad', word: 'way back gone', more: status.wayBackGone },
    ...status.retiring.map(({ ordinal, text }): Mark => ({
      tone: 'bad',
      word: `v${ordinal} retiring`,
      more: text,
    })),
    status.due === 'overdue' ? { tone: 'bad', word: 'overdue' } : null,
    status.held === null ? null : { tone: 'warn', word: 'held', more: status.held },
    status.awaiting ? { tone: 'warn', word: 'awaits a value' } : null,
    status.due === 'due' ? { tone: 'warn', ...dueText(status) } : null,
    soakUntil === null ? null : { tone: 'quiet', word: 'soaks', more: `until ${momentText(soakUntil)}` },
    frozen === null ? null : { tone: 'quiet', word: 'frozen', more: `until ${momentText(frozen.until)}` },
  ];
  return marks.filter((mark) => mark !== null);
}

const VAULTS: Readonly<Record<Exclude<StatusRow['vault'], 'ok'>, string>> = {
  'unknown': 'not observed',
  'absent': 'not in the vault',
  'disabled': 'disabled in the vault',
  'not-ours': 'not ours in the vault',
};

function dueText({ opens, waitsFor }: StatusRow): Omit<Mark, 'tone'> {
  if (opens === null) return { word: 'due now' };
  return { word: 'due', more: `waits for ${waitsFor ?? 'its window'} until ${momentText(opens)}` };
}

function consumerText(chapter: Chapter, { address, reads, inStep, parked }: StatusConsumer): Html {
  const name = nameIn(chapter, address);
  const version = reads === null ? 'not known' : versionText(reads);
  if (parked !== null) return html`${name} ${toned('bad', `${version}, parked`)}`;
  return html`${name} ${inStep ? version : toned('bad', `${version}, out of step`)}`;
}
