import type { ConsumerAddress, SecretAddress } from '../../src/model/address.ts';
import { consumerAddress, copyName, secretAddress } from '../../src/model/address.ts';
import { canonicalJson, digestOf } from '../../src/model/canonical.ts';
import type { HistoryEntry, HistoryStep } from '../../src/model/journal.ts';
import type { Cause } from '../../src/model/plan.ts';

const PEOPLE = ['Ada <ada@example.org>', 'Grace <grace@example.org>', 'deploy-bot'];
const START = Date.parse('2020-01-06T03:00:00Z');
const HOUR = 3_600_000;
const HEALTHY = { tasks: 3, elapsedMs: 31_000, updateState: 'completed', staleOnDownNodes: 0, probe: null };

export const secretNumber = (index: number): SecretAddress => secretAddress('shop-prod', `key-${index}`);
export const consumerNumber = (index: number): ConsumerAddress => consumerAddress('prod', `shop_web${index}`);

/** An entry before it is chained. */
export type Unchained = Omit<HistoryEntry, 'entry' | 'previous'>;

const instant = (hour: number, seconds = 0): string =>
  new Date(START + hour * HOUR + seconds * 1000).toISOString().replace('.000Z', 'Z');

/** Numbers entries from 1 on, each with the digest of the one before. */
export function chained(entries: readonly Unchained[]): HistoryEntry[] {
  let previous: string | null = null;
  return entries.map((entry, index) => {
    const whole: HistoryEntry = { ...entry, entry: index + 1, previous };
    previous = digestOf(whole);
    return whole;
  });
}

/** The files of a history: name → text, as the record writes them. */
export function filesOf(entries: readonly HistoryEntry[]): Map<string, string> {
  return new Map(
    entries.map((entry) => [
      `history/${String(entry.entry).padStart(6, '0')}.json`,
      `${canonicalJson(entry)}\n`,
    ]),
  );
}

/**
 * A house of so many secrets, each with a consumer of its own, over `count` entries: rotations in turn, each followed by
 * what ends the prior version; every seventh rotation is rolled back. `isOld`: of before entries kept consumers, causes
 * and times of steps.
 */
export function longHistory(count: number, secrets = 20, isOld = false): HistoryEntry[] {
  const current = new Map<number, number>();
  const highest = new Map<number, number>();
  const entries: Unchained[] = [];
  for (let turn = 0; entries.length < count; turn += 1) {
    const index = turn % secrets;
    const before = current.get(index) ?? null;
    const ordinal = (highest.get(index) ?? 0) + 1;
    highest.set(index, ordinal);
    const fails = before !== null && turn % 7 === 0;
    entries.push(rotation({ index, before, ordinal, fails, isOld, hour: turn * 8 }));
    if (fails) continue;
    current.set(index, ordinal);
    if (before !== null) entries.push(retirement({ index, before, ordinal, isOld, hour: turn * 8 + 4 }));
  }
  return chained(entries.slice(0, count));
}

interface Turn {
  readonly index: number;
  readonly before: number | null;
  readonly ordinal: number;
  readonly fails: boolean;
  readonly isOld: boolean;
  readonly hour: number;
}

function rotation({ index, before, ordinal, fails, isOld, hour }: Turn): Unchained {
  const secret = secretNumber(index);
  const consumer = consumerNumber(index);
  const cause: Cause = before === null ? { kind: 'first' } : { kind: 'due', due: instant(hour - 1) };
  const copy = copyName(`shop_key_${index}`, ordinal);
  const own = { secret, ordinal };
  const status = fails ? 'undone' : 'done';
  const steps = [
    step('mint', secret, `mint key-${index} v${ordinal} in shop-prod (random)`, status, own),
    step('stage', secret, `deliver ${copy} to prod, unused`, status, own),
    step('flip', consumer, `flip 1 secret of shop_web${index} in one update`, status, own),
    {
      ...step('verify', consumer, `verify shop_web${index}`, fails ? 'failed' : 'done', own),
      evidence: fails ? null : HEALTHY,
      fault: fails ? { code: 'verify-failed' as const, what: 'the task exited with 1' } : null,
    },
    step('promote', secret, `record key-${index} v${ordinal} as current`, fails ? 'skipped' : 'done', own),
  ];
  const after = fails ? before : ordinal;
  const move = { secret, before, after };
  return {
    ...occasion('apply', hour),
    outcome: fails ? 'rolled-back' : 'done',
    versions: { [secret]: { before, after } },
    ...(isOld || fails ? {} : { consumers: { [consumer]: { [`key_${index}`]: move } } }),
    steps: steps.map((each, at) => shaped(each, at, cause, isOld, hour)),
  };
}

function retirement({
  index,
  before,
  ordinal: now,
  isOld,
  hour,
}: Omit<Turn, 'fails' | 'before'> & { readonly before: number }): Unchained {
  const secret = secretNumber(index);
  const own = { secret, ordinal: before };
  const copy = copyName(`shop_key_${index}`, before);
  const cause: Cause = { kind: 'soaked', since: instant(hour - 1) };
  const proof = `no service of prod names ${copy}; the vault lists 1 version of it as disabled`;
  const steps = [
    step('settle', consumerNumber(index), `put shop_web${index}'s own update settings back`, 'done', own),
    { ...step('retire', secret, `disable key-${index} v${before} in the vault`, 'done', own), proof },
    step('prune', secret, `remove ${copy} from prod`, 'done', own),
  ];
  return {
    ...occasion('apply', hour),
    outcome: 'done',
    versions: { [secret]: { before: now, after: now } },
    steps: steps.map((each, at) => shaped(each, at, cause, isOld, hour)),
  };
}

function occasion(
  kind: HistoryEntry['kind'],
  hour: number,
): Omit<Unchained, 'outcome' | 'versions' | 'steps'> {
  return {
    format: 1,
    kind,
    apply: `apply-${hour}`,
    startedAt: instant(hour),
    endedAt: instant(hour, 90),
    actor: { name: PEOPLE[hour % PEOPLE.length] ?? '', knownBy: 'git-author', host: 'laptop', run: null },
    continued: [],
    reason: null,
    ticket: hour % 5 === 0 ? `OPS-${hour}` : null,
    planDigest: digestOf(hour),
  };
}

type Own = Pick<HistoryStep, 'secret' | 'ordinal'>;

function step(
  kind: HistoryStep['kind'],
  address: string,
  text: string,
  status: HistoryStep['status'],
  own: Own,
): HistoryStep {
  const elapsedMs = status === 'skipped' ? null : 420;
  return { id: '', kind, address, text, status, elapsedMs, fault: null, evidence: null, ...own };
}

function shaped(
  { secret, ordinal, ...old }: HistoryStep,
  at: number,
  cause: Cause,
  isOld: boolean,
  hour: number,
): HistoryStep {
  const numbered = { ...old, id: `g1.${at + 1}` };
  if (isOld) return numbered;
  const kept = secret === undefined || ordinal === undefined ? {} : { secret, ordinal };
  const ended = old.elapsedMs === null ? {} : { endedAt: instant(hour, (at + 1) * 10) };
  return { ...numbered, cause, ...kept, ...ended };
}
