import type { Html, Part } from './html.ts';
import { html } from './html.ts';

export interface Column {
  readonly title: string;
  /** `number`: at the right edge; `code`: expressions; `tight`: never wrapped; `words`: sentences. Absent: short text. */
  readonly kind?: 'number' | 'code' | 'tight' | 'words';
}

export interface Sheet {
  /** Unique in the page. */
  readonly id: string;
  readonly caption: Part;
  readonly columns: readonly Column[];
  /** The first cell of each names the row. */
  readonly rows: readonly (readonly Part[])[];
  /** Class of a table whose columns are as wide as the style sheet says; absent: as wide as what is in them. */
  readonly shape?: 'inventory';
}

/**
 * A table with its caption and headers, in a region of its own that scrolls sideways where the page is too narrow
 * and that the keyboard reaches.
 */
export function sheet({ id, caption, columns, rows, shape }: Sheet): Html {
  const head = columns.map(
    ({ title, kind }) => html`<th scope="col" class="${kind ?? 'text'}">${title}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>
        ${columns.map(({ kind }, at) => cell(kind, row[at] ?? null, at === 0))}
      </tr>`,
  );
  return html`<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
    <table class="${shape ?? 'free'}">
      <caption id="${id}">
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div> `;
}

/** So many rows are laid out at once; more would keep a reader waiting for what he does not see yet. */
const ROWS = 100;

/** A table that may be long: where it is, it is written as several, which are laid out when they come into view. */
export function sheets(whole: Sheet & { readonly caption: string }): Html {
  const { id, caption, rows } = whole;
  if (rows.length <= ROWS) return sheet(whole);
  const parts = Array.from({ length: Math.ceil(rows.length / ROWS) }, (_, at) => {
    const [from, to] = [at * ROWS, Math.min(rows.length, (at + 1) * ROWS)];
    const part = {
      id: at === 0 ? id : `${id}-${at + 1}`,
      caption: `${from + 1} to ${to} of ${caption}`,
      rows: rows.slice(from, to),
    };
    return html`<div class="long">${sheet({ ...whole, ...part })}</div> `;
  });
  return html`${parts}`;
}

function cell(kind: Column['kind'], content: Part, isHead: boolean): Html {
  if (isHead) return html`<th scope="row" class="${kind ?? 'text'}">${content}</th>`;
  return kind === undefined ? html`<td>${content}</td>` : html`<td class="${kind}">${content}</td>`;
}

/** `term  text` pairs; those without a text are left out. */
export function facts(pairs: readonly (readonly [term: string, text: Part])[]): Html {
  const given = pairs.filter(([, text]) => text !== null && text !== '');
  return html`<dl class="facts">
    ${given.map(
      ([term, text]) =>
        html`<div>
          <dt>${term}</dt>
          <dd>${text}</dd>
        </div>`,
    )}
  </dl> `;
}
