import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { DeclaredEnvFile } from '../../src/model/declared.ts';
import { connectHost } from '../../src/providers/host.ts';
import { startHost } from '../../src/sandbox/host.ts';
import { envFile, variable } from '../plan/declare.ts';
import type { World } from './world.ts';
import { STACK, VAULT } from './world.ts';

export const HOST = 'web-1';

/** `/etc/shop/<name>.env`, in which a unit of that name reads these secrets, each as a variable. */
export function file(
  name: string,
  secrets: readonly string[],
  more: Partial<DeclaredEnvFile> = {},
): DeclaredEnvFile {
  const path = `/etc/shop/${name}.env`;
  const mounts = secrets.map((each) => variable(each, { secret: secretAddress(VAULT, each) }));
  const restarts = [{ kind: 'systemd-unit' as const, unit: `${name}.service`, action: 'restart' as const }];
  return {
    ...envFile(path, mounts, { platform: HOST, path: `${STACK}/${name}` }),
    address: consumerAddress(HOST, path),
    file: { path, format: 'systemd', mode: null, owner: null, restarts, builds: [] },
    probe: { kind: 'none' },
    settleTime: 'PT0.05S',
    deadline: 'PT20S',
    ...more,
  };
}

/** The embedded host of a world, beside its Swarm. */
export interface Hosted {
  /** variable → version that a file of this name holds: `{ KEY: 'key_v2' }`. */
  names(name: string): Promise<Record<string, string>>;
  /** From now on the unit of this name ends as it starts where it would read one of these: `['key_v2']`. */
  refuse(name: string, versions: readonly string[]): Promise<void>;
}

/** Starts a host with the files that the world declares, and connects it. It ends with the world. */
export async function addHost(world: World): Promise<Hosted> {
  const files = world.declared.consumers.flatMap((each) => (each.kind === 'env-file' ? [each.file] : []));
  const running = await startHost({ name: HOST, directory: join(world.directory, 'host'), files });
  const environment = { PATH: process.env['PATH'] };
  const given = { name: HOST, endpoint: null, sudo: false, files, environment, stack: STACK };
  const host = connectHost({ ...given, embedded: running });
  world.hosts.set(HOST, host);
  return {
    names: async (name) => {
      const { services } = await host.observe();
      const references = services[`/etc/shop/${name}.env`]?.references ?? [];
      return Object.fromEntries(references.map(({ target, copyName }) => [target, copyName]));
    },
    refuse: async (name, versions) => {
      const unit = join(running.root, 'run', 'keyturn', 'units', `${name}.service`);
      await writeFile(join(unit, 'refuses'), versions.map((version) => `${version}\n`).join(''));
    },
  };
}
