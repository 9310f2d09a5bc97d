import { nameOf } from '../model/address.ts';
import { isConsumerAddress, isSecretAddress, spoken } from '../model/address.ts';
import type { HistoryEntry } from '../model/journal.ts';
import { code, fenced, plainly, row, tableHead } from './markdown.ts';
import { elapsedText, momentText } from './moment.ts';

const OUTCOMES: Readonly<Record<HistoryEntry['outcome'], string>> = {
  'done': '✅ applied',
  'failed': '❌ failed, nothing was changed',
  'rolled-back': '↩️ a step failed and its group was rolled back',
  'stopped': '🛑 stopped part-way, a person is needed',
  'interrupted': '✋ interrupted with nothing half-done',
  'incomplete': '🛑 not all of it could be done, a person is needed',
};

/**
 * How an apply ended, for a job summary: the outcome, which versions moved, who restarted, and folded away what the
 * terminal was told. `limit` is in bytes; rows are left out for it, and it is said how many.
 */
export function renderApplyMarkdown(
  stack: string,
  entry: HistoryEntry,
  printed: string,
  limit: number,
): string {
  const took = elapsedText(Date.parse(entry.endedAt) - Date.parse(entry.startedAt));
  const head = [
    `### keyturn apply of ${code(stack)}: ${OUTCOMES[entry.outcome]}`,
    '',
    `${plainly(momentText(entry.startedAt))}, took ${took}, history entry ${entry.entry}${entry.planDigest === null ? '' : `, plan ${code(entry.planDigest)}`}`,
    '',
  ];
  const failed = entry.steps.flatMap(({ text, fault, status }) =>
    fault === null || status === 'skipped'
      ? []
      : [
          `- ${plainly(text)}: ${plainly(fault.what)}${fault.next === undefined ? '' : `; next: ${plainly(fault.next)}`}`,
        ],
  );
  const rows = Object.entries(entry.versions).flatMap(([address, { before, after }]) =>
    before === after || !isSecretAddress(address)
      ? []
      : [row([code(nameOf(address)), before === null ? 'none' : `v${before}`, `v${after ?? '?'}`])],
  );
  const consumers = Object.keys(entry.consumers ?? {}).filter(isConsumerAddress);
  const sections = [
    { what: 'failures', open: ['**What failed**', ''], lines: failed, close: [''] },
    {
      what: 'versions',
      open: [tableHead(['Secret', 'Before', 'Current now'])],
      lines: rows,
      close: [''],
    },
    {
      what: 'consumers',
      open: ['**Restarted**', ''],
      lines: consumers.map((each) => `- ${code(spoken(each))}`),
      close: [''],
    },
    {
      what: 'details',
      open: ['<details><summary>As the terminal was told</summary>', ''],
      lines: printed === '' ? [] : [fenced(printed)],
      close: ['', '</details>', ''],
    },
  ];
  let free = limit - bytes(head) - 400;
  const shown = sections
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ what, open, lines, close }) => {
      free -= bytes([...open, ...close]) + 60;
      const fitting: string[] = [];
      for (const line of lines) {
        if (free < bytes([line])) break;
        free -= bytes([line]);
        fitting.push(line);
      }
      const rest = lines.length - fitting.length;
      if (fitting.length === 0) return [`… ${rest} of ${lines.length} ${what} are not shown here`, ''];
      const more = rest === 0 ? [] : ['', `… ${rest} of ${lines.length} ${what} are not shown here`];
      return [...open, ...fitting, ...more, ...close];
    });
  return [...head, ...shown].join('\n');
}

function bytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}
