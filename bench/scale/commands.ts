import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What one run of a program cost. */
export interface Cost {
  readonly code: number | null;
  readonly wallMs: number;
  /** User and system time of the process itself; NaN where it could not be asked. */
  readonly cpuMs: number;
  /** That of the children which it waited for: the project's app, where it ran it. NaN as above. */
  readonly childrenMs: number;
  readonly peakMb: number;
  readonly out: string;
  readonly err: string;
}

const LIMIT_MS = 600_000;

/** Runs node with these arguments, and has it write down what it used when it exits. Kills it after ten minutes. */
export async function measured(
  args: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Cost> {
  const usage = join(cwd, `usage-${process.pid}.json`);
  const hook = fileURLToPath(new URL('usage-hook.mjs', import.meta.url));
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, NO_COLOR: '1', BENCH_USAGE: usage, ...more };
  const began = performance.now();
  const child = spawn(process.execPath, ['--import', hook, ...args], { cwd, env });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const wallMs = performance.now() - began;
  clearTimeout(timer);
  const used = JSON.parse(await readFile(usage, 'utf8').catch(() => '{}')) as Partial<
    NodeJS.ResourceUsage & { readonly childrenMs: number }
  >;
  await rm(usage, { force: true });
  const cpuMs = ((used.userCPUTime ?? Number.NaN) + (used.systemCPUTime ?? 0)) / 1000;
  const childrenMs = used.childrenMs ?? Number.NaN;
  return { code, wallMs, cpuMs, childrenMs, peakMb: (used.maxRSS ?? Number.NaN) / 1024, out, err };
}

export function keyturn(
  args: readonly string[],
  cwd: string,
  root = REPOSITORY,
  environment: Readonly<Record<string, string>> = {},
): Promise<Cost> {
  return measured([join(root, 'bin', 'keyturn.js'), ...args], cwd, environment);
}
