import type { DeclaredConsumer } from '../model/declared.ts';
import type { ObservedService } from '../model/observed.ts';
import { strayVersions } from './strays.ts';
import { placesOf, unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';

/**
 * What runs on a host since before keyturn last wrote its file, and may hold a version that was never promoted: the
 * apply that took that one back ended between its write and its restart, and nobody else will restart it. Empty: there
 * is nothing of the kind, somebody else wrote the file since, or it cannot be told while the vault is silent.
 */
export function unreadSince(consumer: DeclaredConsumer, service: ObservedService, view: View): string[] {
  const { file } = service;
  if (file === undefined || !file.isThere || file.isEdited || file.stale.length === 0) return [];
  const isHeld = consumer.mounts.some(({ secret: address }) => {
    const secret = view.secret(address);
    if (secret === undefined) return false;
    const pending = view.recordOf(address)?.versions.filter(({ role }) => role === 'pending') ?? [];
    return [...pending, ...strayVersions(secret, view)].some((version) => {
      if (unreadable(address, version.ordinal, view) === 'unknown') return false;
      const uses = usesOf(placesOf(address, version, view), view);
      return uses.some((use) => use.service === consumer.address && use.by === 'task');
    });
  });
  return isHeld ? [...file.stale] : [];
}
