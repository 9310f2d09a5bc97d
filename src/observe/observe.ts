import pLimit from 'p-limit';
import type { Instant, SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import { asFault } from '../model/fault.ts';
import type { Observed, ObservedPlatform, ObservedSecret, ObservedVault } from '../model/observed.ts';
import type { Platform } from '../model/platform.ts';
import type { Recorded, RecordedSecret } from '../model/recorded.ts';
import { isLeaving } from '../model/recorded.ts';
import type { Vault } from '../model/vault.ts';

export interface ObserveInput {
  /** Both may still be read through: nothing waits for them before the vault was listed. Their faults are this one's. */
  readonly declared: Declared | Promise<Declared>;
  readonly recorded: Recorded | Promise<Recorded>;
  /** Those that are declared. */
  readonly vaults: ReadonlyMap<string, Vault>;
  readonly platforms: ReadonlyMap<string, Platform>;
  readonly now: () => Instant;
  readonly signal?: AbortSignal;
  /** The versions of these are listed whatever the record says. Absent: none. */
  readonly listed?: ReadonlySet<SecretAddress>;
}

/** Lists of versions under way at once, a vault. */
const LISTS_AT_ONCE = 8;

/**
 * Asks every declared vault and platform what is true now, side by side. Needs only the right to list and never
 * reads a value.
 *
 * One pass over the vault's plain list tells the newest version of each secret. The versions of one secret are
 * listed only where the record disagrees with that, while it soaks, or where that is asked for. What cannot be observed is `unknown` with
 * the fault that says why; the others are observed all the same. Never throws a provider's fault, only what is wrong with
 * declaration or record.
 */
export async function observe(input: ObserveInput): Promise<Observed> {
  const vaults = [...input.vaults].map(
    async ([name, vault]) => [name, await observeVault(name, vault, input)] as const,
  );
  const platforms = [...input.platforms].map(
    async ([name, platform]) => [name, await observePlatform(platform, input)] as const,
  );
  // Whatever fails: who closes the connections next must find nothing that still opens or uses one.
  await Promise.allSettled([...vaults, ...platforms]);
  return {
    at: input.now(),
    vaults: Object.fromEntries(await Promise.all(vaults)),
    platforms: Object.fromEntries(await Promise.all(platforms)),
  };
}

async function observeVault(name: string, vault: Vault, input: ObserveInput): Promise<ObservedVault> {
  let list: ObservedSecret[];
  try {
    list = await vault.list(input.signal);
  } catch (thrown) {
    return { status: 'unknown', fault: asFault(thrown).toJSON() };
  }
  const declared = await input.declared;
  const recorded = await input.recorded;
  try {
    const items = new Map(list.map((item) => [item.name.toLowerCase(), item]));
    const atOnce = pLimit(LISTS_AT_ONCE);
    const seen: Record<string, ObservedSecret> = {};
    const listed: Promise<void>[] = [];
    for (const { vault: home, name: secret, address } of declared.secrets) {
      // The vault's names do not differ by case alone: an item may be listed under another spelling.
      const item = home === name ? items.get(secret.toLowerCase()) : undefined;
      if (item === undefined) continue;
      seen[secret] = item.name === secret ? item : { ...item, name: secret };
      if (isSettled(item, recorded.secrets[address], input.listed?.has(address) === true)) continue;
      const ask = async (): Promise<void> => {
        seen[secret] = { ...item, name: secret, versions: await vault.versions(secret, input.signal) };
      };
      listed.push(atOnce(ask));
    }
    await Promise.all(listed);
    return { status: 'seen', secrets: seen };
  } catch (thrown) {
    return { status: 'unknown', fault: asFault(thrown).toJSON() };
  }
}

/** Whether the record says all that the list of versions would, and nobody asks for that list. */
function isSettled(
  { fingerprint }: ObservedSecret,
  record: RecordedSecret | undefined,
  isAsked: boolean,
): boolean {
  if (record === undefined || isAsked || record.fingerprint !== fingerprint) return false;
  return !record.versions.some(isLeaving);
}

async function observePlatform(platform: Platform, { signal }: ObserveInput): Promise<ObservedPlatform> {
  try {
    return { status: 'seen', ...(await platform.observe(signal)) };
  } catch (thrown) {
    return { status: 'unknown', fault: asFault(thrown).toJSON() };
  }
}
