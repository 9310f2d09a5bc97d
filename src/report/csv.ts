/** What a cell holds; null is an empty cell. */
export type CsvCell = string | number | boolean | null;

/**
 * A table as CSV by RFC 4180: CRLF behind each line, the last one included, and quotes where a cell needs them. Every
 * row has as many cells as the head.
 *
 * A spreadsheet runs a cell that begins like a formula, and these texts come from tickets, names and messages of
 * others: such a text gets an apostrophe in front, which the spreadsheet shows as text. Numbers stay numbers.
 */
export function csvText(head: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  const wrong = rows.find((row) => row.length !== head.length);
  if (wrong !== undefined) {
    throw new TypeError(`[unexpected] a row of ${wrong.length} cells under a head of ${head.length}`);
  }
  return [head, ...rows].map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

/** Also in full width, because some spreadsheets read those as the narrow ones, and behind blanks. */
const FORMULA = /^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;

function cellText(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
