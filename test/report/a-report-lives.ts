import type { Instant } from '../../src/model/address.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { VersionSpan } from '../../src/model/report.ts';
import type { StatusRow } from '../../src/model/status.ts';
import type { Random } from '../torture/random.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A date and what came of it. */
export interface Turn {
  /** Null: nobody's date, a person or an incident asked. */
  readonly due: Instant | null;
  /** Null: it is still missing. */
  readonly at: Instant | null;
  readonly ordinal: number;
  readonly isLate: boolean;
  readonly isEmergency: boolean;
}

export interface Life {
  readonly status: StatusRow;
  readonly spans: readonly VersionSpan[];
  readonly turns: readonly Turn[];
}

export function instant(ms: number): Instant {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

const KEYS = ['api-key', 'db-reader', 'db-writer', 'jwt-key', 'smtp-password', 'webhook-secret'];
const TEAMS = ['billing', 'booking', 'gateway', 'ledger', 'mailer', 'planner', 'routing', 'tickets'];

const CADENCES: readonly (readonly [string, number | null])[] = [
  ['quarterly, first monday 03:00 Europe/Berlin', 91],
  ['every 30 d from 2024-10-01 03:00 UTC', 30],
  ['quarterly, first monday + 45 d 03:00 Europe/Berlin', 91],
  ['annually, last friday of march 03:00 UTC', 365],
  ['on request', null],
];

/** Secret `at` of a stack, from two years before `now` to now. */
export function liveOn(stack: string, at: number, random: Random, now: number): Life {
  const [cadence, days] = CADENCES[at === 1 ? 0 : random.whole(0, 9) % CADENCES.length] ?? [
    'on request',
    null,
  ];
  const turns = turnsOf(at, days, random, now);
  const spans = spansOf(turns, random, now);
  return { status: statusOf(stack, at, cadence, days, { turns, spans, now }), spans, turns };
}

/** The third secret's last date is still missing; the first and second were compromised 20 days ago. */
function turnsOf(at: number, days: number | null, random: Random, now: number): Turn[] {
  const begin = now - 730 * DAY + random.whole(0, 25) * DAY;
  const turns: Turn[] = [{ due: null, at: instant(begin), ordinal: 1, isLate: false, isEmergency: false }];
  const step = days ?? 400;
  for (let due = begin + step * DAY; due < now; due += step * DAY) {
    const isLate = random.chance(0.04);
    const isMissing = at % 50 === 2 && due + step * DAY >= now;
    const done = due + (isLate ? random.whole(2, 9) * DAY : random.whole(1, 40) * 60_000);
    turns.push({
      due: days === null ? null : instant(due),
      at: isMissing || done >= now ? null : instant(done),
      ordinal: turns.length + 1,
      isLate: isMissing || (isLate && days !== null),
      isEmergency: false,
    });
  }
  const leak = now - 20 * DAY + 2 * HOUR;
  if (at > 1 || turns.some(({ at }) => at === null || Date.parse(at) > leak - 5 * DAY)) return turns;
  return [
    ...turns,
    { due: null, at: instant(leak), ordinal: turns.length + 1, isLate: false, isEmergency: true },
  ];
}

const SOAK = 72 * HOUR;

function spansOf(turns: readonly Turn[], random: Random, now: number): VersionSpan[] {
  const done = turns.filter((turn): turn is Turn & { at: Instant } => turn.at !== null);
  const spans = done.map(({ at, ordinal }, place): VersionSpan => {
    const next = done[place + 1];
    const until = next === undefined ? null : Date.parse(next.at);
    const soaks = until === null || next?.isEmergency === true ? null : until + SOAK;
    const retired = until === null ? null : (soaks ?? until) + random.whole(2, 58) * 60_000;
    const isRetired = retired !== null && retired < now;
    return {
      ordinal,
      mintedAt: instant(Date.parse(at) - 2 * 60_000),
      currentFrom: at,
      currentUntil: until === null ? null : instant(until),
      soakUntil: soaks === null ? null : instant(soaks),
      retiredAt: isRetired ? instant(retired) : null,
      end: isRetired ? (next?.isEmergency === true ? 'compromised' : 'soaked') : null,
      proof:
        isRetired && ordinal % 2 === 0
          ? 'the old value was refused with 401 and the current one accepted with 200'
          : null,
    };
  });
  return random.chance(0.1) ? [...spans, undone(spans, random, now)] : spans;
}

/** A version that was taken back before it became current. */
function undone(spans: readonly VersionSpan[], random: Random, now: number): VersionSpan {
  const since = Date.parse(spans.at(-1)?.currentFrom ?? instant(now));
  const mintedAt = since + Math.floor(random.next() * (now - since - HOUR));
  return {
    ordinal: (spans.at(-1)?.ordinal ?? 0) + 1,
    mintedAt: instant(mintedAt),
    currentFrom: null,
    currentUntil: null,
    soakUntil: null,
    retiredAt: instant(mintedAt + 4 * 60_000),
    end: 'undone',
    proof: null,
  };
}

interface Lived {
  readonly turns: readonly Turn[];
  readonly spans: readonly VersionSpan[];
  readonly now: number;
}

function statusOf(
  stack: string,
  at: number,
  cadence: string,
  days: number | null,
  { turns, spans, now }: Lived,
): StatusRow {
  const team = TEAMS[at % TEAMS.length] ?? '';
  const turn = Math.floor(at / (TEAMS.length * KEYS.length));
  const name = `${team}-${KEYS[Math.floor(at / TEAMS.length) % KEYS.length]}${turn === 0 ? '' : `-${turn + 1}`}`;
  const current = spans.find(
    ({ currentFrom, currentUntil }) => currentFrom !== null && currentUntil === null,
  );
  const prior = spans.find(({ soakUntil, retiredAt }) => soakUntil !== null && retiredAt === null);
  const missing = turns.find(({ at }) => at === null)?.due ?? null;
  const last = current?.currentFrom ?? instant(now);
  const next = missing ?? (days === null ? null : instant(Date.parse(last) + days * DAY));
  const consumers = [`${stack}_${team}`, ...(at % 4 === 0 ? [`${stack}_worker`, `${stack}_reports`] : [])];
  const isUnknown = at % 40 === 7;
  return {
    address: secretAddress(`${stack}-prod`, name),
    path: `${stack}/${name}`,
    name,
    current: current?.ordinal ?? null,
    prior: prior?.ordinal ?? null,
    rotatedAt: current?.currentFrom ?? null,
    cadence,
    windows: at % 3 === 0 ? ['daily 02:00-05:00 Europe/Berlin'] : [],
    nextDue: next,
    due: days === null ? 'never' : missing === null ? 'no' : 'overdue',
    opens: null,
    waitsFor: null,
    overdueAt: next === null ? null : instant(Date.parse(next) + DAY),
    frozen: null,
    soakUntil: prior?.soakUntil ?? null,
    wayBackGone: null,
    consumers: consumers.map((service, place) => ({
      address: consumerAddress('prod', service),
      reads: isUnknown ? null : (current?.ordinal ?? null),
      inStep: !isUnknown && !(at % 32 === 12 && place === 2),
      settleAfter: prior?.soakUntil ?? null,
      parked: null,
    })),
    held: at % 60 === 5 ? 'since 2026-09-02T03:04:12Z: 2 tasks failed on the expected secrets' : null,
    letsGo: at % 60 === 5 ? 'when the reason is mended: `keyturn apply --rotate`' : null,
    awaiting: false,
    retiring: [],
    pinned: at % 70 === 9 ? [`swarm://staging/${stack}_${team} pins v1`] : [],
    vault: isUnknown ? 'unknown' : 'ok',
    note: isUnknown ? `vault ${stack}-prod does not answer` : null,
  };
}
