import type { Instant } from '../model/address.ts';
import type { DoneFacts, JournalLine } from '../model/journal.ts';
import type { RestoreStep, Step } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { withConsumer, withSecret } from './changed.ts';
import { failed, fold, intended, minted, seen } from './folded.ts';

/**
 * A journal replayed over the record that it continues, line by line. Any prefix of a journal gives a valid
 * record: an intent without an outcome changes nothing but the highest ordinal, which must never be given out
 * twice.
 */
export class Replay {
  readonly #steps = new Map<string, Step>();
  #recorded: Recorded;
  #apply = '';
  #planDigest: string | null = null;

  constructor(base: Recorded, lines: readonly JournalLine[] = []) {
    this.#recorded = base;
    for (const line of lines) this.add(line);
  }

  get recorded(): Recorded {
    return this.#recorded;
  }

  add(line: JournalLine): void {
    this.#recorded = this.#after(line);
  }

  #after(line: JournalLine): Recorded {
    switch (line.type) {
      case 'begin':
        this.#planDigest = line.planDigest;
        this.#apply = line.apply;
        return { ...this.#recorded, lineage: line.lineage };
      case 'intent':
        this.#steps.set(line.step.id, line.step);
        return intended(this.#recorded, line.step);
      case 'outcome': {
        const step = this.#steps.get(line.step);
        if (step === undefined) return this.#recorded;
        if (line.result.status !== 'done') return failed(this.#recorded, step, line.result.fault.what);
        const context = { at: line.at, apply: this.#apply, planDigest: this.#planDigest };
        const known =
          step.kind === 'restore' ? this.#withLostMint(step, line.result, line.at) : this.#recorded;
        return fold(known, step, line.result, context);
      }
      case 'hold':
        return withSecret(this.#recorded, line.secret, (secret) => ({ ...secret, held: line.held }));
      case 'park':
        return withConsumer(this.#recorded, line.consumer, (consumer) => ({
          ...consumer,
          parked: line.parked,
        }));
      case 'seen':
        return seen(this.#recorded, line.fingerprints);
      case 'notified':
      case 'fence':
      case 'end':
        return this.#recorded;
    }
  }

  /** A mint whose answer was lost left a version that only its undoing has seen: its operation id is spent. */
  #withLostMint(step: RestoreStep, facts: DoneFacts, at: Instant): Recorded {
    const versions = this.#recorded.secrets[step.secret]?.versions ?? [];
    const [storeId] = facts.disabled ?? [];
    if (storeId === undefined || versions.some(({ ordinal }) => ordinal === step.failed))
      return this.#recorded;
    const mint = [...this.#steps.values()].find(
      (known) => known.kind === 'mint' && known.secret === step.secret && known.ordinal === step.failed,
    );
    // One that arrived after its apply had given up on it has no mint in this journal.
    const { secret, failed: ordinal, undoes: operation } = step;
    const lost = { secret, ordinal, operation, cause: mint?.cause ?? step.cause };
    return minted(this.#recorded, lost, storeId, at);
  }
}
