import type { ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import type { DoneFacts, JournalLine } from '../model/journal.ts';
import type { RestoreStep, Step } from '../model/plan.ts';
import type { Recorded, RecordedConsumer, RecordedSecret } from '../model/recorded.ts';
import { Draft } from './draft.ts';
import { failed, fold, intended, minted, seen } from './folded.ts';

/**
 * A journal replayed over the record that it continues, line by line. Any prefix of a journal gives a valid
 * record: an intent without an outcome changes nothing but the highest ordinal, which must never be given out
 * twice.
 */
export class Replay {
  readonly #steps = new Map<string, Step>();
  readonly #draft: Draft;
  #apply = '';
  #planDigest: string | null = null;

  constructor(base: Recorded, lines: readonly JournalLine[] = []) {
    this.#draft = new Draft(base);
    for (const line of lines) this.add(line);
  }

  /** All of it, which no later line changes. Between two lines one thing costs less by `secret` and `consumer`. */
  get recorded(): Recorded {
    return this.#draft.whole;
  }

  secret(address: SecretAddress): RecordedSecret | undefined {
    return this.#draft.secret(address);
  }

  consumer(address: ConsumerAddress): RecordedConsumer | undefined {
    return this.#draft.consumer(address);
  }

  add(line: JournalLine): void {
    switch (line.type) {
      case 'begin':
        this.#planDigest = line.planDigest;
        this.#apply = line.apply;
        return this.#draft.continueAs(line.lineage);
      case 'intent':
        this.#steps.set(line.step.id, line.step);
        return intended(this.#draft, line.step);
      case 'outcome':
        return this.#ended(line);
      case 'hold':
        return this.#draft.changeSecret(line.secret, (secret) => ({ ...secret, held: line.held }));
      case 'park':
        return this.#draft.changeConsumer(line.consumer, (consumer) => ({
          ...consumer,
          parked: line.parked,
        }));
      case 'seen':
        return seen(this.#draft, line.fingerprints);
      case 'notified':
      case 'fence':
      case 'end':
        return;
    }
  }

  #ended({ step: id, result, at }: Outcome): void {
    const step = this.#steps.get(id);
    if (step === undefined) return;
    if (result.status !== 'done') return failed(this.#draft, step, result.fault.what);
    if (step.kind === 'restore') this.#putLostMint(step, result, at);
    fold(this.#draft, step, result, { at, apply: this.#apply, planDigest: this.#planDigest });
  }

  /** A mint whose answer was lost left a version that only its undoing has seen: its operation id is spent. */
  #putLostMint(step: RestoreStep, facts: DoneFacts, at: Instant): void {
    const versions = this.#draft.secret(step.secret)?.versions ?? [];
    const [storeId] = facts.disabled ?? [];
    if (storeId === undefined || versions.some(({ ordinal }) => ordinal === step.failed)) return;
    const mint = [...this.#steps.values()].find(
      (known) => known.kind === 'mint' && known.secret === step.secret && known.ordinal === step.failed,
    );
    // One that arrived after its apply had given up on it has no mint in this journal.
    const { secret, failed: ordinal, undoes: operation } = step;
    const lost = { secret, ordinal, operation, cause: mint?.cause ?? step.cause };
    minted(this.#draft, lost, storeId, at);
  }
}

type Outcome = Extract<JournalLine, { type: 'outcome' }>;
