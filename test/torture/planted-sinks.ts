import type { RecordSink } from '../../src/execute/execute.ts';
import type { JournalEntry } from '../../src/execute/work.ts';
import type { HistoryEntry, JournalLine } from '../../src/model/journal.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { Journal } from '../../src/record/journal-file.ts';

type Append = (entry: JournalEntry, append: (entry: JournalEntry) => Promise<unknown>) => Promise<void>;

/** A record whose journal takes each line in another way. */
export function journaling(held: HeldRecord, append: Append): RecordSink {
  const changed = (journal: Journal): Journal => {
    const own = journal.append.bind(journal);
    journal.append = async (entry) => {
      if (entry.type === 'begin') return own(entry);
      await append(entry, own);
      return { seq: 0, at: '', type: 'end', outcome: 'done' };
    };
    return journal;
  };
  return {
    ...plainSink(held),
    begin: async (...begin) => changed(await held.begin(...begin)),
    resume: async (now) => {
      const journal = await held.resume(now);
      return journal === null ? null : changed(journal);
    },
  };
}

/** A record whose journal reads otherwise for whoever goes on with it. */
export function resuming(held: HeldRecord, change: (line: JournalLine) => JournalLine): RecordSink {
  return {
    ...plainSink(held),
    resume: async (now) => {
      const journal = await held.resume(now);
      if (journal !== null) Object.defineProperty(journal, 'lines', { value: journal.lines.map(change) });
      return journal;
    },
  };
}

/** A record that writes down another history entry. */
export function finishing(held: HeldRecord, change: (entry: HistoryEntry) => HistoryEntry): RecordSink {
  const sink = plainSink(held);
  return { ...sink, finish: (journal, entry) => sink.finish(journal, change(entry)) };
}

function plainSink(held: HeldRecord): RecordSink {
  return {
    begin: held.begin.bind(held),
    resume: held.resume.bind(held),
    digestAt: held.digestAt.bind(held),
    // The executor hands back the journal that it was given.
    finish: (journal, entry) => held.finish(journal as Journal, entry),
  };
}
