import type { SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Group, VerifyStep } from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { Work } from './work.ts';

/**
 * Whether what a group delivered and verified is still there, some time after it was cut off: its versions are
 * enabled in the vault, its consumers name them. What cannot be looked at counts as it was verified.
 */
export async function stillStands(group: Group, work: Work): Promise<boolean> {
  const answers = work.standingsOf(group.id).flatMap(({ step }) => {
    if (step.kind === 'mint') return [isEnabled(step.secret, step.ordinal, work)];
    return step.kind === 'verify' ? [isNamed(step, work)] : [];
  });
  return (await Promise.all(answers)).every((answer) => answer);
}

async function isEnabled(secret: SecretAddress, ordinal: number, work: Work): Promise<boolean> {
  const known = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  const versions = await work
    .vaultOf(secret)
    .versions(nameOf(secret), work.lost)
    .catch(() => null);
  return versions === null || versions.some(({ storeId, enabled }) => enabled && known.includes(storeId));
}

async function isNamed({ platform, service, expected }: VerifyStep, work: Work): Promise<boolean> {
  const seen = await work.look(platform).catch(() => null);
  if (seen === null) return true;
  const named = new Map(
    seen.services[service]?.references.map(({ target, copyName }) => [target, copyName] as const),
  );
  return Object.entries(expected).every(([target, copy]) => named.get(target) === copy);
}
