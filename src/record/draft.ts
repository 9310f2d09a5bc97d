import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import type { Recorded, RecordedConsumer, RecordedSecret, RecordedVersion } from '../model/recorded.ts';

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

/**
 * A record that is changed step by step. What was given stays as it is, and so does each `whole` that was handed out:
 * the two maps are copied once after either, and from then on changed in place, so that a step costs the same however
 * much is on record.
 */
export class Draft {
  #whole: Recorded;
  #secrets: Record<SecretAddress, RecordedSecret>;
  #consumers: Record<ConsumerAddress, RecordedConsumer>;
  /** Somebody else holds the maps. */
  #isShared = true;

  constructor(base: Recorded) {
    this.#whole = base;
    this.#secrets = base.secrets;
    this.#consumers = base.consumers;
  }

  /** All of it, as it is now. Costs a copy at the next change: whoever asks for one thing, step by step, asks for that. */
  get whole(): Recorded {
    if (!this.#isShared) this.#whole = { ...this.#whole, secrets: this.#secrets, consumers: this.#consumers };
    this.#isShared = true;
    return this.#whole;
  }

  secret(address: SecretAddress): RecordedSecret | undefined {
    return this.#secrets[address];
  }

  consumer(address: ConsumerAddress): RecordedConsumer | undefined {
    return this.#consumers[address];
  }

  continueAs(lineage: string): void {
    this.#whole = { ...this.whole, lineage };
  }

  /** One that is not on record begins empty. */
  changeSecret(address: SecretAddress, change: (secret: RecordedSecret) => RecordedSecret): void {
    this.#own();
    this.#secrets[address] = change(this.#secrets[address] ?? NEW_SECRET);
  }

  /** One that is not on record begins empty. */
  changeConsumer(address: ConsumerAddress, change: (consumer: RecordedConsumer) => RecordedConsumer): void {
    this.#own();
    this.#consumers[address] = change(this.#consumers[address] ?? NEW_CONSUMER);
  }

  /** One that is not on record changes nothing. */
  changeVersion(
    address: SecretAddress,
    ordinal: Ordinal,
    change: (version: RecordedVersion) => RecordedVersion,
  ): void {
    // Of a copy that is removed and whose secret nothing declares any more nothing need be recorded.
    if (this.#secrets[address] === undefined) return;
    this.changeSecret(address, (secret) => ({
      ...secret,
      versions: secret.versions.map((version) => (version.ordinal === ordinal ? change(version) : version)),
    }));
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#secrets = { ...this.#secrets };
    this.#consumers = { ...this.#consumers };
    this.#isShared = false;
  }
}
