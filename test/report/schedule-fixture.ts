import type { Declared, DeclaredRecord, VaultAuth } from '../../src/model/declared.ts';
import { parseInterval } from '../../src/report/schedule-interval.ts';
import type { LocalOrder, ProjectFacts, ScheduleFile } from '../../src/report/schedule-order.ts';

/** What the last synth left: one stack with one vault and one swarm. */
export function declaredWith(auth: VaultAuth, endpoint: string | null, record = false): Declared {
  const place: DeclaredRecord = {
    kind: 'azure-blob',
    account: 'ktprod',
    container: 'tfstate-keyturn',
    environment: 'public',
    auth,
    tenantId: null,
    clientId: null,
  };
  return {
    format: 1,
    stack: 'shop',
    vaults: [{ name: 'v', path: 'shop/v', uri: 'https://v.vault.azure.net', auth, tenantId: null }],
    platforms: [{ kind: 'swarm', name: 'swarm', path: 'shop/swarm', endpoint, restarts: null }],
    secrets: [],
    consumers: [],
    freezes: [],
    record: record ? place : null,
  };
}

export function facts(...declared: readonly Declared[]): ProjectFacts {
  return { declared: declared.length === 0 ? null : declared, hasLock: true, devOnly: [] };
}

/** Every stack, every 5 minutes, on this machine; a project that was never synthesized. */
export function order(changes: Partial<LocalOrder> & { readonly every?: string } = {}): LocalOrder {
  const { every = '5m', ...rest } = changes;
  return {
    name: 'keyturn',
    interval: parseInterval(every),
    stacks: [],
    sandbox: null,
    out: null,
    program: 'node_modules/keyturn/bin/keyturn.js',
    project: facts(),
    directory: '/srv/secrets',
    programPath: '/srv/secrets/node_modules/keyturn/bin/keyturn.js',
    node: '/usr/bin/node',
    timeZone: 'UTC',
    ...rest,
  };
}

export function fileNamed(files: readonly ScheduleFile[], path: string): string {
  const found = files.find((file) => file.path === path);
  if (found === undefined)
    throw new Error(`there is no ${path}, but ${files.map((each) => each.path).join(', ')}`);
  return found.text;
}
