import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columns, fields, hang, printable, wrap } from '../../src/report/table.ts';
import { page } from './fixture.ts';

const words = fc.array(fc.stringMatching(/^[a-z/:._-]{1,30}$/), { minLength: 1, maxLength: 20 });

describe('wrapping', () => {
  it('keeps every word, in order, and exceeds the width only for one word', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 16, max: 60 }), (list, width) => {
        const lines = wrap(list.join(' '), width);
        expect(lines.join(' ')).toBe(list.join(' '));
        for (const line of lines) expect(line.length <= width || !line.includes(' ')).toBe(true);
      }),
    );
  });

  it('does not break a command in backticks, so that it can be pasted', () => {
    expect(wrap('then run `keyturn apply --due` again', 24)).toEqual([
      'then run',
      '`keyturn apply --due`',
      'again',
    ]);
  });

  it('keeps line breaks of the text', () => {
    expect(wrap('one\ntwo', 40)).toEqual(['one', 'two']);
  });

  it('puts further lines under the first', () => {
    expect(hang('  next  ', 'aaaa bbbb cccc dddd', page(26))).toEqual([
      '  next  aaaa bbbb cccc',
      '        dddd',
    ]);
  });

  it('aligns fields and leaves out those without a text', () => {
    const lines = fields(
      [
        ['where', 'here'],
        ['live', null],
        ['next', undefined],
        ['at', 'noon'],
      ],
      page(40),
    );
    expect(lines).toEqual(['  where  here', '  at     noon']);
  });

  it('shows what could move the cursor as a question mark, and drops colours', () => {
    expect(printable('a\u001b[31mb\u001b[0m\u0008c\u202ed\r\ne\tf')).toBe('ab?c?d\ne f');
  });
});

const row = fc.tuple(words, words, words).map((cells) => cells.map((cell) => cell.join(' ')));

describe('columns', () => {
  it('align, and wrap the widest first', () => {
    const rows = [
      ['db-writer', 'v4', 'a remark of some length that wraps'],
      ['x', 'v10', 'short'],
    ];
    expect(columns(rows, page(36), { head: ['NAME', 'NOW', 'REMARK'] })).toEqual([
      'NAME       NOW  REMARK',
      'db-writer  v4   a remark of some',
      '                length that wraps',
      'x          v10  short',
    ]);
  });

  it('become blocks where no width would fit', () => {
    const rows = [['vault://busflow-prod/db-writer', 'swarm://prod/busflow_api']];
    expect(columns(rows, page(40), { head: ['SECRET', 'CONSUMER'] })).toEqual([
      'vault://busflow-prod/db-writer',
      '  consumer: swarm://prod/busflow_api',
    ]);
  });

  it('never exceed the page, lose no word and leave no space at the end', () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 50, max: 120 }),
        (rows, width) => {
          const lines = columns(rows, page(width));
          for (const line of lines) {
            expect(line.length).toBeLessThanOrEqual(width);
            expect(line).toBe(line.trimEnd());
          }
          const wordsIn = (text: string): string[] =>
            text
              .split(/\s+/)
              .filter((word) => word !== '')
              .sort();
          expect(wordsIn(lines.join(' '))).toEqual(wordsIn(rows.flat().join(' ')));
        },
      ),
    );
  });

  it('differ with colour in nothing but escape codes', () => {
    const rows = [
      [{ text: 'failed', style: 'red' as const }, 'why it failed'],
      ['done', 'b'],
    ];
    const coloured = columns(rows, page(40, true));
    expect(coloured.join('')).toContain('\u001b[31m');
    expect(coloured.map((line) => stripVTControlCharacters(line))).toEqual(columns(rows, page(40)));
  });
});
