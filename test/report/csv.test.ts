import { describe, expect, it } from 'vitest';
import { csvText } from '../../src/report/csv.ts';

describe('a table as CSV', () => {
  it('ends every line with CRLF, the last one as well', () => {
    expect(csvText(['a', 'b'], [['x', 1]])).toBe('a,b\r\nx,1\r\n');
    expect(csvText(['a'], [])).toBe('a\r\n');
  });

  it('quotes what would end a cell, and doubles quotes', () => {
    expect(csvText(['a', 'b', 'c'], [['one, two', 'say "no"', 'two\nlines']])).toBe(
      'a,b,c\r\n"one, two","say ""no""","two\nlines"\r\n',
    );
  });

  it('leaves a cell of nothing empty, and numbers as they are', () => {
    expect(csvText(['a', 'b', 'c', 'd'], [[null, -3, 0, false]])).toBe('a,b,c,d\r\n,-3,0,false\r\n');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u200b=1', '\uff1dcmd'])(
    'puts an apostrophe before a text that a spreadsheet would take for a formula',
    (text) => {
      const [, line] = csvText(['a', 'b'], [[text, 'x']]).split('a,b\r\n');
      expect(line).toMatch(/^"?'/);
    },
  );

  it('touches no other text', () => {
    const texts = ["o'neill", 'a=b', 'verify shop_api - done', 'Ada <ada@example.org>', 'größer'];
    expect(
      csvText(
        ['a'],
        texts.map((text) => [text]),
      ),
    ).toBe(`a\r\n${texts.join('\r\n')}\r\n`);
  });

  it('refuses a row that has not as many cells as the head', () => {
    expect(() => csvText(['a', 'b'], [['x']])).toThrow('a row of 1 cells under a head of 2');
  });
});
