import { describe, expect, it } from 'vitest';
import type { EnvFormat } from '../../src/model/host.ts';
import { variablesOf, withVariables } from '../../src/providers/host-env-file.ts';

type Changes = Readonly<Record<string, string | null>>;

function changed(text: string, format: EnvFormat, changes: Changes): string {
  const result = withVariables(Buffer.from(text), format, new Map(Object.entries(changes)));
  if (result.kind === 'refused') throw new Error(result.problems.map(({ what }) => what).join('; '));
  return result.content.toString('utf8');
}

function refusals(content: string | Uint8Array, format: EnvFormat, changes: Changes): string[] {
  const result = withVariables(Buffer.from(content), format, new Map(Object.entries(changes)));
  return result.kind === 'written' ? [] : result.problems.map(({ what }) => what);
}

function read(text: string, format: EnvFormat, environment: Readonly<Record<string, string>> = {}): unknown {
  const result = variablesOf(Buffer.from(text), format, new Map(Object.entries(environment)));
  return result.kind === 'read'
    ? Object.fromEntries(result.variables)
    : result.problems.map(({ what }) => what);
}

const FORMATS: readonly EnvFormat[] = ['systemd', 'compose'];

describe.each(FORMATS)('a file of variables for %s', (format) => {
  it('differs in the lines of the variables that change, and nowhere else', () => {
    const text = [
      '# the web server',
      '',
      'PORT = 3000',
      "JWT_SECRET='old one'",
      '#JWT_SECRET=older',
      'JWT_SECRET_FILE=/run/x',
      'VALKEY_PASSWORD="old"  ',
      'LAST=1',
      '',
    ].join('\n');
    const expected = text.replace("'old one'", "'new $one'").replace('"old"', '"n"');
    expect(changed(text, format, { JWT_SECRET: 'new $one', VALKEY_PASSWORD: 'n' })).toBe(expected);
  });

  it('keeps the line ends, and gives them to a variable that is new', () => {
    expect(changed('A=1\r\nB=2\r\n', format, { B: 'x y', C: '3' })).toBe('A=1\r\nB=x y\r\nC=3\r\n');
  });

  it('ends a last line without a line break before another follows it', () => {
    expect(changed('A=1', format, { B: '2' })).toBe('A=1\nB=2\n');
    expect(changed('A=1\r\nB=2', format, { C: '3' })).toBe('A=1\r\nB=2\r\nC=3\r\n');
    expect(changed('A=1', format, { A: '2' })).toBe('A=2');
  });

  it('begins with the first variable that an empty file gets', () => {
    expect(changed('', format, { A: 'it is', B: '' })).toBe("A='it is'\nB=''\n");
  });

  it('takes a variable away with its line and what stands behind it there', () => {
    expect(changed('A=1\nB="two\nlines"  \nC=3\n', format, { B: null, GONE: null })).toBe('A=1\nC=3\n');
    expect(changed('A=1\r\nB=2', format, { B: null })).toBe('A=1\r\n');
  });

  it('leaves a line as it is that holds the value already, however it is quoted', () => {
    expect(changed('A = "x"\nB=2\n', format, { A: 'x', B: '3' })).toBe('A = "x"\nB=3\n');
  });

  it('takes other quotes where those of the line cannot hold the value', () => {
    expect(changed("A='old'\nB=old\n", format, { A: "it's", B: ' x' })).toBe(`A="it's"\nB=' x'\n`);
  });

  it('writes an empty value', () => {
    expect(changed('A=1\nB="2"\n', format, { A: '', B: '' })).toBe('A=\nB=""\n');
  });

  it('writes into an empty place before its line end', () => {
    expect(changed('A=\nB= \nC=\r\n', format, { A: 'x', B: 'y', C: 'z' })).toBe('A=x\nB= y\nC=z\r\n');
  });

  it('holds values of several lines, with what looks like an assignment in them', () => {
    const value = '-----BEGIN-----\nA=2\n# no comment\n\n';
    expect(read(changed('A=1\nB=1\n', format, { B: value }), format)).toEqual({ A: '1', B: value });
  });

  it('refuses a variable that is assigned twice only where it would be changed', () => {
    const text = 'A=1\nB=2\nA=3\n';
    expect(refusals(text, format, { A: '4' })).toEqual(['"A" is assigned 2 times, in the lines 1, 3']);
    expect(changed(text, format, { B: '4' })).toBe('A=1\nB=4\nA=3\n');
  });

  it('says all that is in the way at once, and quotes no value', () => {
    const problems = refusals('A=1\nA=2\n', format, {
      'A': 'hu\0sh',
      'B': 'hu\ud800sh',
      'C D': 'hush',
      '1A': 'hush',
    });
    expect(problems).toEqual([
      '"A" is assigned 2 times, in the lines 1, 2',
      'the new value of "A" holds a NUL, which no environment can hold',
      'the new value of "B" holds half of a surrogate pair, which is no text',
      '"C D" is no name of a variable',
      '"1A" is no name of a variable',
    ]);
    expect(problems.join('')).not.toMatch(/hu|sh/);
  });

  it('refuses what is no text', () => {
    expect(refusals(Buffer.from('A=1\nB=\0\n'), format, { A: '2' })).toHaveLength(1);
    expect(refusals(Buffer.from('A=1\nB=\xe9\n', 'latin1'), format, { A: '2' })).toHaveLength(1);
    expect(refusals(Buffer.from('{\n  "A": "hush"\n}\n'), format, { A: '2' }).join('')).not.toContain('hush');
    expect(refusals('{\n  "A": "1"\n}\n', format, { A: '2' })).not.toEqual([]);
  });

  it('names the line of what its reader would leave out or refuse', () => {
    expect(refusals('A=1\nB="2\n3"\n\n%%%\n', format, { A: '2' })).toEqual([
      expect.stringMatching(/^line 5: a line/),
    ]);
  });
});

describe('a file of variables as systemd takes it', () => {
  it('is read with pieces, escapes, continued lines and blanks', () => {
    expect(read(String.raw`A='one'"two"three`, 'systemd')).toEqual({ A: 'onetwothree' });
    expect(read(String.raw`A= a\ \b "c" \\ ` + '\n', 'systemd')).toEqual({ A: 'a b "c" \\' });
    expect(read('A=one\\\n  two\nB=1\n', 'systemd')).toEqual({ A: 'one  two', B: '1' });
    expect(read('A="one\\\ntwo \\n \\$ \\` \\" $x"\n', 'systemd')).toEqual({ A: 'onetwo \\n $ ` " $x' });
    expect(read("A='one\\\ntwo'\n", 'systemd')).toEqual({ A: 'one\\\ntwo' });
    expect(read('A=1 # no comment\n;B=2\n  # C=3\n', 'systemd')).toEqual({ A: '1 # no comment' });
    expect(read('A=1\nA=2\n A = 3 \n', 'systemd')).toEqual({ A: '3' });
    expect(read('A="1\r\n2"\r\nB=3\r\n', 'systemd')).toEqual({ A: '1\r\n2', B: '3' });
  });

  it('gets a new value in the place of all pieces and continued lines of the old one', () => {
    expect(changed('A=one\\\n two\nB=1\n', 'systemd', { A: 'x' })).toBe('A=x\nB=1\n');
    expect(changed(`A='one'"two" three  \nB=1\n`, 'systemd', { A: 'x' })).toBe(`A='x'  \nB=1\n`);
  });

  it('stays bare with whatever means itself there', () => {
    expect(changed('A=old\n', 'systemd', { A: `p#a;s$s"w'o` })).toBe(`A=p#a;s$s"w'o\n`);
    expect(changed('A=old\n', 'systemd', { A: 'a\\b' })).toBe("A='a\\b'\n");
    expect(changed('A="old"\n', 'systemd', { A: '\\"$`\'' })).toBe('A="\\\\\\"$`\'"\n');
  });

  it('refuses values that some systemd leaves out', () => {
    const why =
      'holds a control character other than tab and line feed: systemd before 248 leaves out its variable';
    expect(refusals('A=1\n', 'systemd', { A: 'x\r\ny' })).toEqual([`the new value of "A" ${why}`]);
    expect(refusals('A=1\n', 'systemd', { B: '\u007f' })).toEqual([`the new value of "B" ${why}`]);
    expect(refusals('A=1\n', 'systemd', { A: '\ufffe' })).toHaveLength(1);
    expect(changed('A=1\n', 'systemd', { A: 'x\ty\u0085' })).toBe('A=x\ty\u0085\n');
  });

  it('refuses a file of which systemd leaves something out', () => {
    expect(refusals('A=1\nexport B=2\nC\n', 'systemd', { A: '2' })).toEqual([
      'line 2: a line assigns to something that is no variable name ("export" is none to systemd): systemd leaves it out',
      'line 3: a line is neither an assignment nor a comment: systemd leaves it out',
    ]);
    expect(refusals('\ufeffA=1\n', 'systemd', { A: '2' })).toEqual([
      'line 1: the file begins with a byte order mark, which systemd takes for a part of the first name',
    ]);
    expect(refusals('A=1\nB="2\n', 'systemd', { A: '2' })).toEqual([
      'line 2: the file ends within a value: a quote or a backslash is open',
    ]);
  });

  it('refuses a comment that goes on in the next line for some versions only', () => {
    expect(refusals('# one \\\nB=2\n', 'systemd', { A: '2' })).toHaveLength(1);
    expect(refusals('B=2\n# one \\\n', 'systemd', { A: '2' })).toHaveLength(1);
    expect(changed('# one \\\n# two\nB=2\n# \\\\\n', 'systemd', { B: '3' })).toBe(
      '# one \\\n# two\nB=3\n# \\\\\n',
    );
  });
});

describe('a file of variables as compose takes it', () => {
  it('is read with comments, exports, colons, escapes and variables', () => {
    expect(read('\ufeffexport A=1 # one\nB: 2\n', 'compose')).toEqual({ A: '1', B: '2' });
    expect(read(`A='$B\\n' # one\nB="\\n\\$B\\\\ \\" \\0101"\n`, 'compose')).toEqual({
      A: '$B\\n',
      B: '\n$B\\ " A',
    });
    expect(read('A=x\nB=$A-${A}-${C:-d}-${A:+e}-$$A-$1\n', 'compose', { C: '' })).toEqual({
      A: 'x',
      B: 'x-x-d-e-$A-$1',
    });
    expect(read('A=x\nB=${A}\n', 'compose', { A: 'of the reader' })).toEqual({ A: 'x', B: 'of the reader' });
    expect(read('A\nB\nC=1\n', 'compose', { A: 'x' })).toEqual({ A: 'x', C: '1' });
    expect(read('A=${B:?no B}\n', 'compose')).toHaveLength(1);
    expect(read("A='1'\nB='two\nlines'\nC=\n", 'compose')).toEqual({ A: '1', B: 'two\nlines', C: '' });
  });

  it('keeps an export, the sign and a comment behind the value', () => {
    const text = 'export  A : old # the first\nB="old"# the second\nC=old # the third\n';
    const expected = `export  A : new # the first\nB="a#b" # the second\nC='a #b' # the third\n`;
    expect(changed(text, 'compose', { A: 'new', B: 'a#b', C: 'a #b' })).toBe(
      expected.replace('" # the s', '"# the s'),
    );
    expect(changed('A=old # one\n', 'compose', { A: '' })).toBe("A='' # one\n");
  });

  it('gives a value to a name alone', () => {
    expect(changed('A\nB=1\n', 'compose', { A: 'x' })).toBe('A=x\nB=1\n');
  });

  it('writes a "$" so that nothing is put in for it', () => {
    const value = 'a$B${C}$$';
    const single = changed('A=old\n', 'compose', { A: value });
    const double = changed('A="old"\n', 'compose', { A: value });
    expect(single).toBe("A='a$B${C}$$'\n");
    expect(double).toBe('A="a\\$B\\${C}\\$\\$"\n');
    for (const text of [single, double])
      expect(read(text, 'compose', { B: 'x', C: 'y' })).toEqual({ A: value });
  });

  it('keeps a value of several lines on one', () => {
    expect(changed('A=old\n', 'compose', { A: 'one\r\ntwo' })).toBe('A="one\\r\\ntwo"\n');
    expect(changed("A='o\nld'\n", 'compose', { A: 'one\ntwo' })).toBe("A='one\ntwo'\n");
  });

  it('ends a value with a backslash as every version reads it', () => {
    expect(changed('A="old"\nB=1\n', 'compose', { A: 'x y\\', B: "'\\" })).toBe(`A=x y\\\nB="'\\\\"\n`);
  });

  it('lets values follow that ask for the variable, and takes none away that one asks for', () => {
    const text = 'A=1\nB=x${A}\nC="${D:-$A}"\n';
    expect(changed(text, 'compose', { A: '2' })).toBe('A=2\nB=x${A}\nC="${D:-$A}"\n');
    expect(refusals(text, 'compose', { A: null })).toEqual([
      'line 2: "A" cannot be taken away: the value of "B" asks for it',
      'line 3: "A" cannot be taken away: the value of "C" asks for it',
    ]);
  });

  it('refuses a file that compose refuses, or takes for what nobody meant', () => {
    const reasons: Record<string, RegExp> = {
      'A=1\nB C=2\n': /a blank within its name/,
      'A=1\n"B"=2\n': /allows in no name/,
      'A=1\nB="2\n': /a quote is open/,
      'A=1\nB=${2}\n': /begins no variable/,
      'A=1\nB=${A:-${2}}\n': /begins no variable/,
      'A=1\n=2\n': /assigns to no name/,
      'A=1\nB': /the last line is a name alone/,
      "A=1\nB='2'3\n": /something follows a closing quote/,
      'A=1\n; B=2\n': /allows in no name/,
    };
    for (const [text, reason] of Object.entries(reasons)) {
      expect(refusals(text, 'compose', { A: '2' })).toEqual([expect.stringMatching(reason)]);
      expect(refusals(text, 'compose', { A: '2' })[0]).toMatch(/^line 2: /);
    }
  });
});
