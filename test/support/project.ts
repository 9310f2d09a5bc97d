import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoggedRequest } from '../../src/sandbox/vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { keyturn, project, put, temporaryFolder } from '../cli/project.ts';
import type { Ran } from '../cli/project.ts';

const VAULT = 'shop-secrets';

export interface Call {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly onStart?: (kill: () => void) => void;
}

/** One run of the program, with what it asked of the embedded vault. */
export interface Run extends Ran {
  readonly args: readonly string[];
  readonly requests: readonly LoggedRequest[];
}

/** A version of a secret, as the vault lists it. */
export interface ListedVersion {
  readonly ordinal: string | undefined;
  readonly enabled: boolean;
}

/** A project with the embedded vault and the engine at `dockerHost`, run through the real program. */
export interface Project {
  readonly folder: string;
  readonly runs: readonly Run[];
  /** `keyturn ARGS --sandbox=vault --sandbox-empty`. */
  keyturn(args: readonly string[], call?: Call): Promise<Run>;
  /** All that was printed so far. */
  printed(): string;
  /** The vault's own listing, asked over the wire; not while the program runs. */
  versions(secret: string): Promise<ListedVersion[]>;
  /** A file outside of the project, for a value that is handed in by a path. */
  valueFile(value: string): Promise<string>;
}

export async function sandboxedProject(body: string, dockerHost: string): Promise<Project> {
  const folder = await project(body);
  const vault = join(folder, '.keyturn', 'sandbox', 'vaults', VAULT);
  const runs: Run[] = [];
  return {
    folder,
    runs,
    keyturn: async (args, call = {}) => {
      const before = (await requestsIn(vault)).length;
      // What the record alone answers takes `--sandbox` to find it, and no engine.
      const sandbox = isAboutTheRecord(args) ? ['--sandbox=vault'] : ['--sandbox=vault', '--sandbox-empty'];
      const ran = await keyturn([...args, ...sandbox], {
        cwd: folder,
        env: { DOCKER_HOST: dockerHost, ...call.env },
        stdin: call.stdin ?? '',
        ...(call.onStart === undefined ? {} : { onStart: call.onStart }),
      });
      const run = { ...ran, args, requests: (await requestsIn(vault)).slice(before) };
      runs.push(run);
      return run;
    },
    printed: () => runs.map(({ out, err }) => out + err).join('\n'),
    versions: (secret) => listVersions(vault, secret),
    valueFile: async (value) => {
      const path = join(await temporaryFolder(), 'value');
      await put(path, value);
      return path;
    },
  };
}

function isAboutTheRecord([command]: readonly string[]): boolean {
  return command === 'history' || command === 'state' || command === 'output';
}

async function requestsIn(vault: string): Promise<LoggedRequest[]> {
  const text = await readFile(join(vault, 'requests.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedRequest);
}

async function listVersions(directory: string, secret: string): Promise<ListedVersion[]> {
  const vault = await startVault({ name: VAULT, directory });
  try {
    const answer = await fetch(`${vault.url}/secrets/${secret}/versions?api-version=7.5`, {
      headers: { authorization: 'Bearer test' },
    });
    const { value } = (await answer.json()) as {
      value: {
        attributes: { enabled: boolean; created: number };
        tags?: Record<string, string>;
      }[];
    };
    return value
      .map(({ attributes, tags }) => ({ ordinal: tags?.['keyturn-version'], enabled: attributes.enabled }))
      .sort((a, b) => Number(a.ordinal) - Number(b.ordinal));
  } finally {
    await vault.close();
  }
}
