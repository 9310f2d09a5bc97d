import type { ConsumerAddress, IsoDuration, Ordinal, SecretAddress } from '../model/address.ts';
import { homeOf, isOnHost } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { BuildRead } from '../model/host.ts';
import { referenceTo } from '../model/host.ts';
import type { Arrival, FileWrite, FlipChange } from '../model/plan.ts';
import type { RecordedCopy } from '../model/recorded.ts';
import type { View } from './view.ts';

/**
 * What a version is called on each host where something is declared or recorded to read its secret, or is seen to. Hosts
 * keep no copies, so that none is on record: who refers to a version there refers to it by this name.
 */
export function namesOnHosts(secret: SecretAddress, ordinal: Ordinal, view: View): RecordedCopy[] {
  const name = referenceTo(secret, ordinal);
  const hosts = view.declared.platforms.filter(
    ({ kind, name: platform }) => kind === 'host' && mayRead(platform, secret, name, view),
  );
  return hosts.map(({ name: platform }) => ({ platform, name, id: name }));
}

function mayRead(platform: string, secret: SecretAddress, name: string, view: View): boolean {
  if (view.consumersOf(secret).some((consumer) => consumer.platform === platform)) return true;
  const sight = view.platform(platform);
  const files = Object.values('seen' in sight ? (sight.seen?.services ?? {}) : {});
  if (files.some(({ references }) => references.some(({ copyName }) => copyName === name))) return true;
  return Object.entries(view.recorded.consumers).some(
    ([address, { mounts }]) =>
      homeOf(address as ConsumerAddress) === platform &&
      Object.values(mounts).some((mount) => mount.secret === secret),
  );
}

/** When a consumer is settled; null: a file on a host has neither a previous spec nor update settings. */
export function settleAfter(consumer: ConsumerAddress, after: IsoDuration): Arrival['settleAfter'] {
  return isOnHost(consumer) ? null : after;
}

/** The file that a flip writes, with all that is baked into the images whose arguments change; none for a service. */
export function writeOf(
  consumer: DeclaredConsumer,
  changes: readonly FlipChange[],
  mounts: Arrival['mounts'],
): { readonly write?: FileWrite } {
  if (consumer.kind !== 'env-file') return {};
  const moved = new Map(changes.map(({ target, to }) => [target, to?.ordinal ?? null]));
  const built = new Set(
    consumer.mounts.flatMap(({ target, build }) => (build !== undefined && moved.has(target) ? [build] : [])),
  );
  const reads = consumer.mounts.flatMap(({ target, secret, build }): BuildRead[] => {
    if (build === undefined || !built.has(build)) return [];
    const ordinal = moved.has(target) ? moved.get(target) : mounts[target]?.ordinal;
    return ordinal === undefined || ordinal === null ? [] : [{ build, target, secret, ordinal }];
  });
  return { write: { file: consumer.file, reads } };
}

/** A change that changes nothing: it is only to be read again. */
export function isStill({ from, to }: FlipChange): boolean {
  return from !== null && from.copy === to?.copy;
}
