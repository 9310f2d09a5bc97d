import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import type { Recorded, RecordedConsumer, RecordedSecret, RecordedVersion } from '../model/recorded.ts';

/* A record with one thing changed in it; the record that is given stays as it is. */

const NEW_SECRET: RecordedSecret = {
  highest: 0,
  current: null,
  generation: 0,
  versions: [],
  fingerprint: null,
  held: null,
};

const NEW_CONSUMER: RecordedConsumer = {
  mounts: {},
  originals: null,
  flippedAt: null,
  settleAfter: null,
  fingerprint: null,
};

/** With one secret changed; one that is not on record begins empty. */
export function withSecret(
  recorded: Recorded,
  address: SecretAddress,
  change: (secret: RecordedSecret) => RecordedSecret,
): Recorded {
  const secret = change(recorded.secrets[address] ?? NEW_SECRET);
  return { ...recorded, secrets: { ...recorded.secrets, [address]: secret } };
}

/** With one consumer changed; one that is not on record begins empty. */
export function withConsumer(
  recorded: Recorded,
  address: ConsumerAddress,
  change: (consumer: RecordedConsumer) => RecordedConsumer,
): Recorded {
  const consumer = change(recorded.consumers[address] ?? NEW_CONSUMER);
  return { ...recorded, consumers: { ...recorded.consumers, [address]: consumer } };
}

/** With one version of a secret changed; one that is not on record changes nothing. */
export function withVersion(
  recorded: Recorded,
  address: SecretAddress,
  ordinal: Ordinal,
  change: (version: RecordedVersion) => RecordedVersion,
): Recorded {
  // Of a copy that is removed and whose secret nothing declares any more nothing need be recorded.
  if (recorded.secrets[address] === undefined) return recorded;
  return withSecret(recorded, address, (secret) => ({
    ...secret,
    versions: secret.versions.map((version) => (version.ordinal === ordinal ? change(version) : version)),
  }));
}
