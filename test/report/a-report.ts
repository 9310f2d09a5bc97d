import type { Instant } from '../../src/model/address.ts';
import type { Access } from '../../src/model/declared.ts';
import type { Compliance, InventoryRow, Report, ReportedEntry, StackReport } from '../../src/model/report.ts';
import type { Verification } from '../../src/model/verification.ts';
import { Random } from '../torture/random.ts';
import { entriesOf, EMERGENCY, INCIDENT } from './a-report-entries.ts';
import type { Life } from './a-report-lives.ts';
import { DAY, instant, liveOn } from './a-report-lives.ts';

export interface ReportOrder {
  /** Over all stacks. */
  readonly secrets: number;
  readonly from?: Instant;
  readonly to?: Instant;
}

const STACKS = ['busflow', 'tracker'] as const;

/**
 * A report as a busy house would get it, the same each time: most secrets keep their calendar, some are late, held,
 * soaking or unknown, one rotation was taken back, one emergency happened, and texts hold what HTML and CSV trip on.
 * Two thirds of the secrets are of the first stack. Their lives begin two years before `to`.
 */
export function aReport({
  secrets,
  from = '2026-07-01T00:00:00Z',
  to = '2026-10-01T00:00:00Z',
}: ReportOrder): Report {
  const first = Math.ceil((secrets * 2) / 3);
  const period = { from, to };
  const stacks = [first, secrets - first].flatMap((count, at) =>
    count === 0 ? [] : [stackReport(STACKS[at] ?? '', count, period)],
  );
  return { format: 1, madeAt: to, from, to, stacks };
}

interface Period {
  readonly from: Instant;
  readonly to: Instant;
}

function stackReport(stack: string, count: number, period: Period): StackReport {
  const random = new Random(`a report of ${stack}`);
  const lives = Array.from({ length: count }, (_, at) =>
    liveOn(stack, at, random.fork(String(at)), Date.parse(period.to)),
  );
  const all = entriesOf(stack, lives);
  const entries = all.filter(({ endedAt }) => endedAt >= period.from && endedAt < period.to);
  return {
    stack,
    inventory: lives.map((life, at) => inventoryRow(life, at)),
    compliance: complianceOf(lives, entries, period),
    timelines: lives.map(({ status, spans }) => ({ secret: status.address, spans })),
    access: accessOf(stack, lives),
    entries,
    verification: verificationOf(stack, all, period.to),
  };
}

function inventoryRow({ status }: Life, at: number): InventoryRow {
  return {
    status,
    owner: at % 9 === 8 ? null : (['platform', 'billing & <payments>', 'data', 'identity'][at % 4] ?? null),
    environment: at % 5 === 4 ? 'staging' : 'production',
    classification: ['confidential', 'restricted', 'internal', null][at % 4] ?? null,
    description:
      at % 6 === 0
        ? `=HYPERLINK("x") is no formula here, and neither is "a quote, with a comma"`
        : at % 3 === 0
          ? null
          : `password of ${status.name}`,
  };
}

function complianceOf(
  lives: readonly Life[],
  entries: readonly ReportedEntry[],
  { from, to }: Period,
): Compliance {
  const inPeriod = (at: Instant | null): boolean => at !== null && at >= from && at < to;
  const turns = lives.flatMap(({ status, turns }) =>
    turns.map((turn) => ({ ...turn, secret: status.address })),
  );
  const fell = turns.filter(({ due }) => inPeriod(due));
  const late = fell
    .filter(({ isLate }) => isLate)
    .map(({ due, at, secret }) => {
      const ms = Date.parse(at ?? to) - Date.parse(due ?? to);
      return { secret, due: due ?? to, doneAt: at, ms };
    })
    .sort((a, b) => b.ms - a.ms);
  return {
    due: fell.length,
    onTime: fell.length - late.length,
    rotations: turns.filter(({ at }) => inPeriod(at)).length,
    longestOverdue: late[0] ?? null,
    failures: entries.filter(({ outcome }) => outcome !== 'done').length,
    emergencies: entries
      .filter(({ kind }) => kind === EMERGENCY)
      .map(({ entry, endedAt, moves }) => ({
        entry,
        incident: INCIDENT,
        discoveredAt: instant(Date.parse(endedAt) - 41 * 60_000),
        secrets: moves.map(({ secret }) => secret),
        deadAt: endedAt,
        ms: 41 * 60_000,
      })),
  };
}

function accessOf(stack: string, lives: readonly Life[]): Access[] {
  const vault = `${stack}-prod`;
  const one = (
    path: string,
    principal: string,
    role: string,
    can: Access['can'],
    secret?: string,
  ): Access => ({
    vault,
    path: `${stack}/${path}`,
    principal,
    role,
    can,
    secret: secret ?? null,
  });
  return [
    one('planner', '${azurerm_user_assigned_identity.planner.principal_id}', 'Key Vault Reader', ['list']),
    one('applier', '0f2c7c1e-51f5-4b0b-9b7a-3f5f6e0c6d11', 'Key Vault Secrets Officer', [
      'list',
      'read',
      'set',
      'purge',
    ]),
    one('platform-owners', '8f1d53ab-9a6d-4d55-bb0a-7a3f0c4b9a02', 'Owner', ['grant']),
    one('app', 'c2a1b6f0-2d0e-4d6e-8a66-5d3c8be9b1f4', 'access policy', ['list', 'read']),
    one(
      'one-reader',
      'd13f8e57-34a7-4f3d-8c0f-0d0ce6a8a6b7',
      'Key Vault Secrets User',
      ['read', 'list'],
      lives[0]?.status.name,
    ),
    one('in-house', 'a7b4d7f8-13aa-4dd5-9d1c-6c6a4e3f2b90', 'Vault Auditors <in-house>', []),
  ];
}

function verificationOf(stack: string, entries: readonly ReportedEntry[], to: Instant): Verification {
  const newest = entries.at(-1)?.entry ?? 0;
  const digest = '3f1d'.repeat(16);
  const sealedAt = instant(Date.parse(to) - DAY);
  return {
    stack,
    entries: newest,
    head: newest === 0 ? null : { entry: newest, digest },
    findings:
      stack === 'tracker' && newest > 2
        ? [{ kind: 'edited', entry: 2, text: 'entry 2 is not the one that entry 3 names' }]
        : [],
    witnesses: [
      { name: 'state.json', says: 'agrees', entry: newest, at: null, text: `names entry ${newest}` },
      stack === 'tracker'
        ? { name: `vault ${stack}-prod`, says: 'unasked', entry: null, at: null, text: 'it did not answer' }
        : {
            name: `vault ${stack}-prod`,
            says: 'agrees',
            entry: newest,
            at: sealedAt,
            text: `seals entry ${newest}`,
          },
    ],
  };
}
