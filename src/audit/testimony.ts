import type { Instant } from '../model/address.ts';
import { ASIDE_KINDS } from '../model/journal.ts';
import type { Finding, Witness } from '../model/verification.ts';
import type { Link } from './verify.ts';

/** What somebody says is the newest entry; or why he says nothing. */
export interface Testimony {
  /** `state.json`, `vault shop-prod`. */
  readonly name: string;
  readonly isState: boolean;
  /** 0: he knows of none. */
  readonly entry: number;
  readonly digest: string;
  readonly at: Instant | null;
  /** Why he could not be asked, or has nothing to say; null: he has spoken. */
  readonly silence: { readonly says: 'absent' | 'unasked'; readonly text: string } | null;
}

/** Entries that stand behind the newest that the state knows, and are of no apply that could have been cut off there. */
export function behindTheState(
  links: ReadonlyMap<number, Link>,
  newest: number,
  state: Testimony | undefined,
  open: readonly string[],
): Finding[] {
  if (state === undefined || state.silence !== null) return [];
  const findings: Finding[] = [];
  for (let number = state.entry + 1; number <= newest; number += 1) {
    const link = links.get(number);
    if (link === undefined || link.previous === undefined) continue;
    // The entry of what was no apply is written first, and the state is written by whoever comes next.
    const isAside = link.kind === 'import' || ASIDE_KINDS.some((kind) => kind === link.kind);
    const isCutOff = isAside || open.includes(link.apply ?? '');
    if (isCutOff) continue;
    const text = `entry ${number} stands behind entry ${state.entry}, the newest that ${state.name} knows`;
    findings.push({ kind: 'forked', entry: number, text });
  }
  return findings;
}

/** Entries at the end that a witness knows and that are not there. */
export function truncations(testimonies: readonly Testimony[], newest: number): Finding[] {
  const [latest] = testimonies
    .filter(({ silence, entry }) => silence === null && entry > newest)
    .toSorted((a, b) => b.entry - a.entry);
  if (latest === undefined) return [];
  const gone =
    newest + 1 === latest.entry ? `entry ${latest.entry} is` : `entries ${newest + 1} to ${latest.entry} are`;
  return [
    {
      kind: 'truncated',
      entry: newest + 1,
      text: `${gone} gone: ${latest.name} names entry ${latest.entry} as the newest`,
    },
  ];
}

/** Numbers that are missing before the newest. */
export function gaps(links: ReadonlyMap<number, Link>, newest: number): Finding[] {
  const findings: Finding[] = [];
  for (let number = 1; number < newest; number += 1) {
    if (!links.has(number))
      findings.push({ kind: 'removed', entry: number, text: `entry ${number} is gone` });
  }
  return findings;
}

/** What a witness says of a history, in a line. */
export function hearWitness(testimony: Testimony, links: ReadonlyMap<number, Link>, newest: number): Witness {
  const { name, entry, digest, at, silence } = testimony;
  if (silence !== null) return { name, says: silence.says, entry: null, at, text: silence.text };
  const told = { name, entry, at };
  if (entry === 0) {
    return newest === 0
      ? { ...told, says: 'agrees', text: 'knows of no entry' }
      : { ...told, says: 'behind', text: 'knows of no entry yet' };
  }
  const link = links.get(entry);
  if (link === undefined || !link.is(digest)) {
    const there = link === undefined ? 'which is not there' : 'which is another one here';
    return { ...told, says: 'contradicts', text: `names entry ${entry} (${digest.slice(0, 12)}), ${there}` };
  }
  if (entry === newest) return { ...told, says: 'agrees', text: `names entry ${entry}, the newest` };
  const later = newest === entry + 1 ? `entry ${newest} is` : `entries ${entry + 1} to ${newest} are`;
  return { ...told, says: 'behind', text: `names entry ${entry}; ${later} newer than what it witnesses` };
}
