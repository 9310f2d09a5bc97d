import type { Address, SecretAddress } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import type { Fingerprints } from '../model/journal.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { itemFingerprint } from '../model/observed.ts';
import { isStray, isTwin, recordedVersion } from '../model/recorded.ts';
import type { Work } from './work.ts';

/**
 * What vaults and platforms show of everything that this apply touched, so that the next plan takes our own
 * changes for ours. What cannot be looked at is left out, and a secret with a stray or a twin below its newest version is
 * null: the next plan then lists its versions once more.
 */
export async function lookAgain(work: Work): Promise<Fingerprints> {
  const secrets = new Set<SecretAddress>();
  for (const { step } of work.standings.values()) {
    if (step.kind === 'mint' || step.kind === 'restore' || step.kind === 'retire') secrets.add(step.secret);
  }
  const consumers = new Set(work.plan.groups.flatMap((group) => group.consumers));
  const found: [Address, string | null][] = [];
  await Promise.all([
    ...[...secrets].map(async (address) => {
      const fingerprint = await vaultFingerprint(address, work);
      if (fingerprint !== undefined) found.push([address, fingerprint]);
    }),
    ...[...consumers].map(async (address) => {
      const fingerprint = await serviceFingerprint(address, work);
      if (fingerprint !== null) found.push([address, fingerprint]);
    }),
  ]);
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The newest version is the one that we wrote last: the current version's last storeId. Undefined: it could not be
 * looked at. Null: a write that came too late lies below it, which nobody would list again as long as it agrees.
 */
async function vaultFingerprint(address: SecretAddress, work: Work): Promise<string | null | undefined> {
  const record = work.journal.secret(address);
  const newest = recordedVersion(record, record?.current ?? null)?.storeIds.at(-1);
  if (record === undefined || newest === undefined) return undefined;
  const versions = await attempt(() => work.vaultOf(address).versions(nameOf(address), work.lost));
  const { stack } = work.plan;
  const isLate = (version: ObservedVersion): boolean =>
    isStray(version, record, stack) || (version.enabled && isTwin(version, versions ?? [], record, stack));
  if (versions?.some(isLate) === true) return null;
  const version = versions?.find(({ storeId }) => storeId === newest);
  return version === undefined ? undefined : itemFingerprint(version);
}

async function serviceFingerprint(address: Address, work: Work): Promise<string | null> {
  const platform = await attempt(() => work.look(homeOf(address)));
  return platform?.services[nameOf(address)]?.fingerprint ?? null;
}

/** A failed look is no failed apply: everything that was to be done is done and recorded. */
async function attempt<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch {
    return null;
  }
}
