import type { Vault } from '../../src/model/vault.ts';

/** A class's methods do not come along with a spread. */
export function bound(vault: Vault): Vault {
  return {
    name: vault.name,
    identities: () => vault.identities(),
    list: (signal) => vault.list(signal),
    versions: (secret, signal) => vault.versions(secret, signal),
    write: (secret, value, as, signal) => vault.write(secret, value, as, signal),
    find: (secret, operation, signal) => vault.find(secret, operation, signal),
    arrival: (secret, operation, signal) => vault.arrival(secret, operation, signal),
    mark: (secret, storeId, as, signal) => vault.mark(secret, storeId, as, signal),
    read: (secret, storeId, signal) => vault.read(secret, storeId, signal),
    disable: (secret, storeId, signal) => vault.disable(secret, storeId, signal),
    seals: (signal) => vault.seals(signal),
    seal: (seal, accept, signal) => vault.seal(seal, accept, signal),
  };
}
