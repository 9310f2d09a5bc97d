import { mkdir, readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { variablesOf, withVariables } from '../../src/providers/host-env-file.ts';
import { anyChanges, keptFile, textOf, wildFile } from '../providers/env-files.ts';
import { bootHosts, describeHosts } from './hosts.ts';
import type { HostLab, LiveHost } from './hosts.ts';

/** Of each kind; each is a unit that starts once. */
const FILES = 200;

type Variables = Readonly<Record<string, string>>;

/** One instance a file, which writes down the environment that it was given. */
const UNIT = `[Service]
Type=oneshot
EnvironmentFile=/env/%i
ExecStart=/usr/bin/cp --no-preserve=all /proc/self/environ /seen/%i
`;

describeHosts("a file of variables and systemd's own reader of it", () => {
  let lab: HostLab;
  let host: LiveHost;
  let count = 0;
  /** What each unit has without a file. */
  let own: readonly string[] = [];

  /** What systemd gives a process of each file; null: it does not start with such a file. */
  const seen = async (contents: readonly (string | Buffer)[]): Promise<(Variables | null)[]> => {
    const first = count;
    count += contents.length;
    const names = contents.map((_, index) => String(first + index));
    await Promise.all(
      names.map((name, index) =>
        writeFile(`${host.root}/env/${name}`, contents[index] ?? '', { flag: 'wx' }),
      ),
    );
    for (let from = 0; from < names.length; from += 50) {
      const units = names.slice(from, from + 50).map((name) => `read-env@${name}.service`);
      // Of several it fails with those that do not start.
      await host.run('sh', '-c', 'systemctl start "$@" || true', 'sh', ...units);
    }
    return Promise.all(
      names.map(async (name) => {
        const environ = await readFile(`${host.root}/seen/${name}`, 'utf8').catch(() => null);
        if (environ === null) return null;
        const pairs = environ
          .split('\0')
          .filter((entry) => entry !== '')
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const);
        return Object.fromEntries(pairs.filter(([variable]) => !own.includes(variable)));
      }),
    );
  };
  const modelled = (content: string): Variables | null => {
    const read = variablesOf(Buffer.from(content), 'systemd');
    return read.kind === 'read' ? Object.fromEntries(read.variables) : null;
  };

  beforeAll(async () => {
    lab = await bootHosts(['web-1']);
    host = lab.hosts[0] ?? expect.fail('one was asked for');
    await mkdir(`${host.root}/env`);
    await mkdir(`${host.root}/seen`);
    await host.unit('read-env@.service', UNIT);
    const [nothing] = await seen(['']);
    own = Object.keys(nothing ?? expect.fail('a unit with an empty file did not start'));
  });
  afterAll(() => lab.close());

  it('agree on random files as they are kept', async () => {
    const texts = fc.sample(keptFile('systemd'), FILES).map(textOf);
    const real = await seen(texts);
    const different = texts.filter((text, index) => sorted(modelled(text)) !== sorted(real[index] ?? null));
    expect(different).toEqual([]);
  });

  it('agree on random files of anything, where the model takes them', async () => {
    const texts = fc.sample(wildFile('systemd'), FILES).map(textOf);
    const real = await seen(texts);
    const taken = texts.flatMap((text, index) => {
      const model = modelled(text);
      return model === null ? [] : [{ text, model: sorted(model), real: sorted(real[index] ?? null) }];
    });
    expect(taken.length).toBeGreaterThan(FILES / 10);
    expect(taken.filter(({ model, real }) => model !== real)).toEqual([]);
  });

  it('shows just the changed variables changed in random files that were written', async () => {
    const cases = fc.sample(fc.tuple(keptFile('systemd'), anyChanges), FILES).flatMap(([file, asked]) => {
      const changes = new Map(asked);
      const before = textOf(file);
      const written = withVariables(Buffer.from(before), 'systemd', changes);
      return written.kind === 'written' ? [{ before, changes, after: written.content }] : [];
    });
    expect(cases.length).toBeGreaterThan(FILES / 2);
    const [before, after] = [
      await seen(cases.map((each) => each.before)),
      await seen(cases.map((each) => each.after)),
    ];
    cases.forEach(({ changes }, index) => {
      const expected = new Map(Object.entries(before[index] ?? expect.fail('did not start before')));
      for (const [name, value] of changes) {
        if (value === null) expected.delete(name);
        else expected.set(name, value);
      }
      expect(after[index]).toEqual(Object.fromEntries(expected));
    });
  });

  it('holds a line break in a value of each kind of quotes', async () => {
    const texts = ["A='one\ntwo'\n", 'A="one\ntwo"\n', "A='one\n\n# B=2'\nC=3\n"];
    expect(await seen(texts)).toEqual([{ A: 'one\ntwo' }, { A: 'one\ntwo' }, { A: 'one\n\n# B=2', C: '3' }]);
  });

  it('hands on every control character but NUL, which the model reads though it writes few', async () => {
    const codes = Array.from({ length: 160 }, (_, index) => index + 1).filter((code) => code !== 0x27);
    const texts = codes.map((code) => `A='x${String.fromCodePoint(code)}y'\nB=1\n`);
    expect(await seen(texts)).toEqual(texts.map(modelled));
  });

  it('starts with none of the files that are no text, or hold what is no character', async () => {
    const contents = [
      Buffer.from('A=1\0\nB=2\n'),
      Buffer.from('A=\xe9\n', 'latin1'),
      Buffer.from("A='\ufffe'\n"),
      Buffer.from('A=\u{1fffe}\n'),
      Buffer.from('A=\ufdd0\n'),
    ];
    expect(await seen(contents)).toEqual(contents.map(() => null));
    for (const content of contents) expect(variablesOf(content, 'systemd').kind).toBe('refused');
  });

  it('leaves out what the model calls left out', async () => {
    const texts = [
      '\ufeffA=1\nB=2\n',
      'export A=1\nB=2\n',
      'A\nB=2\n',
      '1A=1\nB=2\n',
      'A.B=1\nB=2\n',
      '=1\nB=2\n',
    ];
    expect(await seen(texts)).toEqual(texts.map(() => ({ B: '2' })));
    for (const text of texts) expect(modelled(text)).toBeNull();
  });
});

/** As two that are equal look the same. */
function sorted(variables: Variables | null): string {
  if (variables === null) return 'does not start';
  const names = Object.keys(variables).sort();
  return JSON.stringify(names.map((name) => [name, variables[name]]));
}
