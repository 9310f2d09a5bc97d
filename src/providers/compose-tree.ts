import type { Document, Node, Pair } from 'yaml';
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Place } from '../model/finding.ts';

/** A key of a map with what it stands for, anchors and merges followed. */
export interface Entry {
  readonly key: string;
  readonly value: Node | null;
  /** Of the key. */
  readonly place: Place;
}

/** Anchors may name themselves: nobody nests merges this deep on purpose. */
const DEEPEST = 32;

/** What the parser says of each kind of error, in words of ours: its own quote the file, which may hold values. */
const WORDS: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias that is not written as one',
  BAD_DIRECTIVE: 'a directive that YAML does not know',
  BAD_DQ_ESCAPE: 'an escape in double quotes that YAML does not know',
  BAD_INDENT: 'a line that is not indented as the lines around it',
  BAD_SCALAR_START: 'a text that begins with a character that must be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon in one line: the text needs quotes',
  DUPLICATE_KEY: 'a key that stands there twice',
  MISSING_CHAR: 'a character is missing: a closing quote or bracket, or the colon behind a key',
  MULTILINE_IMPLICIT_KEY: 'a key over more than one line',
  MULTIPLE_ANCHORS: 'two anchors at one place',
  MULTIPLE_TAGS: 'two tags at one place',
  RESOURCE_EXHAUSTION: 'it nests too deep',
  TAB_AS_INDENT: 'a tab where YAML wants spaces',
  UNEXPECTED_TOKEN: 'something that does not belong there',
};

/**
 * One YAML file as a tree of places. Nothing that is asked of it throws: what is not as it should be is told to
 * `problem`, with its place and never with what is written there.
 */
export class ComposeTree {
  readonly documents: readonly Document[];
  private readonly file: string;
  private readonly lines = new LineCounter();
  private readonly problem: (what: string, place: Place) => void;

  constructor(text: string, file: string, problem: (what: string, place: Place) => void) {
    this.file = file;
    this.problem = problem;
    const options = {
      lineCounter: this.lines,
      prettyErrors: false,
      merge: true,
      logLevel: 'silent',
    } as const;
    const parsed = parseAllDocuments(text, options);
    this.documents = Array.isArray(parsed) ? parsed : [];
    for (const { code, pos } of this.documents.flatMap(({ errors }) => errors)) {
      this.problem(WORDS[code] ?? 'it is not YAML from here on', this.at(pos[0]));
    }
  }

  /** The map's entries, its own before what it merges; none where there is nothing. Told where it is something else. */
  entries(node: Node | null, document: Document, what: string): Entry[] {
    const found = new Map<string, Entry>();
    this.collect(node, { document, what, found, depth: 0 });
    return [...found.values()];
  }

  /** The items of a list, aliases followed; null where it is none. */
  items(node: Node | null, document: Document): Node[] | null {
    const list = this.resolved(node, document);
    if (!isSeq(list)) return null;
    return list.items.filter(isNode).map((item) => this.resolved(item, document) ?? item);
  }

  /** The text of a scalar as written, of a number too; null where it is none. */
  text(node: Node | null, document: Document): string | null {
    const scalar = this.resolved(node, document);
    if (!isScalar(scalar)) return null;
    const { value, source } = scalar;
    if (typeof value === 'string') return value;
    return typeof value === 'number' || typeof value === 'boolean' ? (source ?? String(value)) : null;
  }

  /** Whether YAML takes it for a text, a quoted number too. */
  isQuoted(node: Node | null, document: Document): boolean {
    const scalar = this.resolved(node, document);
    return isScalar(scalar) && typeof scalar.value === 'string';
  }

  /** Behind an alias, and null where compose is told to forget it (`!reset`) or nothing is written. */
  resolved(node: Node | null, document: Document): Node | null {
    const target = isAlias(node) ? (node.resolve(document) ?? null) : node;
    if (isAlias(node) && target === null)
      this.problem('an alias of an anchor that is not there', this.placeOf(node));
    if (target !== null && 'tag' in target && target.tag === '!reset') return null;
    return isScalar(target) && target.value === null ? null : target;
  }

  placeOf(node: Node | null): Place {
    return this.at(node?.range?.[0] ?? 0);
  }

  private at(offset: number): Place {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  private collect(node: Node | null, into: Collecting): void {
    const map = this.resolved(node, into.document);
    if (map === null) return;
    if (!isMap(map)) {
      this.problem(`${into.what} is no map of names`, this.placeOf(node));
      return;
    }
    const merges: Pair[] = [];
    for (const pair of map.items) {
      if (!isPair(pair) || !isNode(pair.key)) continue;
      const key = this.text(pair.key, into.document);
      if (isMerge(pair.key)) merges.push(pair);
      else if (key !== null && !into.found.has(key)) {
        const value = isNode(pair.value) ? this.resolved(pair.value, into.document) : null;
        into.found.set(key, { key, value, place: this.placeOf(pair.key) });
      }
    }
    for (const { value } of merges) this.merge(isNode(value) ? value : null, into);
  }

  private merge(node: Node | null, into: Collecting): void {
    if (into.depth >= DEEPEST) {
      this.problem('an anchor that merges itself', this.placeOf(node));
      return;
    }
    const deeper = { ...into, what: 'what is merged', depth: into.depth + 1 };
    for (const each of this.items(node, into.document) ?? [node]) this.collect(each, deeper);
  }
}

/** The parser gives the key of a merge a symbol for its value; one in quotes is a key like others. */
function isMerge(key: Node): boolean {
  return isScalar(key) && typeof key.value === 'symbol';
}

interface Collecting {
  readonly document: Document;
  readonly what: string;
  readonly found: Map<string, Entry>;
  readonly depth: number;
}
