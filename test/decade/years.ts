import { nextDue } from '../../src/calendar/calendar.ts';
import { nextOpening } from '../../src/calendar/openings.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import { nameOf } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import type { ApplyOrder } from '../torture/case.ts';
import { Random } from '../torture/random.ts';
import { DAY, Era, HOUR, START } from './era.ts';

const YEARS = 10;
const END = START + YEARS * 365.25 * DAY;
/** The schedule runs every five minutes. */
const TICK = 5 * 60_000;
const SCHEDULED: ApplyOrder = { due: true, lenient: true, rotate: [], bad: {}, hasValues: false };

/** What became of a stack in ten years. */
export interface Decade {
  readonly declared: Declared;
  readonly era: Era;
  readonly counts: { runs: number; idle: number; troubled: number; brought: number; orders: number };
}

/**
 * Ten years of a stack: its schedule at each date and at random moments between, every hour for one quarter, with
 * outages; and people, who some days after they are asked bring a value, or let go of what is held.
 */
export async function live(declared: Declared, seed: string, years = YEARS): Promise<Decade> {
  const end = START + years * 365.25 * DAY;
  // The clients load their parts at first use: that would take real time in a simulated world.
  await Promise.all([import('@azure/keyvault-secrets'), import('dockerode')]);
  const random = new Random(seed);
  const era = await Era.open(hasty(declared), random.fork('wire'));
  const decade: Decade = {
    declared,
    era,
    counts: { runs: 0, idle: 0, troubled: 0, brought: 0, orders: 0 },
  };
  const life = new Life(decade, random.fork('life'));
  await life.begin();
  while (era.time < end) await life.goOn();
  return decade;
}

/** The same without the seconds for which consumers are watched: they have nothing to do with dates. */
function hasty(declared: Declared): Declared {
  return {
    ...declared,
    consumers: declared.consumers.map((each) => ({ ...each, settleTime: 'PT0.1S', probe: { kind: 'none' } })),
    platforms: declared.platforms.map((each) =>
      each.restarts === null ? each : { ...each, restarts: { ...each.restarts, pause: 'PT1S' } },
    ),
  };
}

/** Something that a person will do. */
interface Errand {
  readonly at: number;
  readonly secret: SecretAddress;
  /** Writes a new value into the vault, or orders the rotation, with a value where one is needed. */
  readonly what: 'vault' | 'order';
}

class Life {
  readonly #decade: Decade;
  readonly #random: Random;
  readonly #errands = new Map<SecretAddress, Errand>();
  /** When the hourly runs begin and end. */
  readonly #hourly: readonly [number, number];
  #recorded: Recorded | null = null;
  #again = true;
  #outageUntil = 0;

  constructor(decade: Decade, random: Random) {
    this.#decade = decade;
    this.#random = random;
    const from = START + (1 + random.next() * 7) * 365 * DAY;
    this.#hourly = [from, from + 91 * DAY];
  }

  /** A person makes the first versions, whatever it takes. */
  async begin(): Promise<void> {
    const { era } = this.#decade;
    await era.apply({ ...SCHEDULED, due: false, hasValues: true });
    era.moveTo(era.time + 5 * DAY);
  }

  async goOn(): Promise<void> {
    const { era } = this.#decade;
    const next = Math.min(this.#nextDate(), this.#nextErrand(), this.#nextMoment());
    era.moveTo(Math.ceil(next / TICK) * TICK);
    await this.#people();
    await this.#schedule();
  }

  #nextErrand(): number {
    return Math.min(END, ...[...this.#errands.values()].map(({ at }) => at));
  }

  /** The next hour in the hourly quarter, otherwise some time of the next weeks. */
  #nextMoment(): number {
    const { time } = this.#decade.era;
    const [from, until] = this.#hourly;
    if (time >= from && time < until) return time + HOUR;
    return time + this.#random.next() * 20 * DAY;
  }

  /** The next instant at which something is to be done by date. */
  #nextDate(): number {
    const { declared, era } = this.#decade;
    const ahead = (at: number): boolean => at > era.time;
    if (!ahead(this.#calendarDate)) this.#calendarDate = Math.min(END, ...datesAfter(declared, era.time));
    return Math.min(
      ...(this.#again ? [era.time + TICK] : []),
      this.#calendarDate,
      ...recordedDates(this.#recorded).filter(ahead),
    );
  }

  /** What the declaration names next; the same until it is over. */
  #calendarDate = 0;

  async #people(): Promise<void> {
    const { era, counts } = this.#decade;
    const now = [...this.#errands.values()].filter(({ at }) => at <= era.time);
    for (const { secret } of now) this.#errands.delete(secret);
    for (const { secret } of now.filter(({ what }) => what === 'vault')) {
      counts.brought += 1;
      await era.bring(nameOf(secret));
    }
    const ordered = now.filter(({ what }) => what === 'order');
    if (ordered.length === 0) return;
    counts.orders += 1;
    await era.apply({ ...SCHEDULED, rotate: ordered.map(({ secret }) => nameOf(secret)), hasValues: true });
    this.#recorded = await era.record.read();
  }

  async #schedule(): Promise<void> {
    const { era, counts } = this.#decade;
    counts.runs += 1;
    era.trouble = this.#trouble();
    if (era.trouble > 0) counts.troubled += 1;
    const idle = await era.idle();
    const ended = idle === null ? await era.apply(SCHEDULED) : null;
    era.trouble = 0;
    if (idle !== null) {
      counts.idle += 1;
      this.#again = false;
      this.#ask(idle);
      return;
    }
    // What a flip lets go of at its end is there with the next run.
    this.#again = ended === null || ended.executed !== null || ended.resumed !== null;
    if (this.#again) this.#recorded = await era.record.read();
    if (ended !== null) this.#ask(ended.plan);
  }

  /** The chance that a request fails in the run that begins: mostly none; sometimes nothing answers for hours. */
  #trouble(): number {
    const { time } = this.#decade.era;
    if (time < this.#outageUntil) return 1;
    if (this.#random.chance(0.01)) {
      this.#outageUntil = time + this.#random.next() * 12 * HOUR;
      return 1;
    }
    return this.#random.weighted([
      [92, 0],
      [5, 0.03],
      [3, 0.4],
    ]);
  }

  /** Whoever is needed comes some time later, mostly for all that needs somebody at once. */
  #ask(plan: Plan): void {
    const { era } = this.#decade;
    const visit = era.time + (0.1 + this.#random.next() * 4) * DAY;
    for (const { address, why, text } of plan.blocked) {
      const secret = address as SecretAddress;
      const isWanted = why === 'held' || (why === 'awaiting-value' && text.startsWith('is due'));
      if (!isWanted || this.#errands.has(secret)) continue;
      const at = this.#random.chance(0.95) ? visit : era.time + this.#random.next() * 4 * DAY;
      const what = why === 'awaiting-value' && this.#random.chance(0.5) ? 'vault' : 'order';
      this.#errands.set(secret, { at, secret, what });
    }
  }
}

function recordedDates(recorded: Recorded | null): number[] {
  const soaks = Object.values(recorded?.secrets ?? {}).flatMap(({ versions }) =>
    versions.flatMap(({ soakUntil }) => (soakUntil === null ? [] : [soakUntil])),
  );
  const settles = Object.values(recorded?.consumers ?? {}).flatMap(({ settleAfter }) => settleAfter ?? []);
  return [...soaks, ...settles].map((instant) => Date.parse(instant));
}

/** Due dates, the windows behind them, and ends of freezes, of each secret after a time. */
function datesAfter(declared: Declared, time: number): number[] {
  const after = new Date(time).toISOString();
  return declared.secrets.flatMap(({ cadence, windows, address }) => {
    const due = nextDue(cadence, after);
    if (due === null) return [];
    const freezes = declared.freezes.filter(
      ({ secrets }) => secrets.length === 0 || secrets.includes(address),
    );
    const open = nextOpening({ windows, freezes }, after)?.opens ?? due;
    const later = nextOpening({ windows, freezes }, due)?.opens ?? due;
    return [due, later, open].map((instant) => Date.parse(instant)).filter((at) => at > time);
  });
}
