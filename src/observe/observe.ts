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
  readonly declared: Declared;
  /** It may still be read through: nothing waits for it before the vault was listed. Its fault is this one's. */
  readonly recorded: Recorded | Promise<Recorded>;
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
 * the fault that says why; the others are observed all the same. Never throws a provider's fault, only the record's.
 */
export async function observe(input: ObserveInput): Promise<Observed> {
  const { declared } = input;
  const vaults = declared.vaults.map(async ({ name }) => [name, await observeVault(name, input)] as const);
  const platforms = declared.platforms.map(
    async ({ name }) => [name, await observePlatform(name, input)] as const,
  );
  // Whatever fails: who closes the connections next must find nothing that still opens or uses one.
  await Promise.allSettled([...vaults, ...platforms]);
  return {
    at: input.now(),
    vaults: Object.fromEntries(await Promise.all(vaults)),
    platforms: Object.fromEntries(await Promise.all(platforms)),
  };
}

async function observeVault(name: string, input: ObserveInput): Promise<ObservedVault> {
  const vault = input.vaults.get(name);
  if (vault === undefined) return { status: 'unknown', fault: unconnected('vault', name) };
  let list: ObservedSecret[];
  try {
    list = await vault.list(input.signal);
  } catch (thrown) {
    return { status: 'unknown', fault: asFault(thrown).toJSON() };
  }
  const recorded = await input.recorded;
  try {
    const items = new Map(list.map((item) => [item.name.toLowerCase(), item]));
    const atOnce = pLimit(LISTS_AT_ONCE);
    const seen: Record<string, ObservedSecret> = {};
    const listed: Promise<void>[] = [];
    for (const { vault: home, name: secret, address } of input.declared.secrets) {
      // The vault's names do not differ by case alone: an item may be listed under another spelling.
      const item = home === name ? items.get(secret.toLowerCase()) : undefined;
      if (item === undefined) continue;
      seen[secret] = { ...item, name: secret };
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

async function observePlatform(name: string, input: ObserveInput): Promise<ObservedPlatform> {
  const platform = input.platforms.get(name);
  if (platform === undefined) return { status: 'unknown', fault: unconnected('platform', name) };
  try {
    return { status: 'seen', ...(await platform.observe(input.signal)) };
  } catch (thrown) {
    return { status: 'unknown', fault: asFault(thrown).toJSON() };
  }
}

function unconnected(kind: string, name: string): { code: 'unexpected'; what: string; where: string } {
  return { code: 'unexpected', what: `no connection to ${kind} '${name}' was made`, where: name };
}
