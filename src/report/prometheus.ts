import type { Instant } from '../model/address.ts';
import type { Declared, DeclaredConsumer } from '../model/declared.ts';
import type { ApplyOutcome, HistoryEntry } from '../model/journal.ts';
import type { Observed } from '../model/observed.ts';
import type { Recorded } from '../model/recorded.ts';
import { ordinalNamed } from '../model/recorded.ts';
import type { StatusRow } from '../model/status.ts';
import type { Verification } from '../model/verification.ts';

/** One stack, as far as it is told as metrics. */
export interface MeteredStack {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly rows: readonly StatusRow[];
  /** How many entries the history holds, and the newest of them; null: it is empty. */
  readonly entries: number;
  readonly newest: Pick<HistoryEntry, 'outcome' | 'endedAt'> | null;
  /** Absent: nobody verified the history, and nothing is told of that. */
  readonly verification?: Pick<Verification, 'findings'>;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
type Samples = (stack: MeteredStack, now: Instant) => readonly Sample[];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: Samples;
}

const OUTCOMES: Readonly<Record<ApplyOutcome, true>> = {
  'done': true,
  'failed': true,
  'incomplete': true,
  'interrupted': true,
  'rolled-back': true,
  'stopped': true,
};

/**
 * The metrics of these stacks in Prometheus' text format 0.0.4, the same for the same input to the byte, with a newline
 * at its end. What could not be observed has no number: its series is absent, and `keyturn_observed` says whose. Holds
 * names, ordinals and times; never a value.
 */
export function renderPrometheus(stacks: readonly MeteredStack[], now: Instant): string {
  const made: Family = {
    name: 'keyturn_collected_timestamp_seconds',
    help: 'When these metrics were made',
    samples: () => [],
  };
  const families = FAMILIES.flatMap(({ name, help, samples }) => {
    const all = stacks.flatMap((stack) =>
      samples(stack, now).map(([labels, value]): Sample => [
        { stack: stack.declared.stack, ...labels },
        value,
      ]),
    );
    return all.length === 0 ? [] : [familyText({ name, help }, all)];
  });
  return [familyText(made, [[{}, secondsOf(now)]]), ...families].join('');
}

/** Every series that may be told, in the order of the text. */
const FAMILIES: readonly Family[] = [
  {
    name: 'keyturn_observed',
    help: 'Whether a vault or a platform answered; 0: what it holds is not told below',
    samples: ({ observed }) => [
      ...Object.entries(observed.vaults).map(([name, { status }]) => answered('vault', name, status)),
      ...Object.entries(observed.platforms).map(([name, { status }]) => answered('platform', name, status)),
    ],
  },
  {
    name: 'keyturn_consumer_version',
    help: 'The version that a consumer reads at a target, as the platform shows it',
    samples: ({ declared, observed, recorded }) =>
      declared.consumers.flatMap((consumer) => readings(consumer, observed, recorded)),
  },
  {
    name: 'keyturn_consumer_in_step',
    help: 'Whether a consumer reads what it should: the current version, or the one that it pins',
    samples: ({ rows, declared, observed }) =>
      rows.flatMap((row) =>
        row.consumers
          .filter(({ address }) => isSeen(declared, observed, address))
          .map(({ address, inStep }): Sample => [{ secret: row.address, consumer: address }, flag(inStep)]),
      ),
  },
  {
    name: 'keyturn_consumer_parked',
    help: 'Whether an emergency had to leave a consumer behind',
    samples: ({ rows }) =>
      [...new Map(rows.flatMap((row) => row.consumers.map((each) => [each.address, each.parked])))].map(
        ([consumer, parked]): Sample => [{ consumer }, flag(parked !== null)],
      ),
  },
  ofSecret('current_version', 'The version that is recorded as current', ({ current }) => current),
  ofSecret('prior_version', 'The version that is the way back during a soak', ({ prior }) => prior),
  ofSecret('rotated_timestamp_seconds', 'When the current version was promoted', ({ rotatedAt }) =>
    at(rotatedAt),
  ),
  ofSecret('due_timestamp_seconds', 'When its cadence says that it is due', ({ nextDue }) => at(nextDue)),
  ofSecret(
    'due_seconds',
    'How long until it is due, when these metrics were made; negative: since when',
    (row, now) => (row.nextDue === null ? null : secondsOf(row.nextDue) - secondsOf(now)),
  ),
  ofSecret('overdue_timestamp_seconds', 'From when on it counts as overdue', ({ overdueAt }) =>
    at(overdueAt),
  ),
  ofSecret('due', 'Whether it is due, or overdue', ({ due }) => flag(due === 'due' || due === 'overdue')),
  ofSecret('overdue', 'Whether it is overdue', ({ due }) => flag(due === 'overdue')),
  ofSecret('soak_end_timestamp_seconds', 'Until when its prior version stays the way back', ({ soakUntil }) =>
    at(soakUntil),
  ),
  ofSecret('held', 'Whether the schedule leaves it alone until a person acts', ({ held }) =>
    flag(held !== null),
  ),
  ofSecret('awaiting', 'Whether it is due and needs a value that only a person can bring', (row) =>
    // A value that a person brought lies in the vault.
    row.vault === 'unknown' ? null : flag(row.awaiting),
  ),
  ofSecret('retiring', 'Whether the death of an old version is not proved yet', ({ retiring }) =>
    flag(retiring.length > 0),
  ),
  ofSecret('vault_ok', 'Whether the vault holds it as it should', ({ vault }) =>
    vault === 'unknown' ? null : flag(vault === 'ok'),
  ),
  {
    name: 'keyturn_history_entries',
    help: 'How many entries the history holds',
    samples: ({ entries }) => [[{}, entries]],
  },
  {
    name: 'keyturn_history_last_outcome',
    help: 'How the newest entry of the history ended: 1 for that outcome, 0 for the others',
    samples: ({ newest }) =>
      newest === null
        ? []
        : Object.keys(OUTCOMES).map((outcome) => [{ outcome }, flag(outcome === newest.outcome)]),
  },
  {
    name: 'keyturn_history_last_end_timestamp_seconds',
    help: 'When the newest entry of the history ended',
    samples: ({ newest }) => (newest === null ? [] : [[{}, secondsOf(newest.endedAt)]]),
  },
  {
    name: 'keyturn_history_verified',
    help: 'Whether the history verifies',
    samples: ({ verification }) =>
      verification === undefined ? [] : [[{}, flag(verification.findings.length === 0)]],
  },
  {
    name: 'keyturn_history_findings',
    help: 'What a verification of the history found',
    samples: ({ verification }) => (verification === undefined ? [] : [[{}, verification.findings.length]]),
  },
];

/** The names of all series that there are. */
export const SERIES: readonly string[] = [
  'keyturn_collected_timestamp_seconds',
  ...FAMILIES.map(({ name }) => name),
];

/** One number a secret; null: it has none. */
function ofSecret(name: string, help: string, of: (row: StatusRow, now: Instant) => number | null): Family {
  return {
    name: `keyturn_secret_${name}`,
    help,
    samples: ({ rows }, now) =>
      rows.flatMap((row): Sample[] => {
        const value = of(row, now);
        return value === null ? [] : [[{ secret: row.address }, value]];
      }),
  };
}

function answered(kind: 'vault' | 'platform', name: string, status: 'seen' | 'unknown'): Sample {
  return [{ kind, name }, flag(status === 'seen')];
}

/** What each mount of a consumer names; nothing of one that could not be seen, or names none of its versions. */
function readings(
  { address, platform, service, mounts }: DeclaredConsumer,
  observed: Observed,
  recorded: Recorded,
): Sample[] {
  const seen = observed.platforms[platform];
  const references = seen?.status === 'seen' ? (seen.services[service]?.references ?? []) : [];
  return mounts.flatMap(({ secret, target, base }): Sample[] => {
    const reference = references.find((each) => each.target === target);
    const record = recorded.secrets[secret];
    const ordinal = reference === undefined ? null : ordinalNamed(record, { platform, base }, reference);
    return ordinal === null ? [] : [[{ secret, consumer: address, target }, ordinal]];
  });
}

function isSeen({ consumers }: Declared, { platforms }: Observed, address: string): boolean {
  const consumer = consumers.find((each) => each.address === address);
  return consumer !== undefined && platforms[consumer.platform]?.status === 'seen';
}

function familyText({ name, help }: Pick<Family, 'name' | 'help'>, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`);
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return [`# HELP ${name} ${escaped}`, `# TYPE ${name} gauge`, ...lines.sort(), ''].join('\n');
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapedLabel(text)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapedLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function flag(is: boolean): 0 | 1 {
  return is ? 1 : 0;
}

function at(instant: Instant | null): number | null {
  return instant === null ? null : secondsOf(instant);
}

function secondsOf(instant: Instant): number {
  return Date.parse(instant) / 1_000;
}
