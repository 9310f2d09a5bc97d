import type { ConsumerAddress, SecretAddress } from '../../src/model/address.ts';
import { consumerAddress, isOnHost, nameOf, secretAddress } from '../../src/model/address.ts';
import type {
  Cadence,
  Declared,
  DeclaredConsumer,
  DeclaredEnvFile,
  DeclaredPlatform,
  DeclaredService,
  DeclaredSecret,
  DeclaredVault,
  Mount,
} from '../../src/model/declared.ts';

export const VAULT = 'shop-prod';
export const PLATFORM = 'prod';

export const QUARTERLY: Cadence = {
  kind: 'calendar',
  each: 'quarter',
  on: 'first monday',
  month: null,
  at: '03:00',
  timeZone: 'UTC',
};

export function secretAt(name: string, vault = VAULT): SecretAddress {
  return secretAddress(vault, name);
}

export function serviceAt(name: string, platform = PLATFORM): ConsumerAddress {
  return consumerAddress(platform, name);
}

/** A random secret, quarterly, with a soak of 72 hours, unless said otherwise. */
export function secret(name: string, given: Partial<DeclaredSecret> = {}): DeclaredSecret {
  const vault = given.vault ?? VAULT;
  return {
    address: secretAt(name, vault),
    vault,
    name,
    path: `shop/${name}`,
    position: null,
    source: { kind: 'random', bytes: 32, encoding: 'base64url' },
    cadence: QUARTERLY,
    soak: 'PT72H',
    owner: null,
    environment: null,
    classification: null,
    description: null,
    contentType: null,
    generation: 1,
    keep: 0,
    readers: 'pinned',
    adopt: false,
    dependsOn: [],
    derivedFrom: [],
    together: [],
    apart: [],
    windows: [],
    grace: 'PT24H',
    tags: {},
    ...given,
  };
}

export function mount(name: string, given: Partial<Mount> = {}): Mount {
  const base = given.base ?? name.replaceAll('-', '_');
  return {
    secret: secretAt(name),
    target: base,
    base,
    version: null,
    uid: '0',
    gid: '0',
    mode: 0o444,
    ...given,
  };
}

/** A Swarm service with an HTTP probe. */
export function service(
  name: string,
  mounts: readonly Mount[],
  given: Partial<DeclaredService> = {},
): DeclaredConsumer {
  const platform = given.platform ?? PLATFORM;
  return {
    kind: 'swarm-service',
    address: serviceAt(name, platform),
    platform,
    service: name,
    path: `shop/${name}`,
    position: null,
    mounts,
    probe: { kind: 'http', path: '/healthz', port: 8080, status: 200, image: 'busybox:stable' },
    settleTime: 'PT5S',
    deadline: 'PT5M',
    dependsOn: [],
    optional: false,
    canary: false,
    ...given,
  };
}

/** A file of variables that a unit of systemd reads. */
export function envFile(
  path: string,
  mounts: readonly Mount[],
  given: Partial<DeclaredEnvFile> & { readonly platform: string },
): DeclaredEnvFile {
  const { kind: _kind, ...common } = service(path, mounts, {});
  const restarts = [{ kind: 'systemd-unit' as const, unit: 'web.service', action: 'restart' as const }];
  const file = { path, format: 'systemd' as const, mode: null, owner: null, restarts, builds: [] };
  return { ...common, kind: 'env-file', address: serviceAt(path, given.platform), file, ...given };
}

/** Where an env file reads a secret: the variable is its name in capitals. */
export function variable(name: string, given: Partial<Mount> = {}): Mount {
  const secret = given.secret ?? secretAt(name);
  const target = name.replaceAll('-', '_').toUpperCase();
  return { ...mount(name), target, base: nameOf(secret), ...given };
}

export function stack(secrets: readonly DeclaredSecret[], consumers: readonly DeclaredConsumer[]): Declared {
  const vaults = new Set([VAULT, ...secrets.map(({ vault }) => vault)]);
  const platforms = new Set([PLATFORM, ...consumers.map(({ platform }) => platform)]);
  return {
    format: 1,
    stack: 'shop',
    vaults: [...vaults].map((name): DeclaredVault => ({
      name,
      path: `shop/${name}`,
      uri: `https://${name}.vault.azure.net`,
      auth: 'default',
      tenantId: null,
    })),
    platforms: [...platforms].map((name): DeclaredPlatform => {
      const base = { name, path: `shop/${name}`, endpoint: null, restarts: null };
      const isHost = consumers.some(({ platform, address }) => platform === name && isOnHost(address));
      return isHost ? { ...base, kind: 'host', sudo: false, fleet: null } : { ...base, kind: 'swarm' };
    }),
    secrets,
    consumers,
    freezes: [],
  };
}
