import type { Address, SecretAddress } from '../model/address.ts';
import type { Report, StackReport } from '../model/report.ts';
import type { Html, Part } from './html.ts';
import { html } from './html.ts';
import { momentText } from './moment.ts';
import { shortNames } from './short-name.ts';

/** One stack's part of the page: what each of its sections is written from. */
export interface Chapter {
  /** Begins every id of this stack, so that ids are unique in the page. */
  readonly key: string;
  readonly report: Report;
  readonly stack: StackReport;
  /** What the tables call an address; one that is not in it is written in full. */
  readonly names: ReadonlyMap<Address, string>;
  /** The secrets whose versions are drawn, and at which place. */
  readonly drawn: ReadonlyMap<SecretAddress, number>;
}

export function chapterOf(report: Report, stack: StackReport, place: number): Chapter {
  const addresses = [
    ...stack.inventory.map(({ status }) => status.address),
    ...stack.inventory.flatMap(({ status }) => status.consumers.map(({ address }) => address)),
    ...stack.timelines.map(({ secret }) => secret),
    ...stack.entries.flatMap(({ moves, consumers }) => [...moves.map(({ secret }) => secret), ...consumers]),
  ];
  return {
    key: `s${place + 1}`,
    report,
    stack,
    names: shortNames(addresses),
    drawn: new Map(stack.timelines.map(({ secret }, at) => [secret, at])),
  };
}

export function nameIn({ names }: Chapter, address: Address): string {
  return names.get(address) ?? address;
}

/** The secret's name, as a link to where its versions are drawn. */
export function secretLink(chapter: Chapter, secret: SecretAddress): Html {
  const name = nameIn(chapter, secret);
  const place = chapter.drawn.get(secret);
  return place === undefined ? html`${name}` : html`<a href="#${lifeId(chapter, place)}">${name}</a>`;
}

export function entryLink(chapter: Chapter, entry: number): Html {
  const isThere = chapter.stack.entries.some((each) => each.entry === entry);
  return isThere ? html`<a href="#${entryId(chapter, entry)}">entry ${entry}</a>` : html`entry ${entry}`;
}

export function lifeId({ key }: Chapter, place: number): string {
  return `${key}-life-${place + 1}`;
}

export function entryId({ key }: Chapter, entry: number): string {
  return `${key}-entry-${entry}`;
}

/** The period as in `2026-07-01 00:00Z up to 2026-10-01 00:00Z`. */
export function periodText({ from, to }: Report): string {
  return `${momentText(from)} up to ${momentText(to)}`;
}

/** A section of a stack under a heading of the third level, which names it. */
export function section({ key }: Chapter, word: string, title: string, ...parts: readonly Part[]): Html {
  const id = `${key}-${word}`;
  const body = parts.map((part) => html`${part}`);
  return html`<section aria-labelledby="${id}">
    <h3 id="${id}">${title}</h3>
    ${body}
  </section> `;
}

export type Tone = 'good' | 'warn' | 'bad' | 'quiet' | 'plain';

/** Words in a colour that says the same as they do. */
export function toned(tone: Tone, text: string): Html {
  return html`<span class="${tone}">${text}</span>`;
}

/** Pieces with a comma between them. */
export function listed(pieces: readonly Html[]): Html {
  return html`${pieces.map((piece, at) => (at === 0 ? piece : html`, ${piece}`))}`;
}
