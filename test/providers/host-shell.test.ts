import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quoted, quotedAll } from '../../src/providers/host-quoted.ts';
import { makeCanary } from '../support/canary.ts';
import { watchProcesses } from '../support/processes.ts';
import { envFile, faultOf, hostGround, TEXT } from '../support/host-ground.ts';

const SHELLS = [['dash'], ['busybox', 'sh'], ['bash', '--posix']].filter(
  ([shell = '']) => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0,
);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe.each(SHELLS)('a word of %s %s', (shell = 'sh', ...args) => {
  const printed = (words: readonly string[]): Buffer =>
    execFileSync(shell, [...args, '-s'], {
      input: `main() {\nprintf '%s\\0' ${quotedAll(words)}\n}\nmain </dev/null\n`,
    });

  it('is what it was, whatever stands in it', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((each) => !each.includes('\0'));
    const hostile = fc.constantFrom(
      "'",
      "''",
      "'\\''",
      '$(id)',
      '`id`',
      '\n',
      '\\',
      '"',
      '*',
      '~',
      '-n',
      '%s',
      '\r\n',
      '',
      ' ',
    );
    const word = fc.array(fc.oneof(text, hostile), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
        const whole = words.filter((each) => !/\p{Surrogate}/u.test(each));
        fc.pre(whole.length > 0);
        expect(printed(whole).toString('utf8')).toBe(whole.map((each) => `${each}\0`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('may be as long as a file', () => {
    const long = `it's ${'x'.repeat(500_000)}\n`;
    expect(printed([long]).toString('utf8')).toBe(`${long}\0`);
  });
});

it('a word with a zero byte is refused', () => {
  expect(() => quoted('a\0b')).toThrow(/zero byte/);
});

const HOSTILE = [
  "/etc/it's here.env",
  '/etc/$(touch hacked).env',
  '/etc/a "b" `c`/-rf.env',
  '/etc/umlaut-ü*?.env',
];

it.each(HOSTILE)('a file called %s is written as any other', async (path) => {
  const ground = await hostGround(directory, envFile({ path }));
  ground.write(TEXT);
  await ground.flip({ JWT_SECRET: [null, 1] });
  expect(ground.text()).toContain(ground.valueOf('JWT_SECRET', 1));
  await ground.verify({ JWT_SECRET: 1 });
  expect(existsSync('hacked')).toBe(false);
});

describe('a value on its way to a host', () => {
  it('is in no argument and in no environment, and in no file but the one', async () => {
    const canary = makeCanary();
    const ground = await hostGround(directory, envFile(), (word) => canary.value(word));
    ground.write(TEXT);
    const watch = watchProcesses((text) => canary.foundIn(text).length > 0);
    // What is run writes down what it was given.
    const noted = join(directory, 'noted');
    for (const program of ['cat', 'mv', 'wc', 'sync', 'chmod', 'stat', 'cp']) {
      const real = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
      const text = `#!/bin/sh\n{ echo ${program} "$@"; tr '\\0' '\\n' </proc/self/environ; } >>'${noted}'\nexec ${real} "$@"\n`;
      writeFileSync(join(ground.running.programs, program), text, { mode: 0o755 });
    }
    await ground.flip({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 1] });
    await ground.flip({ JWT_SECRET: [1, 2] });
    await ground.verify({ JWT_SECRET: 2 });
    await ground.host.observe();
    watch.stop();
    expect(watch.sightings).toEqual([]);
    expect(readFileSync(noted, 'utf8')).toContain('\nmv -f -- ');
    expect(canary.foundIn(readFileSync(noted, 'latin1'))).toEqual([]);
    const files = execFileSync('grep', ['-rl', 'Canary', directory], { encoding: 'utf8' }).trim().split('\n');
    expect(files).toEqual([join(ground.running.root, ground.file.path)]);
    expect(ground.text()).not.toContain(ground.valueOf('JWT_SECRET', 1));
  });

  it('is masked where the host quotes another line of the file', async () => {
    const ground = await hostGround(directory);
    ground.write(`OTHER=somebody-elses-password\n${TEXT}`);
    writeFileSync(
      join(ground.running.programs, 'mv'),
      '#!/bin/sh\necho "cannot move: somebody-elses-password" >&2\nexit 1\n',
      { mode: 0o755 },
    );
    const fault = await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(fault.message).toContain('cannot move: (secret value)');
  });

  it('leaves nothing of a marker that is none: what is no name of a version does not cross', async () => {
    const ground = await hostGround(directory);
    ground.write(TEXT);
    await ground.flip({ JWT_SECRET: [null, 1] });
    const marker = `${join(ground.running.root, ground.file.path)}.keyturn`;
    writeFileSync(marker, 'KEYTURN_VERSIONS=somebody-elses-password\nJWT_SECRET=x\n');
    const service = await ground.observe();
    expect(service.references).toEqual([]);
    expect(JSON.stringify(service)).not.toContain('somebody');
  });
});

describe('the tools of busybox', () => {
  it.skipIf(!SHELLS.some(([shell]) => shell === 'busybox'))(
    'write a file, tell its time and run what reads it',
    async () => {
      const tools = join(directory, 'busybox');
      mkdirSync(tools);
      execFileSync('busybox', ['--install', '-s', tools]);
      const ground = await hostGround(directory);
      ground.write(TEXT);
      const host = ground.connect({ environment: { PATH: tools } });
      await host.flip(ground.order({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 1] }));
      expect(await host.flip(ground.order({ JWT_SECRET: [null, 1] }))).toMatchObject({ already: true });
      const seen = (await host.observe()).services[ground.file.path];
      expect(seen?.file).toEqual({ isThere: true, isEdited: false, mode: 0o600, down: [], stale: [] });
      // The other tools read the same times.
      expect((await ground.observe()).file).toEqual(seen?.file);
    },
  );
});

describe('a real file', () => {
  const path = (): string => join(directory, 'real', 'web.env');
  const flipReal = async (more: Parameters<typeof envFile>[0] = {}) => {
    const ground = await hostGround(directory);
    const file = envFile({ path: path(), restarts: [], ...more });
    const host = ground.connect({ embedded: undefined, files: [file] });
    const { write, ...order } = ground.order({ JWT_SECRET: [null, 1] });
    const valueOf = write?.valueOf ?? (() => Promise.reject(new Error('none')));
    await host.flip({ ...order, service: file.path, write: { file, reads: [], valueOf } });
    return ground;
  };
  beforeEach(() => {
    mkdirSync(dirname(path()));
    writeFileSync(path(), TEXT, { mode: 0o640 });
  });

  it.skipIf(process.getuid?.() !== 0)('keeps its owner, or gets the declared one', async () => {
    chownSync(path(), 1_234, 4_321);
    await flipReal();
    expect(statSync(path())).toMatchObject({ uid: 1_234, gid: 4_321 });
    expect(statSync(path()).mode & 0o777).toBe(0o640);
  });

  it('is left alone where its declared owner is nobody', async () => {
    const fault = await faultOf(flipReal({ owner: 'nobody:nosuchgroup' }));
    expect(fault.message).toContain('the declared owner is nobody');
    expect(readFileSync(path(), 'utf8')).toBe(TEXT);
  });

  it('behind a link is replaced where it is, and the link stays', async () => {
    const link = join(directory, 'link.env');
    symlinkSync(path(), link);
    const ground = await flipReal({ path: link });
    expect(readFileSync(path(), 'utf8')).toContain(ground.valueOf('JWT_SECRET', 1));
    expect(existsSync(`${link}.keyturn`)).toBe(true);
  });

  it('with another name is refused: that one would keep the old value', async () => {
    linkSync(path(), join(directory, 'other'));
    const fault = await faultOf(flipReal());
    expect(fault).toMatchObject({ code: 'file-refused' });
    expect(fault.message).toContain('2 names');
    expect(readFileSync(path(), 'utf8')).toBe(TEXT);
  });

  it('that is none is refused with every reason, and stays', async () => {
    writeFileSync(path(), 'JWT_SECRET=a\nJWT_SECRET=b\n');
    const fault = await faultOf(flipReal());
    expect(fault).toMatchObject({ code: 'file-refused' });
    expect(fault.problems[0]?.what).toContain('assigned 2 times');
    expect(readFileSync(path(), 'utf8')).toBe('JWT_SECRET=a\nJWT_SECRET=b\n');
  });
});

describe('a host that is here', () => {
  it('whose sudo wants a password says so', async () => {
    const ground = await hostGround(directory);
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'sudo'), '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n', {
      mode: 0o755,
    });
    const environment = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const host = ground.connect({ embedded: undefined, sudo: true, environment });
    const fault = await faultOf(host.observe());
    expect(fault).toMatchObject({ code: 'platform-refused', live: 'nothing was changed on the host' });
    expect(fault.message).toContain('sudo does not work without a password');
  });

  it('changes nothing without a lease', async () => {
    const ground = await hostGround(directory);
    ground.write(TEXT);
    const lost = new Error('lost');
    const host = ground.connect({
      fence: {
        pass: () => {
          throw lost;
        },
        lost: new AbortController().signal,
      },
    });
    await faultOf(host.flip(ground.order({ JWT_SECRET: [null, 1] })));
    expect(ground.text()).toBe(TEXT);
  });
});
