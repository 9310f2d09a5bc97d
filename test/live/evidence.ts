import { basename } from 'node:path';
import { expect } from 'vitest';
import { filesWith } from '../support/canary.ts';
import type { Canary } from '../support/canary.ts';
import type { Project } from '../support/project.ts';
import { engineLogs } from './pair.ts';

export const NO_CHANGES = /^No changes\. Your infrastructure matches the configuration\.$/m;

/** I1: no value in what was printed, in the project's files or in the engines' logs, their request URLs included. */
export async function expectNowhere(canary: Canary, project: Project): Promise<void> {
  expect(canary.foundIn(project.printed())).toEqual([]);
  const files = await filesWith(canary, project.folder, isVaultStore);
  expect(files.found).toEqual([]);
  expect(files.read).toBeGreaterThan(5);
  // The same search finds what the vault holds: that it finds nothing elsewhere means something.
  const all = await filesWith(canary, project.folder);
  expect(all.found.filter((file) => file.includes('vault.json: plain'))).toHaveLength(1);

  const logs = await engineLogs();
  expect(canary.foundIn(logs)).toEqual([]);
  if (logs.includes('Calling POST /secrets/create')) return;
  console.warn('NOT CHECKED: these engines log no requests: KEYTURN_LAB_LOG=debug test/live/lab/up.sh');
}

/** The one file that stands for the vault, and so holds values. */
function isVaultStore(path: string): boolean {
  return basename(path) === 'vault.json' && path.includes('/.keyturn/sandbox/vaults/');
}

/** I2: what only asks never touches a value, and has no right to. */
export function expectReadersReadNothing(project: Project): void {
  for (const { args, requests } of project.runs) {
    const [command = ''] = args;
    if (['apply', 'rollback', 'compromise'].includes(command)) continue;
    const operations = new Set(requests.map(({ operation }) => operation));
    const allowed = command === 'plan' || command === 'status' ? ['SecretList', 'SecretListVersions'] : [];
    expect(allowed, args.join(' ')).toEqual(expect.arrayContaining([...operations]));
    if (allowed.length > 0) expect(operations).toContain('SecretList');
    for (const { tokenName } of requests) expect([null, 'planner']).toContain(tokenName);
  }
}

/** A line for the reader of a run: what was measured, beyond that it passed. */
export function report(line: string): void {
  console.info(`live: ${line}`);
}
