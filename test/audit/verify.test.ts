import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Testimony } from '../../src/audit/testimony.ts';
import type { WrittenEntry } from '../../src/audit/verify.ts';
import { verifyHistory } from '../../src/audit/verify.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Verification } from '../../src/model/verification.ts';
import { historyOf, textOf, witnessOf } from './a-history.ts';

/** So many of each kind of manipulation, as the issue asks. */
const RUNS = { numRuns: 1_000 };
const LONGEST = 24;
const chains = Array.from({ length: LONGEST + 1 }, (_, length) => historyOf(length));

function chain(length: number): WrittenEntry[] {
  return chains[length] ?? [];
}

function verify(
  written: readonly WrittenEntry[],
  testimonies: readonly Testimony[],
  open: readonly string[] = [],
): Verification {
  return verifyHistory({ stack: 'shop', written, testimonies, open });
}

function found(verification: Verification): string[] {
  return verification.findings.map(({ kind, entry }) => `${kind} ${entry}`);
}

/** A history and one of its entries. */
const placed = (least = 1) =>
  fc
    .integer({ min: least, max: LONGEST })
    .chain((length) => fc.record({ length: fc.constant(length), at: fc.integer({ min: 1, max: length }) }));

type Leaf = readonly (string | number)[];

/** The path of every text, number, boolean and null of a document. */
function leaves(value: unknown, path: Leaf = []): Leaf[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, key]));
}

/** The same text with one leaf changed, or with one taken out. */
function edited(text: string, pick: number, isTakenOut: boolean): string {
  const entry = JSON.parse(text) as Record<string, unknown>;
  const paths = leaves(entry);
  const path = paths[pick % paths.length] ?? [];
  let holder: Record<string, unknown> = entry;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
  const key = String(path.at(-1));
  const value = holder[key];
  if (isTakenOut && !Array.isArray(holder)) delete holder[key];
  else if (typeof value === 'number') holder[key] = value + 1;
  else if (typeof value === 'boolean') holder[key] = !value;
  else holder[key] = `${String(value)}x`;
  return textOf(entry);
}

function replaced(written: readonly WrittenEntry[], number: number, text: string): WrittenEntry[] {
  return written.map((each) => (each.number === number ? { number, text } : each));
}

/** Everything after a changed entry made to fit it again. */
function rechained(written: readonly WrittenEntry[], from: number): WrittenEntry[] {
  let previous: string | null = null;
  return written.map(({ number, text }) => {
    const entry = JSON.parse(text) as Record<string, unknown>;
    if (number > from) entry['previous'] = previous;
    previous = digestOf(entry);
    return { number, text: textOf(entry) };
  });
}

describe('a history that nobody touched', () => {
  it('has no finding, however long it is and whoever witnesses it, in whatever order it is read', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: LONGEST }).chain((length) =>
          fc.record({
            written: fc.shuffledSubarray([...chain(length)], { minLength: length, maxLength: length }),
            length: fc.constant(length),
            sealed: fc.integer({ min: 0, max: length }),
          }),
        ),
        ({ written, length, sealed }) => {
          const whole = chain(length);
          const testimonies = [witnessOf(whole), witnessOf(whole, 'vault shop-prod', sealed)];
          const verification = verify(written, testimonies);
          expect(verification.findings).toEqual([]);
          expect(verification.entries).toBe(length);
          const says = sealed === length ? 'agrees' : 'behind';
          expect(verification.witnesses.map((each) => each.says)).toEqual(['agrees', says]);
        },
      ),
      RUNS,
    );
  });

  it('is not called edited where only its formatting was changed', () => {
    const written = chain(5).map(({ number, text }) => ({
      number,
      text: `${JSON.stringify(JSON.parse(text), null, 2)}\n`,
    }));
    expect(verify(written, [witnessOf(chain(5))]).findings).toEqual([]);
  });

  it('has an entry behind the state where an apply was cut off between the two', () => {
    const testimonies = [witnessOf(chain(5), 'state.json', 4)];
    expect(found(verify(chain(5), testimonies, ['apply-5']))).toEqual([]);
    expect(found(verify(chain(5), testimonies))).toEqual(['forked 5']);
  });
});

describe('a history in which', () => {
  it('one entry was edited is found, and the entry named', () => {
    fc.assert(
      fc.property(placed(), fc.nat(), fc.boolean(), ({ length, at }, pick, isTakenOut) => {
        const whole = chain(length);
        const text = edited(whole[at - 1]?.text ?? '', pick, isTakenOut);
        const { findings } = verify(replaced(whole, at, text), [witnessOf(whole)]);
        expect(findings.map(({ entry }) => entry)).toEqual([at]);
      }),
      RUNS,
    );
  });

  it('one entry was dropped is found, and the entry named', () => {
    fc.assert(
      fc.property(placed(), ({ length, at }) => {
        const whole = chain(length);
        const written = whole.filter(({ number }) => number !== at);
        const verification = verify(written, [witnessOf(whole)]);
        expect(found(verification)).toEqual([`${at === length ? 'truncated' : 'removed'} ${at}`]);
      }),
      RUNS,
    );
  });

  it('two entries were swapped is found, and both named', () => {
    fc.assert(
      fc.property(placed(2), fc.nat(), ({ length, at }, pick) => {
        const whole = chain(length);
        const other = ((at + (pick % (length - 1))) % length) + 1;
        const text = (number: number): string => whole[number - 1]?.text ?? '';
        const written = replaced(replaced(whole, at, text(other)), other, text(at));
        const verification = verify(written, [witnessOf(whole)]);
        const both = [at, other].sort((a, b) => a - b);
        expect(found(verification)).toEqual(both.map((number) => `reordered ${number}`));
      }),
      RUNS,
    );
  });

  it('the end was cut off is found, and the first that is gone named', () => {
    fc.assert(
      fc.property(placed(), ({ length, at }) => {
        const whole = chain(length);
        const verification = verify(whole.slice(0, at - 1), [witnessOf(whole)]);
        expect(found(verification)).toEqual([`truncated ${at}`]);
      }),
      RUNS,
    );
  });

  it('an entry was edited and everything after it made to fit is found by the state', () => {
    fc.assert(
      fc.property(placed(), fc.nat(), ({ length, at }, pick) => {
        const whole = chain(length);
        const text = edited(whole[at - 1]?.text ?? '', pick, false);
        const written = rechained(replaced(whole, at, text), at);
        const { findings, witnesses } = verify(written, [witnessOf(whole)]);
        expect(findings.length).toBeGreaterThan(0);
        expect(witnesses.map(({ says }) => says)).toEqual(['contradicts']);
      }),
      RUNS,
    );
  });

  it('everything was rewritten, the state with it, is found by what a vault has sealed, however far behind it is', () => {
    fc.assert(
      fc.property(placed(), fc.nat(), fc.nat(), ({ length, at }, pick, behind) => {
        const whole = chain(length);
        const text = edited(whole[at - 1]?.text ?? '', pick, false);
        const written = rechained(replaced(whole, at, text), at);
        // It was sealed at the changed entry or later.
        const sealed = at + (behind % (length - at + 1));
        const testimonies = [witnessOf(written), witnessOf(whole, 'vault shop-prod', sealed)];
        const { findings, witnesses } = verify(written, testimonies);
        expect(findings.some(({ entry }) => entry !== null && entry <= sealed)).toBe(true);
        expect(witnesses.find(({ name }) => name === 'vault shop-prod')?.says).toBe('contradicts');
      }),
      RUNS,
    );
  });

  it('all was replaced by a shorter one, the state with it, is found by what a vault has sealed', () => {
    const whole = chain(9);
    const shorter = whole.slice(0, 6);
    const verification = verify(shorter, [witnessOf(shorter), witnessOf(whole, 'vault shop-prod')]);
    expect(found(verification)).toEqual(['truncated 7']);
    expect(verification.findings[0]?.text).toBe(
      'entries 7 to 9 are gone: vault shop-prod names entry 9 as the newest',
    );
  });

  it('an entry is no JSON is found, and what others say of the rest still counts', () => {
    const whole = chain(6);
    const written = replaced(replaced(whole, 4, 'nonsense'), 2, edited(whole[1]?.text ?? '', 3, false));
    const verification = verify(written, [witnessOf(whole), witnessOf(whole, 'vault shop-prod', 3)]);
    expect(found(verification)).toEqual(['edited 2', 'unreadable 4']);
  });
});
