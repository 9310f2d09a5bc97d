import type { Ordinal, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { ObservedService } from '../model/observed.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { Work } from './work.ts';

/**
 * Throws while a spec, a live task or a previous spec names a copy of this version (invariant I5). Looked at
 * right before the act, because a plan may be hours old and Swarm itself only protects what a spec names.
 */
export async function assertUnused(secret: SecretAddress, ordinal: Ordinal, work: Work): Promise<void> {
  const version = recordedVersion(work.journal.recorded.secrets[secret], ordinal);
  for (const { platform, name, id } of version?.copies ?? []) {
    const { services } = await work.look(platform);
    const users = Object.values(services).flatMap((service) => usesOf(service, id));
    if (users.length === 0) continue;
    throw new Fault({
      code: 'service-busy',
      what: `${nameOf(secret)} v${ordinal} is still in use on ${platform} as ${name}: ${users.join(', ')}`,
      where: secret,
      live: `v${ordinal} stays enabled in the vault and on ${platform}`,
      next: 'plan again: it says what must move first',
    });
  }
}

function usesOf(service: ObservedService, copyId: string): string[] {
  const uses: string[] = [];
  if (service.references.some((reference) => reference.copyId === copyId))
    uses.push(`spec of ${service.name}`);
  for (const { name, node, isLost, copyIds } of service.liveTasks) {
    if (!copyIds.includes(copyId)) continue;
    const where = node === null ? '' : ` on ${node}`;
    uses.push(isLost ? `task ${name}${where}, a node that swarm lost` : `task ${name}${where}`);
  }
  if (service.previousReferences?.some((reference) => reference.copyId === copyId) === true) {
    uses.push(`previous spec of ${service.name}`);
  }
  return uses;
}
