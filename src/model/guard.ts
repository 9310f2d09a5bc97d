import type { Form } from './guard-forms.ts';
import { formsOf } from './guard-forms.ts';
import { isPlain, Reader } from './readings.ts';

/**
 * One guard for everything that leaves the program: no text that passes it holds a live value, or declared personal
 * data, however it is written there. `guard-forms.ts` says what is looked for, `readings.ts` in which ways each
 * character of that may be written.
 *
 * What is watched for is held weakly: a value that is collected is gone from here too. What is kept besides are sums
 * of four characters each, in memory, by which a place is found that may hold one without looking for every value.
 */

/**
 * Shorter texts, white space around them not counted, are not masked: they are within words, dates and ids all over,
 * and nothing could be read any more.
 */
export const SHORTEST_MASKED = 6;
/** Characters of a form that its place in the index is made of. */
const GRAM = 4;

/** What stands in the place of a value, and of declared personal data. */
export const MASKS = { value: '(secret value)', personal: '(personal data)' } as const;
type Mask = keyof typeof MASKS;

interface Watched {
  readonly text: string;
  readonly mask: Mask;
  forms: readonly Form[];
}

interface Place {
  readonly owner: WeakRef<object>;
  readonly form: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly mask: Mask;
}

const watched = new WeakMap<object, Watched>();
const live = new Set<WeakRef<object>>();
/** Their forms are made when the first text comes. */
const unread: WeakRef<object>[] = [];
const index = new Map<number, Place[]>();
/** It is declared, so that it lives as long as the program. */
const personal = new Map<string, object>();
/** Collected, and still in the index. */
const gone = new Set<WeakRef<object>>();
const collected = new FinalizationRegistry<WeakRef<object>>(forget);

/** From now on, and as long as `owner` lives, `text` passes the guard no more. One that is too short is not watched for. */
export function watchFor(owner: object, text: string, mask: Mask = 'value'): void {
  if (isTooShort(text)) return;
  const reference = new WeakRef(owner);
  watched.set(owner, { text, mask, forms: [] });
  live.add(reference);
  unread.push(reference);
  collected.register(owner, reference);
}

/** Whether the guard cannot mask it. */
export function isTooShort(text: string): boolean {
  return Array.from(text.replaceAll(/\r\n?/g, '\n').trim()).length < SHORTEST_MASKED;
}

/** The same as `watchFor`, and for good, of texts that are declared to be personal data. */
export function watchForPersonal(texts: readonly string[]): void {
  for (const text of texts) {
    if (personal.has(text)) continue;
    const owner = {};
    personal.set(text, owner);
    watchFor(owner, text, 'personal');
  }
}

/** `text` with each live value, and all declared personal data, masked. The very same text where there is none. */
export function guarded(text: string): string {
  return guardedFrom(text, 0);
}

/** The same of what stands at `start` and behind it. A value that begins before `start` and reaches over it is masked. */
export function guardedFrom(text: string, start: number): string {
  if (live.size === 0 || text.length < SHORTEST_MASKED) return text.slice(start);
  readNew();
  const spans = joined(spansIn(text), text);
  let safe = '';
  let at = start;
  for (const { from, to, mask } of spans) {
    if (to <= start) continue;
    safe += text.slice(at, Math.max(at, from)) + MASKS[mask];
    at = to;
  }
  return safe + text.slice(at);
}

/** The same of every text in a document, names of fields included. What JSON would not show of it is left out. */
export function guardedDeep<T>(document: T): T {
  if (live.size === 0) return document;
  return JSON.parse(guardedJson(document)) as T;
}

/** `JSON.stringify` with every text guarded before it is written, so that no escape is cut in two. */
export function guardedJson(document: unknown, space = 0): string {
  if (live.size === 0) return JSON.stringify(document, null, space);
  return JSON.stringify(document, guardedLeaf, space);
}

function guardedLeaf(_: string, value: unknown): unknown {
  if (typeof value === 'string') return guarded(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.every(([name]) => guarded(name) === name)) return value;
  return Object.fromEntries(entries.map(([name, inner]) => [guarded(name), inner]));
}

function readNew(): void {
  sweep();
  for (const owner of unread.splice(0)) {
    const held = owner.deref();
    const entry = held === undefined ? undefined : watched.get(held);
    if (entry === undefined) continue;
    entry.forms = formsOf(entry.text);
    for (const [form, { text }] of entry.forms.entries()) {
      const first = Array.from(text.slice(0, 2 * GRAM)).slice(0, GRAM);
      const sum = first.reduce((so, each) => summed(so, each.codePointAt(0) ?? 0), 0);
      const places = index.get(sum);
      if (places === undefined) index.set(sum, [{ owner, form }]);
      else places.push({ owner, form });
    }
  }
}

function forget(owner: WeakRef<object>): void {
  live.delete(owner);
  gone.add(owner);
}

/** Goes through the whole index, so not for each one: as soon as half of it is of those that are gone. */
function sweep(): void {
  if (gone.size <= live.size) return;
  for (const [sum, places] of index) {
    const left = places.filter((place) => !gone.has(place.owner));
    if (left.length === 0) index.delete(sum);
    else if (left.length < places.length) index.set(sum, left);
  }
  gone.clear();
}

function summed(sum: number, point: number): number {
  return (Math.imul(sum, 0x01000193) ^ point) & 0x3fffffff;
}

/** Every place that holds something watched, by where it begins; they may overlap. */
function spansIn(text: string): Span[] {
  const spans: Span[] = [];
  const places = new Set<Place>();
  const reader = new Reader(text);
  for (let at = 0; at < text.length; at += 1) {
    collect(reader, at, 0, 0, places);
    if (places.size === 0) continue;
    for (const { owner, form } of places) {
      const held = owner.deref();
      const found = held === undefined ? undefined : watched.get(held);
      const wanted = found?.forms[form];
      if (found === undefined || wanted === undefined) continue;
      const to = endOf(reader, at, wanted.text);
      if (to !== null) spans.push({ ...widened(text, at, to, wanted), mask: found.mask });
    }
    places.clear();
  }
  return spans.sort((a, b) => a.from - b.from);
}

/** The forms that may begin at `from`, by their first characters in every way that these can be read. */
function collect(reader: Reader, from: number, depth: number, sum: number, places: Set<Place>): void {
  const { text } = reader;
  let at = from;
  let so = sum;
  for (let count = depth; count < GRAM; count += 1) {
    const unit = text.charCodeAt(at);
    if (Number.isNaN(unit)) return;
    if (!isPlain(unit)) {
      const starts = count === 0 ? [at] : [at, ...reader.behindBreak(at)];
      for (const start of starts) {
        for (const { point, end } of reader.at(start)) {
          collect(reader, end, count + 1, summed(so, point), places);
        }
      }
      return;
    }
    so = summed(so, unit);
    at += 1;
  }
  for (const place of index.get(so) ?? []) places.add(place);
}

/** Where `wanted` ends if it stands at `from`, in whichever way; null: it does not. The longest way counts. */
function endOf(reader: Reader, from: number, wanted: string): number | null {
  const { text } = reader;
  let ends = [from];
  let isFirst = true;
  for (const each of wanted) {
    const point = each.codePointAt(0) ?? 0;
    const [only = from] = ends;
    if (ends.length === 1 && isPlain(text.charCodeAt(only))) {
      if (text.charCodeAt(only) !== point) return null;
      ends = [only + 1];
      isFirst = false;
      continue;
    }
    const next = new Set<number>();
    for (const at of isFirst ? ends : ends.flatMap((end) => [end, ...reader.behindBreak(end)])) {
      const unit = text.charCodeAt(at);
      if (isPlain(unit)) {
        if (unit === point) next.add(at + 1);
        continue;
      }
      for (const reading of reader.at(at)) if (reading.point === point) next.add(reading.end);
    }
    if (next.size === 0) return null;
    ends = [...next];
    isFirst = false;
  }
  return Math.max(...ends);
}

/** With the characters of a longer base64 text that hold some bits of it, and the padding. */
function widened(text: string, from: number, to: number, { shares }: Form): Pick<Span, 'from' | 'to'> {
  if (shares === null) return { from, to };
  const isOne = (at: number): boolean => /[A-Za-z0-9+/_-]/.test(text[at] ?? '');
  const end = shares.behind && isOne(to) ? to + 1 : to;
  const padding = /^(?:=|%3d){1,2}/i.exec(text.slice(end, end + 6))?.[0] ?? '';
  return { from: shares.before && isOne(from - 1) ? from - 1 : from, to: end + padding.length };
}

/** Those that overlap as one, and none within a mask that stands there already. */
function joined(spans: readonly Span[], text: string): Span[] {
  const all: Span[] = [];
  for (const span of spans) {
    if (isWithinMask(span, text)) continue;
    const last = all.at(-1);
    if (last === undefined || span.from > last.to) {
      all.push(span);
      continue;
    }
    const mask = last.mask === span.mask ? span.mask : 'value';
    all[all.length - 1] = { from: last.from, to: Math.max(last.to, span.to), mask };
  }
  return all;
}

function isWithinMask({ from, to }: Span, text: string): boolean {
  return Object.values(MASKS).some((mask) => {
    const first = Math.max(0, to - mask.length);
    return first <= from && text.slice(first, from + mask.length).includes(mask);
  });
}
