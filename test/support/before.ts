import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { claim, publish } from '../../src/cli/sandbox-claim.ts';
import type { RunningSwarm, SimpleService } from '../../src/sandbox/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningVault } from '../../src/sandbox/vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';

export const VAULT = 'shop-secrets';
export const SWARM = 'shop';

/** A vault and a swarm that people used before keyturn, served to the program that runs in `folder`. */
export interface Before {
  readonly vault: RunningVault;
  readonly swarm: RunningSwarm;
  /** A new version in the vault, as somebody with the portal writes it. */
  write(name: string, value: string, tags?: Readonly<Record<string, string>>): Promise<void>;
  /** A secret on the swarm, as `docker secret create` makes it. */
  create(name: string, value: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  deploy(name: string, secrets?: SimpleService['secrets']): void;
  /** All that both hold, and what the services are: compared as a whole. */
  contents(): string;
  /** Requests so far that could change something, and those that could give a value out. */
  touched(): string[];
  /** service → target → copy. */
  reads(): Record<string, Record<string, string>>;
}

export async function before(folder: string): Promise<Before> {
  const root = join(folder, '.keyturn', 'sandbox');
  await mkdir(root, { recursive: true });
  const vault = await startVault({ name: VAULT, directory: join(root, 'vaults', VAULT) });
  const swarm = await startSwarm({
    name: SWARM,
    directory: null,
    listen: 'tcp://127.0.0.1:0',
    timeScale: 0.02,
  });
  const path = join(root, 'in-use.json');
  await claim(path, true);
  await publish(path, new Map([[VAULT, vault.url]]), new Map([[SWARM, swarm.endpoint]]));
  onTestFinished(async () => {
    await rm(path, { force: true });
    await swarm.close();
    await vault.close();
  });
  const engine = swarm.endpoint.replace('tcp://', 'http://');
  const services = () => [...swarm.contents.services.values()];
  return {
    vault,
    swarm,
    write: async (name, value, tags = {}) => {
      const response = await fetch(`${vault.url}/secrets/${name}?api-version=7.5`, {
        method: 'PUT',
        headers: { 'authorization': 'Bearer admin', 'content-type': 'application/json' },
        body: JSON.stringify({ value, tags }),
      });
      if (!response.ok) throw new Error(`the vault answered ${response.status}`);
    },
    create: async (name, value, labels = {}) => {
      const response = await fetch(`${engine}/secrets/create`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ Name: name, Labels: labels, Data: Buffer.from(value).toString('base64') }),
      });
      if (!response.ok) throw new Error(`the swarm answered ${response.status}`);
    },
    deploy: (name, secrets = []) => {
      swarm.createService({ name, replicas: 2, order: 'start-first', secrets, monitorMs: 200 });
    },
    contents: () =>
      JSON.stringify([
        vault.contents(),
        [...swarm.contents.secrets.values()],
        services().map(({ id, spec, version }) => ({ id, spec, version })),
      ]),
    touched: () => [
      ...vault.requests.flatMap(({ method, operation, tokenName }) =>
        tokenName !== 'admin' && (method !== 'GET' || operation === 'SecretGet')
          ? [`${method} ${operation ?? '?'}`]
          : [],
      ),
      ...swarm.requests.flatMap(({ method, path: asked }) =>
        method === 'GET' || method === 'HEAD' ? [] : [`${method} ${asked}`],
      ),
    ],
    reads: () =>
      Object.fromEntries(
        services().map(({ spec }) => [
          spec.Name,
          Object.fromEntries(
            (spec.TaskTemplate.ContainerSpec?.Secrets ?? []).map(({ File, SecretName }) => [
              File?.Name ?? SecretName,
              SecretName,
            ]),
          ),
        ]),
      ),
  };
}
