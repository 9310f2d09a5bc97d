import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCanary } from '../support/canary.ts';
import { REPOSITORY, keyturn, project } from './project.ts';

const TOKEN = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    new Secret(this, 'token', {
      vault, source: Source.manual({ instructions: 'ask the card office' }), cadence: Cadence.onRequest(),
    });`;

interface Dialogue {
  /** Everything that the terminal showed. */
  readonly shown: string;
  readonly code: number | null;
}

/** Runs the program on a terminal of its own, and types each answer when its question is shown. */
async function onTerminal(
  args: readonly string[],
  cwd: string,
  answers: readonly (readonly [question: RegExp, answer: string])[],
): Promise<Dialogue> {
  const command = [process.execPath, join(REPOSITORY, 'bin', 'keyturn.js'), ...args].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), NO_COLOR: '1', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let from = 0;
  const open = [...answers];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const [next] = open;
    if (next === undefined || !next[0].test(shown.slice(from))) return;
    open.shift();
    from = shown.length;
    child.stdin.write(next[1]);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { shown, code };
}

describe('an apply on a terminal', () => {
  it('asks for the value that is awaited without showing it, then for approval, and rolls it out', async () => {
    const canary = makeCanary();
    const value = canary.value('token');
    const cwd = await project(TOKEN);
    const { shown, code } = await onTerminal(['apply', '--sandbox', '--sandbox-empty'], cwd, [
      [/value: $/, `${value}\r`],
      [/Enter a value:/, 'yes\r'],
    ]);
    expect(shown).toContain('A secret awaits a value that only a person can bring.');
    expect(shown).toContain('ask the card office');
    expect(shown).toContain('Plan: 1 to add, 0 to change, 0 to destroy.');
    expect(canary.foundIn(shown)).toEqual([]);
    expect(code).toBe(0);
    const status = await keyturn(['status', '--sandbox', '--sandbox-empty', '--format', 'json'], { cwd });
    expect(JSON.parse(status.out)).toMatchObject({ secrets: [{ name: 'token', current: 1 }] });
  });

  it('leaves a secret waiting for which nothing is typed, and changes nothing', async () => {
    const cwd = await project(TOKEN);
    const { shown, code } = await onTerminal(['apply', '--sandbox', '--sandbox-empty'], cwd, [
      [/value: $/, '\r'],
    ]);
    expect(shown).toContain('vault://shop-secrets/token: awaiting-value');
    expect(shown).not.toContain('Enter a value:');
    expect(code).toBe(0);
  });

  it('ends at Ctrl-C in the middle of a value with nothing changed', async () => {
    const cwd = await project(TOKEN);
    const { shown, code } = await onTerminal(['apply', '--sandbox', '--sandbox-empty'], cwd, [
      [/value: $/, 'half\u0003'],
    ]);
    expect(shown).not.toContain('half');
    expect(code).toBe(130);
  });
});
