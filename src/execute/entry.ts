import type { ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import type {
  Actor,
  ApplyOutcome,
  Commit,
  ConsumerMove,
  HistoryEntry,
  HistoryStep,
  JournalLine,
  VaultWrite,
} from '../model/journal.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Recorded, RecordedConsumer } from '../model/recorded.ts';
import type { Standing, Work } from './work.ts';

/** What stands around an apply: who, when and why. */
export interface Occasion {
  readonly apply: string;
  readonly startedAt: Instant;
  readonly planDigest: string;
  readonly actor: Actor;
  readonly continued: HistoryEntry['continued'];
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly commit: Commit | null;
}

/** What an apply came from and came to. */
export interface Course {
  readonly base: Recorded;
  readonly recorded: Recorded;
  readonly lines: readonly JournalLine[];
}

/** The history entry of an apply that has ended: every step with how it ended, never a value. */
export function historyEntry(
  work: Work,
  { base, recorded: after, lines }: Course,
  outcome: ApplyOutcome,
  occasion: Occasion,
): HistoryEntry {
  const consumers = movesBetween(base, after);
  const writes = writesIn(lines);
  return {
    format: 1,
    entry: (base.head?.entry ?? 0) + 1,
    previous: base.head?.digest ?? null,
    kind: work.plan.kind,
    apply: occasion.apply,
    startedAt: occasion.startedAt,
    endedAt: work.outside.now(),
    actor: occasion.actor,
    continued: occasion.continued,
    reason: occasion.reason,
    ticket: occasion.ticket,
    planDigest: occasion.planDigest,
    outcome,
    versions: versionsBetween(work.plan, base, after),
    ...(Object.keys(consumers).length === 0 ? {} : { consumers }),
    ...(writes.length === 0 ? {} : { writes }),
    commit: occasion.commit,
    steps: [...work.standings.values()].map(stepIn),
    ...(work.plan.emergency === undefined ? {} : { emergency: work.plan.emergency }),
  };
}

function stepIn({ step, status, elapsedMs, endedAt, fault, evidence, proof, output }: Standing): HistoryStep {
  return {
    id: step.id,
    kind: step.kind,
    address: step.address,
    text: step.text,
    cause: step.cause,
    ...('secret' in step ? { secret: step.secret } : {}),
    ...('ordinal' in step ? { ordinal: step.ordinal } : {}),
    status: status === 'waiting' ? 'skipped' : status,
    elapsedMs,
    ...(endedAt === null ? {} : { endedAt }),
    fault,
    evidence,
    ...(proof === null ? {} : { proof }),
    ...(output === null ? {} : { output }),
    ...(step.kind === 'retire' && step.approvedBy !== null ? { approvedBy: step.approvedBy } : {}),
  };
}

/** What each consumer reads otherwise than before. */
function movesBetween(base: Recorded, after: Recorded): NonNullable<HistoryEntry['consumers']> {
  const addresses = [
    ...new Set([...Object.keys(base.consumers), ...Object.keys(after.consumers)]),
  ] as ConsumerAddress[];
  return Object.fromEntries(
    addresses
      .sort()
      .map((address) => [address, movesOf(base.consumers[address], after.consumers[address])] as const)
      .filter(([, moves]) => Object.keys(moves).length > 0),
  );
}

function movesOf(
  before: RecordedConsumer | undefined,
  after: RecordedConsumer | undefined,
): Readonly<Record<string, ConsumerMove>> {
  const targets = [...new Set([...Object.keys(before?.mounts ?? {}), ...Object.keys(after?.mounts ?? {})])];
  return Object.fromEntries(
    targets.sort().flatMap((target) => {
      const [was, is] = [before?.mounts[target], after?.mounts[target]];
      const secret = is?.secret ?? was?.secret;
      if (secret === undefined || (was?.ordinal === is?.ordinal && was?.secret === is?.secret)) return [];
      // Where another secret took the target, what it read before is told by that secret's own moves.
      const of = was?.secret === secret ? was.ordinal : null;
      return [[target, { secret, before: of, after: is?.ordinal ?? null }] as const];
    }),
  );
}

/** Every change of a vault that is known to have been made, ways back included. */
function writesIn(lines: readonly JournalLine[]): VaultWrite[] {
  const steps = new Map<string, Step>();
  const writes: VaultWrite[] = [];
  for (const line of lines) {
    if (line.type === 'intent') steps.set(line.step.id, line.step);
    if (line.type !== 'outcome' || line.result.status !== 'done') continue;
    const step = steps.get(line.step);
    if (step === undefined || !('secret' in step)) continue;
    const { secret } = step;
    const { storeId, disabled = [] } = line.result;
    const act = step.kind === 'mint' && step.taken !== undefined ? 'update' : 'set';
    if (storeId !== undefined) writes.push({ secret, storeId, act, at: line.at });
    for (const each of disabled) writes.push({ secret, storeId: each, act: 'update', at: line.at });
  }
  return writes;
}

function versionsBetween(plan: Plan, base: Recorded, after: Recorded): HistoryEntry['versions'] {
  const secrets = new Set<SecretAddress>(plan.groups.flatMap((group) => group.secrets));
  return Object.fromEntries(
    [...secrets]
      .sort()
      .map((address) => [
        address,
        { before: base.secrets[address]?.current ?? null, after: after.secrets[address]?.current ?? null },
      ]),
  );
}
