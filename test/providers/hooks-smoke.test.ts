import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MASKS } from '../../src/model/guard.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { Output } from '../../src/providers/hooks-output.ts';
import { makeCanary } from '../support/canary.ts';
import { faultOf } from '../support/hook-context.ts';

const canary = makeCanary();
/** Alive as long as the test, so that the guard watches for it. */
const LIVE = new SecretValue(canary.value('good'));
const hooks = connectHooks({
  environment: { PATH: process.env['PATH'], HOME: '/nowhere', AZURE_CLIENT_SECRET: 'ours' },
  pace: { graceMs: 20, retryMs: 1 },
});
let directory: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'keyturn-smoke-')));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Smoke {
  readonly argv: readonly string[];
  readonly directory?: string | null;
  readonly timeout?: string;
  readonly signal?: AbortSignal;
}

function smoke({ argv, directory: at = null, timeout = 'PT20S', signal }: Smoke) {
  return hooks.smoke({ name: 'smoke', argv, directory: at, timeout }, 'shop', signal);
}

function sh(script: string, ...args: string[]): string[] {
  return ['sh', '-c', script, 'sh', ...args];
}

/** A program that writes these chunks, to standard output or standard error. */
function printing(...chunks: readonly (readonly ['stdout' | 'stderr', string])[]): string[] {
  const script = `
    const write = ([to, text]) => new Promise((resolve) => process[to].write(text, resolve));
    for (const chunk of JSON.parse(process.argv[1])) await write(chunk);`;
  return [process.execPath, '--input-type=module', '-e', script, JSON.stringify(chunks)];
}

describe('a smoke test that passes', () => {
  it('is a line and the end of what it printed', async () => {
    expect(await smoke({ argv: sh('echo one; echo two; printf " three"') })).toEqual({
      proof: 'passed: "sh" exited with 0',
      output: 'one\ntwo\n three',
    });
  });

  it('is heard on both of its streams, line by line', async () => {
    const { output } = await smoke({
      argv: printing(['stdout', 'on'], ['stderr', 'two\n'], ['stdout', 'e\n']),
    });
    expect(output.split('\n').sort((a, b) => (a < b ? -1 : 1))).toEqual(['one', 'two']);
  });

  it('printed nothing, and reads nothing', async () => {
    expect(await smoke({ argv: sh('cat') })).toEqual({ proof: 'passed: "sh" exited with 0', output: '' });
  });

  it('is told the stack, and sees nothing of our environment that lets anyone in', async () => {
    const argv = [process.execPath, '-p', 'JSON.stringify(process.env)'];
    expect(JSON.parse((await smoke({ argv })).output)).toEqual({
      PATH: process.env['PATH'],
      HOME: '/nowhere',
      KEYTURN_STACK: 'shop',
    });
  });

  it('runs in the directory that it names, else in ours', async () => {
    mkdirSync(join(directory, 'apps'));
    const place = join(directory, 'apps');
    expect((await smoke({ argv: ['pwd'], directory: place })).output).toBe(place);
    expect((await smoke({ argv: ['pwd', '-P'] })).output).toBe(realpathSync(process.cwd()));
  });
});

describe('a smoke test that fails', () => {
  it('is a fault with its last twenty lines', async () => {
    const fault = await faultOf(smoke({ argv: sh('seq 1 30; echo; echo the login answers 500; exit 3') }));
    const lines = [...Array.from({ length: 19 }, (_, index) => String(index + 12)), 'the login answers 500'];
    expect(fault.toJSON()).toEqual({
      code: 'smoke-failed',
      what: 'the smoke test "smoke" failed: "sh" exited with 3',
      where: 'shop',
      live: 'the consumers that it tries were good one by one; together they are not',
      next: 'see what it printed, or run it by hand; mend that and run keyturn apply again',
      problems: lines.map((what) => ({ what, where: 'shop' })),
    });
  });

  it.each([
    ['is not there', { argv: ['./no-such-program'] }, '"./no-such-program" did not run (ENOENT)'],
    [
      'has no place to run in',
      { argv: ['sh'], directory: './no-such-place' },
      '"sh" did not run (ENOENT) in "./no-such-place"',
    ],
    ['is killed by somebody', { argv: sh('kill -KILL $$') }, '"sh" was ended by SIGKILL'],
    [
      'does not end',
      { argv: sh('echo waiting; exec sleep 600'), timeout: 'PT1.5S' },
      '"sh" did not end within PT1.5S',
    ],
  ])('says so where it %s', async (_, test, said) => {
    const fault = await faultOf(smoke(test));
    expect(fault).toMatchObject({ code: 'smoke-failed', message: `the smoke test "smoke" failed: ${said}` });
    expect(fault.problems.map(({ what }) => what)).toEqual('timeout' in test ? ['waiting'] : []);
  });

  it('is interrupted, not failed, where the caller says so', async () => {
    expect(await faultOf(smoke({ argv: sh('exit 0'), signal: AbortSignal.abort() }))).toMatchObject({
      code: 'interrupted',
      where: 'shop',
      live: 'what it tries is not known to be good',
    });
  });
});

describe('what a smoke test leaves behind', () => {
  it('in a session of its own does not hold us up, though it holds the pipe', async () => {
    const { output } = await smoke({ argv: sh('setsid sleep 600 & echo $!') });
    process.kill(Number(output), 'SIGKILL');
  });
});

describe('what a smoke test printed', () => {
  const masked = async (argv: readonly string[]): Promise<string> => {
    const { output } = await smoke({ argv });
    expect(canary.foundIn(output)).toEqual([]);
    return output;
  };
  const value = LIVE.reveal();
  const half = Math.floor(value.length / 2);
  const [head, rest] = [value.slice(0, half), value.slice(half)];

  it('is masked', async () => {
    expect(await masked(printing(['stdout', `token=${value};`]))).toBe(`token=${MASKS.value};`);
  });

  it('is masked in pieces: written one after the other, and with another line in between', async () => {
    const chunks = [
      ['stdout', `a ${head}`],
      ['stderr', 'warning\n'],
      ['stdout', `${rest} b`],
    ] as const;
    const lines = (await masked(printing(...chunks))).split('\n');
    expect(lines.sort((a, b) => (a < b ? -1 : 1))).toEqual([`a ${MASKS.value} b`, 'warning']);
  });

  it('is masked where colours stand in it, or what a terminal does not show', async () => {
    expect(await masked(printing(['stdout', `\u001b[31m${head}\u001b[1m\u001b[K${rest}\u001b[0m`]))).toBe(
      MASKS.value,
    );
    expect(await masked(printing(['stdout', `${head}\u0007\u202e${rest}`]))).toBe(MASKS.value);
  });

  it('is masked in a fault too, whatever is looked at', async () => {
    const fault = await faultOf(smoke({ argv: sh('echo "$0 $1"; exit 1', value) }));
    expect(fault.problems).toEqual([{ what: `sh ${MASKS.value}`, where: 'shop' }]);
    expect(canary.foundIn(inspect(fault, { depth: 9, showHidden: true }))).toEqual([]);
  });

  it('moves no terminal', async () => {
    const title = '\u001b]0;a title\u0007';
    const { output } = await smoke({
      argv: printing(['stdout', `${title}10%\r100%\r\n\u001b[2J\u001b[1mdone\ttoday\n`]),
    });
    expect(output).toBe('10%\n100%\ndone\ttoday');
  });

  it.each([' end', ' end.', ' end..'])(
    'is its last 4 KiB, cut between two characters, before "%s"',
    async (end) => {
      const { output } = await smoke({ argv: printing(['stdout', `begin ${'€'.repeat(2_000)}${end}`]) });
      expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4_096);
      expect(Buffer.byteLength(output)).toBeGreaterThan(4_092);
      expect(output).toMatch(/^€+ end\.{0,2}$/);
    },
  );
});

function inPieces(whole: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
    whole.subarray(index * size, (index + 1) * size),
  );
}

describe('the end of an output', () => {
  const tailOf = async (chunks: readonly Buffer[]): Promise<string> => {
    const [output, stream] = [new Output(), new PassThrough()];
    const taken = output.take(stream);
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    await taken;
    return output.tail();
  };

  it('holds no part of a value that was cut, wherever that is', async () => {
    const value = LIVE.reveal();
    await fc.assert(
      fc.asyncProperty(fc.nat(value.length + 20), fc.constantFrom('', '\n', '\u0007'), async (at, within) => {
        const printed = `${value.slice(0, 12)}${within}${value.slice(12)}`;
        const text = `${'.'.repeat(9_000)}${printed}${'.'.repeat(4_096 - at)}`;
        const tail = await tailOf([Buffer.from(text)]);
        expect(tail.replaceAll(/[^A-Za-z0-9]/g, '').length).toBeLessThanOrEqual(MASKS.value.length);
        expect(canary.foundIn(tail)).toEqual([]);
        for (let from = 0; from + 6 <= value.length; from += 1)
          expect(tail).not.toContain(value.slice(from, from + 6));
      }),
    );
  });

  it('holds no rest of a value whose beginning is long gone, however much of it is masked', async () => {
    const long = new SecretValue(randomBytes(12_000).toString('hex'));
    for (const [before, between] of [
      [0, '\n'],
      [1, ','],
      [12_345, ','],
    ] as const) {
      const text = `${'.'.repeat(before)}${`${long.reveal()}${between}`.repeat(40)}the end`;
      const tail = await tailOf(inPieces(Buffer.from(text), 65_536));
      expect(tail).toMatch(/the end$/);
      expect(tail.replaceAll(MASKS.value, '')).not.toMatch(/[0-9a-f]{6}/);
    }
    expect(long.reveal()).toHaveLength(24_000);
  });

  it('is the same however it was written: in lines, in pieces, without a line at all', async () => {
    const lines = Buffer.from(
      Array.from({ length: 60_000 }, (_, index) => `line ${index} of many\n`).join(''),
    );
    const bare = Buffer.from('x'.repeat(700_000) + 'the end');
    const last = lines.subarray(-4_096).toString().trim();
    for (const size of [997, 65_536, 2_000_000]) {
      expect(await tailOf(inPieces(lines, size))).toBe(last);
      expect(await tailOf(inPieces(bare, size))).toBe(`${'x'.repeat(4_089)}the end`);
    }
  });
});
