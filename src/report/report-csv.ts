import { nameOf } from '../model/address.ts';
import type { Report, StackReport } from '../model/report.ts';
import { versionText } from './cause-text.ts';
import type { CsvCell } from './csv.ts';
import { csvText } from './csv.ts';

/** What a report can be written as, one table at a time: several do not fit one CSV. */
export const TABLES = [
  'inventory',
  'compliance',
  'emergencies',
  'timeline',
  'access',
  'entries',
  'evidence',
] as const;

export type TableName = (typeof TABLES)[number];

/** One table of a report over all its stacks, as CSV. docs/FORMATS.md lists the columns. */
export function reportCsv(report: Report, name: TableName): string {
  const { head, rows } = TABLE[name];
  return csvText(
    ['stack', ...head],
    report.stacks.flatMap((stack) => rows(stack, report).map((row) => [stack.stack, ...row])),
  );
}

interface Table {
  readonly head: readonly string[];
  readonly rows: (stack: StackReport, report: Report) => readonly (readonly CsvCell[])[];
}

const TABLE: Readonly<Record<TableName, Table>> = {
  inventory: {
    head: [
      'secret',
      'path',
      'owner',
      'environment',
      'classification',
      'description',
      'cadence',
      'version',
      'last_rotated',
      'next_due',
      'overdue_at',
      'due',
      'soak_until',
      'consumers',
      'held',
      'vault',
      'note',
    ],
    rows: ({ inventory }) =>
      inventory.map(({ status, owner, environment, classification, description }) => [
        status.address,
        status.path,
        owner,
        environment,
        classification,
        description,
        status.cadence,
        status.current,
        status.rotatedAt,
        status.nextDue,
        status.overdueAt,
        status.due,
        status.soakUntil,
        status.consumers
          .map(
            ({ address, reads, inStep }) =>
              `${address} ${versionText(reads)}${inStep ? '' : ' (out of step)'}`,
          )
          .join('; '),
        status.held,
        status.vault,
        status.note,
      ]),
  },
  compliance: {
    head: [
      'from',
      'to',
      'due',
      'on_time',
      'rotations',
      'failures',
      'longest_overdue_secret',
      'longest_overdue_due',
      'longest_overdue_done_at',
      'longest_overdue_seconds',
    ],
    rows: ({ compliance: { due, onTime, rotations, failures, longestOverdue: longest } }, { from, to }) => [
      [
        from,
        to,
        due,
        onTime,
        rotations,
        failures,
        longest?.secret ?? null,
        longest?.due ?? null,
        longest?.doneAt ?? null,
        secondsOf(longest?.ms ?? null),
      ],
    ],
  },
  emergencies: {
    head: ['incident', 'entry', 'discovered_at', 'secrets', 'dead_at', 'seconds'],
    rows: ({ compliance }) =>
      compliance.emergencies.map(({ incident, entry, discoveredAt, secrets, deadAt, ms }) => [
        incident,
        entry,
        discoveredAt,
        secrets.join('; '),
        deadAt,
        secondsOf(ms),
      ]),
  },
  timeline: {
    head: [
      'secret',
      'version',
      'minted_at',
      'current_from',
      'current_until',
      'soak_until',
      'retired_at',
      'end',
      'proof',
    ],
    rows: ({ timelines }) =>
      timelines.flatMap(({ secret, spans }) =>
        spans.map((span) => [
          secret,
          span.ordinal,
          span.mintedAt,
          span.currentFrom,
          span.currentUntil,
          span.soakUntil,
          span.retiredAt,
          span.end,
          span.proof,
        ]),
      ),
  },
  access: {
    head: ['vault', 'secret', 'principal', 'role', 'list', 'read', 'set', 'purge', 'grant', 'path'],
    rows: ({ access }) =>
      access.map(({ vault, secret, principal, role, can, path, unknown = false }) => [
        vault,
        secret,
        principal,
        role,
        ...(['list', 'read', 'set', 'purge', 'grant'] as const).map((right) =>
          unknown ? null : can.includes(right),
        ),
        path,
      ]),
  },
  entries: {
    head: [
      'entry',
      'kind',
      'outcome',
      'started_at',
      'ended_at',
      'who',
      'known_by',
      'host',
      'run',
      'reason',
      'ticket',
      'incident',
      'commit',
      'plan_digest',
      'causes',
      'versions',
      'consumers',
    ],
    rows: ({ entries }) =>
      entries.map((entry) => [
        entry.entry,
        entry.kind,
        entry.outcome,
        entry.startedAt,
        entry.endedAt,
        entry.who,
        entry.knownBy,
        entry.host,
        entry.run,
        entry.reason,
        entry.ticket,
        entry.incident,
        entry.commit,
        entry.planDigest,
        entry.causes.map(({ address, cause }) => `${nameOf(address)}: ${cause}`).join('; '),
        entry.moves
          .map(({ secret, before, after }) => `${secret} ${versionText(before)} to ${versionText(after)}`)
          .join('; '),
        entry.consumers.join('; '),
      ]),
  },
  evidence: {
    head: ['entry', 'step', 'status', 'text', 'seconds', 'proof'],
    rows: ({ entries }) =>
      entries.flatMap(({ entry, evidence }) =>
        evidence.map(({ step, status, text, elapsedMs, proof }) => [
          entry,
          step,
          status,
          text,
          secondsOf(elapsedMs),
          proof,
        ]),
      ),
  },
};

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
