import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import type { BlobPlace } from '../../src/providers/blob-wire.ts';

/** The account and key that every Azurite has; its documentation prints them. */
export const ACCOUNT = 'devstoreaccount1';
export const ACCESS_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** An Azurite of this test's own, in memory, on a free port of loopback. */
export interface Azurite {
  /** `http://127.0.0.1:<port>`, without the account. */
  readonly url: string;
  /** `http://127.0.0.1:<port>/devstoreaccount1` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

const UP_MS = 60_000;
const require = createRequire(import.meta.url);

/** Starts it in a process of its own; resolves when it listens. */
export async function startAzurite(): Promise<Azurite> {
  const program = require.resolve('azurite/dist/src/blob/main.js');
  const options = [
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    '0',
    '--inMemoryPersistence',
    '--disableTelemetry',
  ];
  const child = spawn(process.execPath, [program, ...options, '--skipApiVersionCheck'], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`Azurite is not up: ${said}`)), UP_MS);
    const hear = (text: string): void => {
      said += text;
      const found = /successfully listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Azurite ended with ${code}: ${said}`)));
  }).catch(async (thrown: unknown) => {
    await stop();
    throw thrown;
  });
  return { url, endpoint: `${url}/${ACCOUNT}`, stop };
}

/** A container of it; a failure waits no longer than it must. */
export function placeIn(endpoint: string, container: string, more: Partial<BlobPlace> = {}): BlobPlace {
  return {
    account: ACCOUNT,
    container,
    endpoint,
    auth: 'default',
    tenantId: null,
    accessKey: ACCESS_KEY,
    pace: { backoffMs: 5 },
    ...more,
  };
}
