import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RefusalProbe } from '../../src/model/declared.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { makeCanary } from '../support/canary.ts';
import { CONTEXT, EMERGENCY, faultOf } from '../support/hook-context.ts';

const JITI = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const EXITING = fileURLToPath(new URL('../support/revoke-until-signal.ts', import.meta.url));
const canary = makeCanary();
const OLD = canary.value('old');
const hooks = connectHooks({
  environment: {
    PATH: process.env['PATH'],
    HOME: '/nowhere',
    https_proxy: 'http://127.0.0.1:1',
    AZURE_CLIENT_SECRET: 'ours',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'ours',
    DOCKER_HOST: 'ours',
    NODE_OPTIONS: '--no-warnings',
    SLACK_URL: 'ours',
  },
  pace: { graceMs: 20, retryMs: 1 },
});
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-hooks-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function sh(script: string, ...args: string[]): string[] {
  return ['sh', '-c', script, 'sh', ...args];
}

function revoke(argv: readonly string[], timeout = 'PT20S', signal?: AbortSignal): Promise<string> {
  return hooks.revoke({ kind: 'command', argv, timeout }, new SecretValue(OLD), CONTEXT, signal);
}

function probe(script: string, refused = 9): RefusalProbe {
  return { kind: 'command', control: true, timeout: 'PT20S', argv: sh(script), refused };
}

function prove(refusal: RefusalProbe, control: string | null = canary.value('new')): Promise<string> {
  const living = control === null ? null : new SecretValue(control);
  return hooks.prove(refusal, new SecretValue(OLD), living, CONTEXT);
}

/** A program that writes down all that it was given. */
function dumping(): { readonly argv: string[]; read(): Dump } {
  const [program, out] = [join(directory, 'dump.mjs'), join(directory, 'dump.json')];
  writeFileSync(
    program,
    `import { readFileSync, writeFileSync } from 'node:fs';
     const [, , out, ...argv] = process.argv;
     writeFileSync(out, JSON.stringify({ stdin: readFileSync(0, 'utf8'), argv, env: process.env }));`,
  );
  return {
    argv: [process.execPath, program, out, 'stripe'],
    read: () => JSON.parse(readFileSync(out, 'utf8')) as Dump,
  };
}

interface Dump {
  readonly stdin: string;
  readonly argv: string[];
  readonly env: Record<string, string>;
}

/** A named pipe: `opened` once a program holds its other end, `closed` once no program does any more. */
function pipe(): {
  readonly path: string;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<unknown>;
} {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const opened = open(path, 'r');
  const closed = opened.then(async (file) => {
    await file.readFile();
    await file.close();
  });
  return { path, opened, closed };
}

describe('a program that revokes', () => {
  it('gets the value on its standard input to the last byte, and nowhere else', async () => {
    const program = dumping();
    expect(await revoke(program.argv)).toBe(`revoked: "${process.execPath}" exited with 0`);
    const { stdin, argv, env } = program.read();
    expect(stdin).toBe(OLD);
    expect(argv).toEqual(['stripe']);
    expect(canary.foundIn(JSON.stringify({ argv, env }))).toEqual([]);
  });

  it('is told names and versions, and sees nothing of our environment that lets anyone in', async () => {
    const program = dumping();
    await revoke(program.argv);
    const { env } = program.read();
    expect(env).toEqual({
      PATH: process.env['PATH'],
      HOME: '/nowhere',
      https_proxy: 'http://127.0.0.1:1',
      KEYTURN_STACK: 'shop',
      KEYTURN_SECRET: 'vault://prod-vault/token',
      KEYTURN_VERSION_BEFORE: '2',
      KEYTURN_VERSION_NOW: '3',
    });
  });

  it('may end before it has read a long value, and is judged by how it ended', async () => {
    const value = new SecretValue('x'.repeat(2_000_000));
    const run = (argv: string[]): Promise<string> =>
      hooks.revoke({ kind: 'command', argv, timeout: 'PT20S' }, value, CONTEXT);
    expect(await run(sh('exit 0'))).toContain('exited with 0');
    expect((await faultOf(run(sh('exit 3')))).message).toContain('exited with 3');
  });

  it('that fails is a fault with what is live, and without what it printed', async () => {
    const fault = await faultOf(revoke(sh('value=$(cat); echo "$value"; echo "$value" >&2; exit 3')));
    expect(fault.toJSON()).toEqual({
      code: 'hook-failed',
      what: 'the revocation of v2 failed: "sh" exited with 3',
      where: 'vault://prod-vault/token',
      live: 'v2 may still be accepted where it is checked, and is not disabled for it',
      next: 'run the program by hand to see what it says; then run keyturn apply: it is tried again',
    });
    expect(canary.foundIn(inspect(fault, { depth: 9, showHidden: true }))).toEqual([]);
  });

  it.each([
    ['is not there', ['./no-such-program'], '"./no-such-program" did not run (ENOENT)'],
    ['cannot be started', ['sh', 'a\0b'], '"sh" did not run (ERR_INVALID_ARG_VALUE)'],
    ['is killed by somebody', sh('kill -KILL $$'), '"sh" was ended by SIGKILL'],
  ])('that %s is a fault that says so', async (_what, argv, said) => {
    expect((await faultOf(revoke(argv))).message).toBe(`the revocation of v2 failed: ${said}`);
  });
});

/** Neither it nor what it has started heeds SIGTERM; the one it has started holds the pipe. */
const STUBBORN = `trap '' TERM; (exec sleep 600 >"$1") & exec sleep 600`;

describe('a program that does not end', () => {
  it('is ended after its timeout with all that it has started', async () => {
    const { path, closed } = pipe();
    const fault = await faultOf(revoke(sh(STUBBORN, path), 'PT1.5S'));
    expect(fault.message).toBe('the revocation of v2 failed: "sh" did not end within PT1.5S');
    await closed;
  });

  it('is ended with all that it has started when the caller says so', async () => {
    const { path, opened, closed } = pipe();
    const stop = new AbortController();
    const revoking = faultOf(revoke(sh(STUBBORN, path), 'PT10M', stop.signal));
    await opened;
    stop.abort();
    expect(await revoking).toMatchObject({
      code: 'interrupted',
      live: 'whether it took effect is not known',
    });
    await closed;
  });

  it('is not begun when the caller has said so before', async () => {
    const program = dumping();
    expect(await faultOf(revoke(program.argv, 'PT20S', AbortSignal.abort()))).toMatchObject({
      code: 'interrupted',
    });
    expect(() => program.read()).toThrow('ENOENT');
  });

  it('has no time to spare once it heeds SIGTERM', async () => {
    const { path, opened, closed } = pipe();
    const stop = new AbortController();
    const patient = connectHooks({ environment: process.env, pace: { graceMs: 600_000, retryMs: 1 } });
    const argv = sh('exec sleep 600 >"$1"', path);
    const revocation = { kind: 'command', argv, timeout: 'PT10M' } as const;
    const revoking = faultOf(patient.revoke(revocation, new SecretValue(OLD), CONTEXT, stop.signal));
    await opened;
    stop.abort();
    await revoking;
    await closed;
  });
});

describe('a keyturn that is ended at once', () => {
  it('takes the program that it runs with it', async () => {
    const { path, opened, closed } = pipe();
    const keyturn = spawn(process.execPath, [JITI, EXITING, ...sh(STUBBORN, path)], { stdio: 'ignore' });
    const exited = once(keyturn, 'exit');
    await opened;
    keyturn.kill('SIGTERM');
    expect(await exited).toEqual([11, null]);
    await closed;
  });
});

describe('a program that ends', () => {
  it('leaves nothing behind that it has started', async () => {
    const { path, opened, closed } = pipe();
    const script = '(exec sleep 600 >"$1") & exit 0';
    expect(await revoke(sh(script, path))).toContain('exited with 0');
    // Where it was killed before it opened the pipe, nobody ever does.
    const file = await open(path, 'r+');
    await opened;
    await file.close();
    await closed;
  });
});

const TELLING = 'case "$(cat)" in new-*) exit 0;; old-*) exit 9;; esac; exit 1';

describe('a program that tries an old value', () => {
  it('shows its death when it refuses the old value and accepts the current one', async () => {
    expect(await prove(probe(TELLING))).toBe(
      'refused: "sh" exited with 9; the current value was accepted (it exited with 0)',
    );
    expect(await prove(probe(TELLING), null)).toBe('refused: "sh" exited with 9');
  });

  it('is still-accepted with what to do when it accepts both', async () => {
    expect((await faultOf(prove(probe('exit 0')))).toJSON()).toEqual({
      code: 'still-accepted',
      what: 'v2 is still accepted: "sh" exited with 0',
      where: 'vault://prod-vault/token',
      live: 'whoever has v2 can use it; it is not recorded as retired',
      next: 'revoke it at its source, then run keyturn apply: it is tried again',
    });
  });

  it('proves nothing when it refuses the current value as well', async () => {
    expect(await faultOf(prove(probe('exit 9')))).toMatchObject({
      code: 'proof-failed',
      message: 'the probe did not accept the current value, so a refusal proves nothing: "sh" exited with 9',
    });
  });

  it.each([
    ['exits with a code that is neither', sh('exit 1'), '"sh" exited with 1'],
    ['is killed', sh('kill -9 $$'), '"sh" was ended by SIGKILL'],
    ['is not there', ['./no-such-program'], '"./no-such-program" did not run (ENOENT)'],
  ])('proves nothing when it %s', async (_what, argv, said) => {
    const refusal: RefusalProbe = { kind: 'command', control: false, timeout: 'PT20S', argv, refused: 9 };
    const fault = await faultOf(prove(refusal, null));
    expect(fault.code).toBe('proof-failed');
    expect(fault.message).toBe(`the probe of v2 told neither a refusal nor an acceptance: ${said}`);
  });

  it('gets both values alike: nothing tells it which one it tries', async () => {
    const out = join(directory, 'seen');
    const script = `{ cat; echo; env | sort | grep KEYTURN; } >>${out}; tail -n 8 ${out} | grep -q '^old' && exit 9; exit 0`;
    await prove(probe(script));
    const [living = '', dead = ''] = readFileSync(out, 'utf8').split(/^(?=old-)/m);
    expect(living.split('\n')[0]).toMatch(/^new-/);
    expect(dead.split('\n').slice(1)).toEqual(living.split('\n').slice(1));
  });
});

describe('a program that brings an effect about', () => {
  const effect = (argv: readonly string[]) =>
    ({ kind: 'command', name: 'end all sessions', argv, timeout: 'PT20S' }) as const;

  it('gets one line of JSON, and the idempotency key in its environment as well', async () => {
    const program = dumping();
    expect(await hooks.effect(effect(program.argv), EMERGENCY)).toBe(`"${process.execPath}" exited with 0`);
    const { stdin, env } = program.read();
    expect(stdin.endsWith('}\n')).toBe(true);
    expect(stdin.trim()).not.toContain('\n');
    expect(JSON.parse(stdin)).toEqual({
      format: 1,
      effect: 'end all sessions',
      stack: 'shop',
      secret: 'vault://prod-vault/token',
      before: 2,
      now: 3,
      incident: 'INC-7',
      at: '2026-11-22T03:00:00Z',
      idempotencyKey: 'f00dfacef00dface',
    });
    expect(env).toMatchObject({
      KEYTURN_INCIDENT: 'INC-7',
      KEYTURN_IDEMPOTENCY_KEY: 'f00dfacef00dface',
    });
  });

  it('that fails is named by its effect', async () => {
    expect(await faultOf(hooks.effect(effect(sh('exit 4')), EMERGENCY))).toMatchObject({
      code: 'hook-failed',
      message: 'the effect "end all sessions" failed: "sh" exited with 4',
    });
  });
});
