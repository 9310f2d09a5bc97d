import type { Delivery, HistoryEntry, JournalLine } from '../model/journal.ts';
import type { Notify, Occurrence } from '../model/notice.ts';
import type { Recorded } from '../model/recorded.ts';
import type { Work } from './work.ts';

interface Lines {
  readonly base: Recorded;
  readonly lines: readonly JournalLine[];
}

/**
 * Tells of an apply while it runs. Whether somebody could be told is written into the journal and changes nothing
 * else: no fault of a receiver reaches the steps, and none of them waits for one.
 */
export class Telling {
  readonly #notify: Notify;
  #begun: Promise<readonly Delivery[]> = Promise.resolve([]);

  constructor(notify: Notify | undefined) {
    this.#notify = notify ?? (() => Promise.resolve([]));
  }

  /** Tells that an emergency rotation begins; what came of it is written down at the end. */
  begin({ plan, outside }: Work, apply: string): void {
    if (plan.kind === 'compromise')
      this.#begun = this.#tell({ type: 'begun', plan, apply, at: outside.now() });
  }

  /**
   * Tells how the apply ended, and writes down who was told. A journal that is gone on with holds what was told
   * before: of this end, or, where the apply stops without one, at any time before.
   */
  async end(work: Work, journal: Lines, entry: HistoryEntry): Promise<void> {
    const { plan } = work;
    const { base: before, lines } = journal;
    const end = lines.findIndex(({ type }) => type === 'end');
    const told = deliveriesIn(lines.slice(Math.max(0, end)));
    const after = work.journal.recorded;
    const ended = await this.#tell({ type: 'ended', plan, entry, before, after, told });
    for (const delivery of [...(await this.#begun), ...ended]) {
      await work.journal.append({ type: 'notified', delivery });
      work.tell({ type: 'notified', delivery });
    }
  }

  async #tell(occurrence: Occurrence): Promise<readonly Delivery[]> {
    try {
      return await this.#notify(occurrence);
    } catch {
      return [];
    }
  }
}

/** The entry with everybody who was told, by the journal. */
export function withDeliveries(entry: HistoryEntry, lines: readonly JournalLine[]): HistoryEntry {
  const notified = deliveriesIn(lines);
  return notified.length === 0 ? entry : { ...entry, notified };
}

function deliveriesIn(lines: readonly JournalLine[]): Delivery[] {
  return lines.flatMap((line) => (line.type === 'notified' ? [line.delivery] : []));
}
