import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { isConsumerAddress, nameOf } from '../model/address.ts';
import type { HistoryEntry, HistoryStep } from '../model/journal.ts';
import type { Cause } from '../model/plan.ts';
import type { Evidence } from '../model/platform.ts';
import type { ReportedEntry } from '../model/report.ts';

/** A history entry as an auditor reads it: who, why, what moved, and the evidence of each step. */
export function reportedEntry(entry: HistoryEntry): ReportedEntry {
  const { actor, commit } = entry;
  const [surest] = actor.identities ?? [];
  return {
    entry: entry.entry,
    kind: entry.kind,
    outcome: entry.outcome,
    startedAt: entry.startedAt,
    endedAt: entry.endedAt,
    who: surest?.name ?? actor.name,
    knownBy: surest?.knownBy ?? actor.knownBy,
    host: actor.host,
    run: actor.run,
    gate: actor.gate ?? null,
    reason: entry.reason,
    ticket: entry.ticket,
    incident: entry.emergency?.incident ?? null,
    commit: commit == null ? null : `${commit.id}${commit.isDirty ? '-dirty' : ''}`,
    planDigest: entry.planDigest,
    causes: causesOf(entry),
    moves: Object.entries(entry.versions).flatMap(([secret, { before, after }]) =>
      before === after ? [] : [{ secret: secret as SecretAddress, before, after }],
    ),
    consumers: consumersOf(entry),
    evidence: evidenceOf(entry),
  };
}

/** One an address: what made its first step be. Entries of before causes were kept say it only of emergencies. */
function causesOf({ steps, versions, emergency }: HistoryEntry): ReportedEntry['causes'] {
  const causes = new Map<Address, string>();
  for (const step of steps) {
    const address = (step.secret ?? step.address) as Address;
    if (step.cause !== undefined && !causes.has(address)) causes.set(address, causeWords(step.cause));
  }
  if (emergency !== undefined) {
    const words = causeWords({ kind: 'compromise', incident: emergency.incident });
    for (const secret of Object.keys(versions)) {
      if (!causes.has(secret as Address)) causes.set(secret as Address, words);
    }
  }
  return [...causes].map(([address, cause]) => ({ address, cause }));
}

/** A cause with its dates in full, so that it can be compared with the calendar. */
export function causeWords(cause: Cause): string {
  switch (cause.kind) {
    case 'first':
      return 'first version';
    case 'due':
      return `due ${cause.due}`;
    case 'generation':
      return `generation ${cause.generation}`;
    case 'found':
      return 'a person put a new version into the vault';
    case 'request':
      return cause.reason === null ? `requested ${cause.at}` : `requested ${cause.at}: ${cause.reason}`;
    case 'together':
      return `together with ${nameOf(cause.secret)}, ${causeWords(cause.of)}`;
    case 'mount':
      return cause.why;
    case 'soaked':
      return `soak ended ${cause.since}`;
    case 'rollback':
      return cause.reason === null ? 'rollback' : `rollback: ${cause.reason}`;
    case 'compromise':
      return `compromised, ${cause.incident}`;
    case 'adopted':
      return `taken over as it was, ${cause.at}`;
  }
}

function consumersOf({ consumers, steps }: HistoryEntry): ConsumerAddress[] {
  if (consumers !== undefined) return (Object.keys(consumers) as ConsumerAddress[]).sort();
  const flipped = steps.filter(({ kind, status }) => kind === 'flip' && status === 'done');
  return [...new Set(flipped.map(({ address }) => address).filter(isConsumerAddress))].sort();
}

/** Every step with how it ended; of a refused attempt what was tried, of a record that was made anew what is not known. */
function evidenceOf({ steps, refusal, notes = [] }: HistoryEntry): ReportedEntry['evidence'] {
  const said = (step: string, status: string, text: string): ReportedEntry['evidence'][number] => ({
    step,
    status,
    text,
    elapsedMs: null,
    proof: null,
  });
  return [
    ...(refusal === undefined ? [] : [said('refused', 'failed', `${refusal.tried}: ${refusal.fault.what}`)]),
    ...steps.map(stepEvidence),
    ...notes.map((note) => said('note', 'done', note)),
  ];
}

function stepEvidence(step: HistoryStep): ReportedEntry['evidence'][number] {
  const { id, status, text, fault, elapsedMs, evidence } = step;
  const approved = step.approvedBy === undefined ? [] : [`approved with plan ${step.approvedBy}`];
  const seen = [step.proof, evidence === null ? null : sight(evidence), ...approved].filter(
    (each) => each != null,
  );
  return {
    step: id,
    status,
    text: fault === null ? text : `${text}: ${fault.what}`,
    elapsedMs,
    proof: seen.length === 0 ? null : seen.join('; '),
  };
}

/** What a verification saw. */
function sight({ tasks, probe, staleOnDownNodes }: Evidence): string {
  return [
    probe,
    `${tasks} ${tasks === 1 ? 'task runs' : 'tasks run'} on it`,
    staleOnDownNodes === 0
      ? null
      : `${staleOnDownNodes} on nodes that are down may still hold the old version`,
  ]
    .filter((each) => each !== null)
    .join('; ');
}
