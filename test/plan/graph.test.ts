import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unions, components, inOrder } from '../../src/plan/graph.ts';

function needs(edges: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(edges));
}

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f'];
const graph = fc
  .array(fc.tuple(fc.constantFrom(...LETTERS), fc.constantFrom(...LETTERS)), { maxLength: 10 })
  .map(
    (pairs) =>
      new Map(LETTERS.map((node) => [node, pairs.filter(([from]) => from === node).map(([, to]) => to)])),
  );

function reaches(edges: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const waiting = [...(edges.get(from) ?? [])];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    waiting.push(...(edges.get(node) ?? []));
  }
  return seen.has(to);
}

describe('inOrder', () => {
  it('puts everything after what it needs, ties by name', () => {
    expect(inOrder(['c', 'b', 'a', 'd'], needs({ a: ['c'], d: [] }))).toEqual(['b', 'c', 'd', 'a']);
  });

  it('ignores needs that are not among its nodes', () => {
    expect(inOrder(['b', 'a'], needs({ a: ['z'], z: ['b'] }))).toEqual(['a', 'b']);
  });

  it('ends on a cycle too, with each of its nodes once and last', () => {
    expect(inOrder(['c', 'b', 'a'], needs({ a: ['b'], b: ['a'] }))).toEqual(['c', 'a', 'b']);
  });

  it('gives every node once, after all that it needs and that does not need it, whatever the order of its input', () => {
    fc.assert(
      fc.property(graph, fc.shuffledSubarray(LETTERS, { minLength: LETTERS.length }), (edges, nodes) => {
        const isCyclic = LETTERS.some((node) => reaches(edges, node, node));
        const ordered = inOrder(nodes, edges);
        expect(ordered).toEqual(inOrder(LETTERS, edges));
        expect([...ordered].sort()).toEqual(LETTERS);
        for (const [node, before] of isCyclic ? [] : edges) {
          for (const need of before) expect(ordered.indexOf(need)).toBeLessThan(ordered.indexOf(node));
        }
      }),
    );
  });
});

describe('components', () => {
  it('holds two nodes in one set exactly where each needs the other', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const sets = components(LETTERS, edges);
        expect(sets.flat().sort()).toEqual(LETTERS);
        for (const a of LETTERS) {
          for (const b of LETTERS) {
            const isMutual = a === b || (reaches(edges, a, b) && reaches(edges, b, a));
            expect(sets.some((set) => set.includes(a) && set.includes(b))).toBe(isMutual);
          }
        }
      }),
    );
  });
});

describe('Unions', () => {
  it('gives its sets sorted, whatever the order in which members were joined', () => {
    const unions = new Unions();
    unions.add('e');
    unions.join('d', 'b');
    unions.join('c', 'd');
    unions.add('a');
    expect(unions.sets()).toEqual([['a'], ['b', 'c', 'd'], ['e']]);
    expect(unions.rootOf('d')).toBe('b');
  });

  it('takes a member that it does not know for a set of its own', () => {
    expect(new Unions().rootOf('x')).toBe('x');
  });
});
