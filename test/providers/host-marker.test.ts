import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Marker } from '../../src/providers/host-marker.ts';
import { heldBy, MARKER_LINES, markerLines, markerOf } from '../../src/providers/host-marker.ts';

const target = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/);
const version = fc.stringMatching(/^[A-Za-z0-9-]{1,20}_v[1-9][0-9]{0,3}$/);
const identity = fc
  .tuple(fc.nat(), fc.nat(), fc.nat(999_999_999))
  .map(([inode, seconds, nano]) => `${inode}.${seconds}.${String(nano).padStart(9, '0')}`);
const marked = fc.record({
  versions: fc.dictionary(target, version).map((pairs) => new Map(Object.entries(pairs))),
  identity: fc.option(identity),
});
const marker: fc.Arbitrary<Marker> = fc.record({
  now: marked,
  next: fc.option(marked),
  scale: fc
    .dictionary(fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/), fc.nat(99))
    .map((pairs) => new Map(Object.entries(pairs))),
  taken: fc.uniqueArray(target, { maxLength: 3 }).map((names) => new Set(names)),
});

describe('a marker', () => {
  it('is read as it was written, by way of what may leave the host', () => {
    fc.assert(
      fc.property(fc.array(marker, { minLength: 1, maxLength: 20 }), (markers) => {
        for (const each of markers) {
          const lines = markerLines('/etc/tracker/web.env', each);
          const patterns = MARKER_LINES.flatMap((line) => ['-e', line]);
          const left = execFileSync('grep', ['-E', ...patterns], {
            input: lines.join('\n'),
            encoding: 'utf8',
          });
          expect(left.trim().split('\n')).toEqual(lines.slice(1));
          expect(markerOf(left.trim().split('\n'))).toEqual(each);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('is of one line for each thing it says, whatever the path is', () => {
    const none = {
      now: { versions: new Map(), identity: null },
      next: null,
      scale: new Map(),
      taken: new Set<string>(),
    };
    const lines = markerLines('/etc/a\nKEYTURN_VERSIONS=X:y_v1\u2028.env', none);
    expect(lines.join('\n').split('\n')).toHaveLength(2);
  });

  it('tells by the file which of two it speaks of, and what it is of once somebody edited it', () => {
    const both: Marker = {
      now: { versions: new Map([['A', 'a_v1']]), identity: '10.5.000000001' },
      next: { versions: new Map([['A', 'a_v2']]), identity: '11.6.000000001' },
      scale: new Map(),
      taken: new Set(),
    };
    const held = (of: string) => {
      const { versions, isEdited } = heldBy(both, of);
      return [versions.get('A'), isEdited];
    };
    expect(held('10.5.000000001')).toEqual(['a_v1', false]);
    expect(held('11.6.000000001')).toEqual(['a_v2', false]);
    expect(held('10.9.000000001')).toEqual(['a_v1', true]);
    expect(held('11.9.000000001')).toEqual(['a_v2', true]);
    expect(held('12.9.000000001')).toEqual(['a_v1', true]);
    expect(heldBy(null, '10.5.1')).toEqual({ versions: new Map(), isEdited: false });
  });
});
