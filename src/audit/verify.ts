import { digestOf, digestOfText } from '../model/canonical.ts';
import type { Finding, Verification, Witness } from '../model/verification.ts';
import type { Testimony } from './testimony.ts';
import { behindTheState, gaps, hearWitness, truncations } from './testimony.ts';

/** A history entry as it lies there. */
export interface WrittenEntry {
  readonly number: number;
  readonly text: string;
}

export interface VerifyInput {
  readonly stack: string;
  /** Every entry, in any order. */
  readonly written: readonly WrittenEntry[];
  /** Who else knows the end of the history; the state first. */
  readonly testimonies: readonly Testimony[];
  /** Ids of applies whose entry may stand although the state does not name it yet: one that did not end. */
  readonly open: readonly string[];
}

/** One entry, read as far as the chain needs it. */
export interface Link {
  readonly number: number;
  /** Null: the first. Undefined: it cannot be read. */
  readonly previous: string | null | undefined;
  /** The number that it gives itself. */
  readonly says: number | null;
  readonly apply: string | null;
  readonly kind: string | null;
  readonly digest: string;
  /** Whether it has this digest, written canonically or not. */
  is(digest: string): boolean;
}

/**
 * Checks a history against itself and against its witnesses. Every finding names the entry that it is about; none is
 * made of an untouched history, and none about an entry that only an edited one speaks against.
 *
 * From the newest entry on backwards: what a witness names is trusted, and so is what a trusted entry names as the
 * one before it. A chain that was rewritten whole agrees with itself, and only a witness that was not rewritten with
 * it finds that. Entries are parsed, not validated: their digest is what counts.
 */
export function verifyHistory({ stack, written, testimonies, open }: VerifyInput): Verification {
  const links = new Map(written.map((each) => [each.number, linkOf(each)]));
  const newest = Math.max(0, ...links.keys());
  const state = testimonies.find(({ isState }) => isState);
  const findings = [
    ...truncations(testimonies, newest),
    ...gaps(links, newest),
    ...walkBack(links, newest, testimonies),
    ...behindTheState(links, newest, state, open),
  ];
  const head = links.get(newest);
  return {
    stack,
    entries: links.size,
    head: head === undefined ? null : { entry: head.number, digest: head.digest },
    findings: inOrder(findings),
    witnesses: testimonies.map((testimony): Witness => hearWitness(testimony, links, newest)),
  };
}

function walkBack(
  links: ReadonlyMap<number, Link>,
  newest: number,
  testimonies: readonly Testimony[],
): Finding[] {
  const findings: Finding[] = [];
  // Nobody names the newest where there is no witness: the chain is then all there is.
  let isNextTrusted = true;
  for (let number = newest; number >= 1; number -= 1) {
    const link = links.get(number);
    const next = links.get(number + 1);
    if (link === undefined) {
      isNextTrusted = false;
      continue;
    }
    const found = judge(link, next, isNextTrusted, testimonies);
    if (found !== null) findings.push(found);
    isNextTrusted = found === null && (next === undefined || isNextTrusted || isWitnessed(link, testimonies));
  }
  const first = links.get(1);
  if (first !== undefined && isNextTrusted && typeof first.previous === 'string')
    findings.push({ kind: 'removed', entry: 1, text: 'entry 1 names one before it, and there is none' });
  return findings;
}

/** What is wrong with one entry; null: nothing, or nothing that anybody who is trusted says. */
function judge(
  link: Link,
  next: Link | undefined,
  isNextTrusted: boolean,
  testimonies: readonly Testimony[],
): Finding | null {
  const { number, says } = link;
  const finding = (kind: Finding['kind'], text: string): Finding => ({ kind, entry: number, text });
  if (link.previous === undefined) return finding('unreadable', `entry ${number} cannot be read as an entry`);
  if (says !== number)
    return finding(
      'reordered',
      `in the place of entry ${number} stands ${says === null ? 'none' : `entry ${says}`}`,
    );
  const against = testimonies.filter((each) => each.entry === number && !link.is(each.digest));
  const isNamed = next !== undefined && typeof next.previous === 'string' && link.is(next.previous);
  const [witness] = against;
  if (witness !== undefined && (next === undefined || isNamed)) {
    const rewritten = `entry ${number}, or one before it, was rewritten: ${witness.name} names another one`;
    return finding(next === undefined ? 'edited' : 'forked', rewritten);
  }
  if (next === undefined || isNamed || !isNextTrusted) return null;
  if (isWitnessed(link, testimonies)) return null;
  return finding('edited', `entry ${number} is not the one that entry ${next.number} names: it was changed`);
}

function isWitnessed(link: Link, testimonies: readonly Testimony[]): boolean {
  return testimonies.some(({ entry, digest }) => entry === link.number && link.is(digest));
}

function linkOf({ number, text }: WrittenEntry): Link {
  const digest = digestOfText(text.replace(/\n$/, ''));
  const entry = parsed(text);
  if (entry === null) {
    return { number, previous: undefined, says: null, apply: null, kind: null, digest, is: () => false };
  }
  const { previous } = entry;
  return {
    number,
    previous: previous === null || typeof previous === 'string' ? previous : undefined,
    says: typeof entry['entry'] === 'number' ? entry['entry'] : null,
    apply: typeof entry['apply'] === 'string' ? entry['apply'] : null,
    kind: typeof entry['kind'] === 'string' ? entry['kind'] : null,
    digest,
    // Somebody's formatter changes the text and not the entry.
    is: (claimed) => claimed === digest || claimed === digestOf(entry),
  };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => (a.entry ?? 0) - (b.entry ?? 0));
}
