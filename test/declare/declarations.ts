import type { Declaration, Item } from '../../src/declare/declaration.ts';
import { problemsOf } from '../../src/declare/validate.ts';
import type {
  DeclaredConsumer,
  DeclaredEnvFile,
  DeclaredHost,
  DeclaredService,
  DeclaredSecret,
  DeclaredSmokeTest,
  DeclaredVault,
  Mount,
} from '../../src/model/declared.ts';
import type { EnvFile } from '../../src/model/host.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { Freeze } from '../../src/model/openings.ts';

function declare(
  item: Item,
  stack: string,
  name: string,
  references: Declaration['references'] = [],
): Declaration {
  return { stack, path: `${stack}/${name}`, position: null, item, references, unresolved: [] };
}

export function vault(name: string, stack = 'prod', terraform = false): Declaration {
  const declared: DeclaredVault = {
    name,
    path: `${stack}/${name}`,
    uri: `https://${name}.vault.azure.net`,
    auth: 'default',
    tenantId: null,
  };
  return declare({ kind: 'vault', vault: declared, terraform }, stack, name);
}

export function swarm(name: string, endpoint: string | null = null, stack = 'prod'): Declaration {
  return declare(
    { kind: 'platform', platform: { kind: 'swarm', name, path: name, endpoint, restarts: null } },
    stack,
    name,
  );
}

export function secret(name: string, props: Partial<DeclaredSecret> = {}, stack = 'prod'): Declaration {
  const declared: DeclaredSecret = {
    address: secretAddress(props.vault ?? 'shop', name),
    vault: 'shop',
    name,
    path: `${stack}/${name}`,
    position: null,
    source: { kind: 'random', bytes: 32, encoding: 'hex' },
    cadence: { kind: 'onRequest' },
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
    ...props,
  };
  return declare({ kind: 'secret', secret: declared }, stack, name);
}

export function mount(name: string, props: Partial<Mount> = {}): Mount {
  const target = props.target ?? name;
  return {
    secret: secretAddress('shop', name),
    target,
    base: target,
    version: null,
    uid: '0',
    gid: '0',
    mode: 0o444,
    ...props,
  };
}

export function service(name: string, props: Partial<DeclaredService> = {}, stack = 'prod'): Declaration {
  const consumer: DeclaredConsumer = {
    kind: 'swarm-service',
    address: consumerAddress('main', name),
    platform: 'main',
    service: name,
    path: `${stack}/${name}`,
    position: null,
    mounts: [],
    probe: { kind: 'none' },
    settleTime: 'PT5S',
    deadline: 'PT5M',
    dependsOn: [],
    optional: false,
    canary: false,
    ...props,
  };
  return declare({ kind: 'consumer', consumer }, stack, name);
}

export function host(name: string, props: Partial<DeclaredHost> = {}, stack = 'prod'): Declaration {
  const platform: DeclaredHost = {
    kind: 'host',
    name,
    path: `${stack}/${name}`,
    endpoint: null,
    sudo: false,
    fleet: null,
    restarts: null,
    ...props,
  };
  return declare({ kind: 'platform', platform }, stack, name);
}

export function fleet(name: string, hosts: readonly string[]): Declaration {
  return declare({ kind: 'fleet', name, hosts }, 'prod', name);
}

/** A variable of a file on a host, or an argument of a build. */
export function variable(name: string, target: string, props: Partial<Mount> = {}): Mount {
  return mount(name, { target, base: name, ...props });
}

export function envFile(
  path: string,
  props: Partial<DeclaredEnvFile> = {},
  file: Partial<EnvFile> = {},
  canary?: string,
): Declaration {
  const consumer: DeclaredEnvFile = {
    kind: 'env-file',
    address: consumerAddress(props.platform ?? 'web-1', path),
    platform: 'web-1',
    service: path,
    path: 'prod/file',
    position: null,
    mounts: [],
    probe: { kind: 'none' },
    settleTime: 'PT5S',
    deadline: 'PT5M',
    dependsOn: [],
    optional: false,
    canary: false,
    file: { path, format: 'systemd', mode: null, owner: null, restarts: [], builds: [], ...file },
    ...props,
  };
  const named = canary === undefined ? {} : { canary };
  return declare({ kind: 'consumer', consumer, ...named }, 'prod', 'file');
}

export function smokeTest(name: string, props: Partial<DeclaredSmokeTest> = {}): Declaration {
  const test: DeclaredSmokeTest = {
    name,
    path: `prod/${name}`,
    position: null,
    argv: ['./smoke'],
    directory: null,
    timeout: 'PT5M',
    consumers: [consumerAddress('main', 'api')],
    ...props,
  };
  return declare({ kind: 'smoke-test', smokeTest: test }, 'prod', name);
}

export function said(...declarations: Declaration[]): string[] {
  return problemsOf(declarations).map(({ what, where }) => `${where}: ${what}`);
}

export function freeze(name: string, props: Partial<Freeze>, stack = 'prod'): Declaration {
  const declared: Freeze = {
    path: `${stack}/${name}`,
    position: null,
    from: '12-18',
    through: '01-03',
    timeZone: 'UTC',
    reason: null,
    secrets: [],
    ...props,
  };
  return declare({ kind: 'freeze', freeze: declared }, stack, name);
}
