import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnvFormat } from '../../src/model/host.ts';
import { variablesOf, withVariables } from '../../src/providers/host-env-file.ts';
import { NAMES, anyChanges, anyValue, keptFile, textOf, wildFile } from './env-files.ts';
import type { EnvText } from './env-files.ts';

const RUNS = { numRuns: 10_000 };
const FORMATS: readonly EnvFormat[] = ['systemd', 'compose'];

/** Kept files mostly, and some of anything. */
const fileOf = (format: EnvFormat): fc.Arbitrary<EnvText> =>
  fc.oneof({ weight: 4, arbitrary: keptFile(format) }, { weight: 1, arbitrary: wildFile(format) });

/** What each variable is where each variable of the environment is its own name. */
function meaningsOf(content: Buffer, format: EnvFormat): Map<string, string> {
  const read = variablesOf(content, format, new Map(NAMES.map((name) => [name, name])));
  if (read.kind === 'refused') throw new Error(`refused: ${JSON.stringify(read.problems)}`);
  return new Map(read.variables);
}

/** Every byte of a file but the values of some variables, whose lines may be gone, and what follows its last line. */
function unchanged({ blocks, end, isEnded }: EnvText, changes: ReadonlyMap<string, string | null>): RegExp {
  const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const lines = blocks.map(({ name, head, value, tail }, index) => {
    const isEndKept = isEnded || index < blocks.length - 1;
    const close = literal(isEndKept ? end : '');
    const change = name === null ? undefined : changes.get(name);
    if (change === null) return '';
    if (change === undefined) return literal(head + value + tail) + close;
    return `${literal(head)}[^]*?${literal(tail)}${close}`;
  });
  return new RegExp(`^${lines.join('')}[^]*$`);
}

describe.each(FORMATS)('a file of variables for %s, whatever is in it', (format) => {
  it('means what it did but for the variables that change, and those are exactly the new values', () => {
    let written = 0;
    fc.assert(
      fc.property(fileOf(format), anyChanges, (file, asked) => {
        const changes = new Map(asked);
        const content = Buffer.from(textOf(file));
        const result = withVariables(content, format, changes);
        if (result.kind === 'refused') return;
        written += 1;
        const before = meaningsOf(content, format);
        const after = meaningsOf(result.content, format);
        for (const [name, value] of changes) {
          if (value === null) expect(after.has(name)).toBe(false);
          else expect(after.get(name)).toBe(value);
          before.delete(name);
          after.delete(name);
        }
        expect([...after]).toEqual([...before]);
      }),
      RUNS,
    );
    expect(written).toBeGreaterThan(RUNS.numRuns / 2);
  });

  it('keeps every byte but those of the values that change', () => {
    fc.assert(
      fc.property(keptFile(format), anyChanges, (file, asked) => {
        const changes = new Map(asked);
        const result = withVariables(Buffer.from(textOf(file)), format, changes);
        if (result.kind === 'refused') return;
        expect(result.content.toString('utf8')).toMatch(unchanged(file, changes));
      }),
      RUNS,
    );
  });

  it('gives back its own bytes where nothing changes, and where each variable keeps its value', () => {
    fc.assert(
      fc.property(keptFile(format), (file) => {
        const content = Buffer.from(textOf(file));
        const none = withVariables(content, format, new Map());
        if (none.kind === 'refused') return;
        expect(none.content.equals(content)).toBe(true);
        const isConstant = file.blocks.every(
          ({ name, head, value }) => head !== name && !value.includes('$'),
        );
        if (!isConstant) return;
        for (const [name, value] of meaningsOf(content, format)) {
          const same = withVariables(content, format, new Map([[name, value]]));
          if (same.kind === 'written') expect(same.content.equals(content)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('comes back to its bytes when a variable that was not there is put in and taken out again', () => {
    fc.assert(
      fc.property(keptFile(format), anyValue, (file, value) => {
        const text = textOf({ ...file, isEnded: true });
        const put = withVariables(Buffer.from(text), format, new Map([['NEW', value]]));
        if (put.kind === 'refused') return;
        const taken = withVariables(put.content, format, new Map([['NEW', null]]));
        expect(taken.kind === 'written' && taken.content.toString('utf8')).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });
});
