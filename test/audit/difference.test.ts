import { describe, expect, it } from 'vitest';
import { differenceBetween, stateAfter } from '../../src/audit/difference.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import { consumerNumber, longHistory, secretNumber } from '../support/long-history.ts';

const history = longHistory(60, 3);
const point = (entry: number) => ({ entry, endedAt: history[entry - 1]?.endedAt ?? null });
const between = (from: number, to: number, entries = history) =>
  differenceBetween(entries.slice(0, to), point(from), point(to));

describe('the state at a point', () => {
  it('is what the newest entry up to it says of each secret and target', () => {
    const state = stateAfter(history.slice(0, 5));
    expect(state.secrets).toEqual({ [secretNumber(0)]: 2, [secretNumber(1)]: 1, [secretNumber(2)]: 1 });
    expect(state.consumers[consumerNumber(0)]).toEqual({ key_0: { secret: secretNumber(0), ordinal: 2 } });
  });

  it('is known of what is first named later, from what that entry found', () => {
    const [secret, consumer] = [secretNumber(1), consumerNumber(1)];
    expect(stateAfter([], history.slice(5, 8))).toMatchObject({
      secrets: { [secret]: 1 },
      consumers: { [consumer]: { key_1: { secret, ordinal: 1 } } },
    });
  });

  it('holds no target that reads nothing any more, and none that comes back from before', () => {
    const consumer = consumerNumber(0);
    const gone = { secret: secretNumber(0), before: 2, after: null };
    const removal = { ...(history[0] as HistoryEntry), consumers: { [consumer]: { key_0: gone } } };
    expect(stateAfter([...history.slice(0, 5), removal]).consumers[consumer]).toEqual({});
    expect(stateAfter([removal], history.slice(0, 5)).consumers[consumer]).toEqual({});
  });
});

describe('the difference between two points', () => {
  it('of any two points, read on from any third, is the same: it is a fold', () => {
    for (let from = 0; from < history.length; from += 7) {
      for (let to = from; to < history.length; to += 5) {
        const { secrets } = between(from, to);
        const [before, after] = [stateAfter(history.slice(0, from)), stateAfter(history.slice(0, to))];
        for (const { secret, ...move } of secrets) {
          expect(move).toEqual({
            before: before.secrets[secret] ?? null,
            after: after.secrets[secret] ?? null,
          });
        }
      }
    }
  });

  it('is nothing between a point and itself', () => {
    expect(between(7, 7)).toMatchObject({ secrets: [], consumers: [], changes: [], entries: 0 });
  });

  it('says which entries moved something, and leaves out those that did not', () => {
    const { changes, entries } = between(3, 9);
    expect(entries).toBe(6);
    expect(changes.map(({ entry }) => entry)).toEqual(
      history
        .slice(3, 9)
        .filter(({ versions }) => Object.values(versions).some(({ before, after }) => before !== after))
        .map(({ entry }) => entry),
    );
    expect(changes[0]).toMatchObject({ knownBy: 'git-author', cause: { kind: 'due' } });
  });

  it('shows all targets of a consumer that differs, and no consumer that is the same', () => {
    const { consumers } = between(3, 4);
    expect(consumers).toEqual([
      {
        consumer: consumerNumber(0),
        targets: [
          {
            target: 'key_0',
            before: { secret: secretNumber(0), ordinal: 1 },
            after: { secret: secretNumber(0), ordinal: 2 },
          },
        ],
      },
    ]);
  });

  it('tells of secrets where entries are of before consumers were kept', () => {
    const old = longHistory(20, 3, true);
    const difference = differenceBetween(old, { entry: 0, endedAt: null }, point(20));
    expect(difference.consumers).toEqual([]);
    expect(difference.secrets).toHaveLength(3);
  });

  it('says where an entry found another version than was left before it, and nowhere else', () => {
    expect(between(0, 60).gaps).toEqual([]);
    const secret = secretNumber(1);
    const odd = history.map((entry) =>
      entry.entry === 6 ? { ...entry, versions: { [secret]: { before: 9, after: 10 } } } : entry,
    );
    expect(between(1, 6, odd).gaps).toEqual([{ entry: 6, secret, left: 1, found: 9 }]);
  });

  it('leaves its entries as they are', () => {
    const frozen = deepFreeze(longHistory(20, 3));
    expect(() => differenceBetween(frozen, point(2), point(20))).not.toThrow();
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
