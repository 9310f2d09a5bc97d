import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Declared } from '../../src/model/declared.ts';
import type { ObservedSecret, ObservedVersion } from '../../src/model/observed.ts';
import type { Vault } from '../../src/model/vault.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { observe } from '../../src/observe/observe.ts';
import { rebuildRecord } from '../../src/plan/rebuild.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { openRecord } from '../../src/record/record.ts';
import { claimed } from '../../test/support/lease.ts';
import { STACK, SWARM, VAULT } from './names.ts';
import type { Served } from './served.ts';

/**
 * Writes the record of a converged stack into the sandbox of that folder, as `state rebuild` would, but without a request
 * for each secret: each has one version, which the plain list tells.
 */
export async function writeRecord(folder: string, declared: Declared, served: Served): Promise<void> {
  const { addresses } = served;
  const vault = withoutVersionLists(
    await served.storeIds(),
    connectKeyVault({
      name: VAULT,
      uri: addresses.vault,
      auth: 'cli',
      tenantId: null,
      sandboxToken: 'planner',
    }),
  );
  const swarm = connectSwarm({ name: SWARM, endpoint: addresses.swarm, environment: {}, stack: STACK });
  const now = (): string => new Date().toISOString().replace(/\.\d+/, '');
  const lineage = randomUUID();
  const observed = await observe({
    declared,
    recorded: emptyRecord(STACK, lineage),
    vaults: new Map([[VAULT, vault]]),
    platforms: new Map([[SWARM, swarm]]),
    now,
  });
  const { recorded } = rebuildRecord({ declared, observed, now: now(), lineage });
  const record = openRecord({ directory: join(folder, '.keyturn', 'sandbox', 'state'), stack: STACK });
  const held = await claimed(record);
  const actor = { name: 'bench', knownBy: 'os-user', host: 'here', run: null } as const;
  await held.establish(recorded, {
    kind: 'rebuild',
    id: lineage,
    at: now(),
    actor,
    reason: null,
    ticket: null,
    notes: [],
  });
  await held.release();
  await swarm.close();
}

/** Each secret has the one version that its item of the plain list is of. */
function withoutVersionLists(ids: Readonly<Record<string, string>>, vault: Vault): Vault {
  const seen = new Map<string, ObservedSecret>();
  return Object.assign(Object.create(vault) as Vault, {
    list: async (signal?: AbortSignal) => {
      const items = await vault.list(signal);
      for (const item of items) seen.set(item.name, item);
      return items;
    },
    versions: (secret: string): Promise<ObservedVersion[]> => {
      const [item, storeId] = [seen.get(secret), ids[secret]];
      return Promise.resolve(item === undefined || storeId === undefined ? [] : [{ ...item, storeId }]);
    },
  });
}
