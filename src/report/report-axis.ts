import type { Instant } from '../model/address.ts';
import type { Report, Timeline } from '../model/report.ts';

/** A stretch of time and how wide it is drawn: pictures stretch, so these are no pixels. */
export interface Axis {
  readonly start: number;
  readonly end: number;
}

/** The width of a picture in its own units: finer than a screen, short to write. */
export const WIDTH = 1999;

export interface Tick {
  readonly at: number;
  readonly label: string;
  /** Left out where there is little room. */
  readonly isMinor: boolean;
}

const DAY = 86_400_000;

/** From the first mint to when the report is made, or to where a running soak ends: a period may be longer than both. */
export function axisOf({ madeAt }: Report, timelines: readonly Timeline[]): Axis {
  let [first, last] = [madeAt, madeAt];
  for (const { spans } of timelines) {
    for (const { mintedAt, soakUntil } of spans) {
      if (mintedAt < first) first = mintedAt;
      if (soakUntil !== null && soakUntil > last) last = soakUntil;
    }
  }
  const [start, end] = [Date.parse(first), Date.parse(last)];
  const margin = Math.max(DAY / 24, (end - start) / 100);
  return { start: start - margin, end: end + margin };
}

/** Where an instant is on the axis, 0 to `WIDTH`. */
export function along({ start, end }: Axis, instant: Instant): number {
  const part = (Date.parse(instant) - start) / (end - start);
  return Math.round(Math.min(1, Math.max(0, part)) * WIDTH);
}

/** Begins of days, months or years, whichever are about as many as can be read. */
export function ticksOf(axis: Axis): Tick[] {
  const days = (axis.end - axis.start) / DAY;
  const ticks =
    days > 900
      ? monthTicks(axis, 12 * Math.ceil(days / 365 / 14), 4)
      : days > 75
        ? monthTicks(axis, Math.ceil(days / 30 / 12), 7)
        : dayTicks(axis, Math.ceil(days / 10));
  return ticks.map((tick, place) => ({ ...tick, isMinor: ticks.length > 5 && place % 2 === 1 }));
}

type Mark = Omit<Tick, 'isMinor'>;

function monthTicks({ start, end }: Axis, step: number, letters: number): Mark[] {
  const year = new Date(start).getUTCFullYear();
  const ticks: Mark[] = [];
  for (let month = 0; ; month += step) {
    const at = Date.UTC(year, month, 1);
    if (at >= end) return ticks;
    if (at > start) ticks.push({ at, label: new Date(at).toISOString().slice(0, letters) });
  }
}

function dayTicks({ start, end }: Axis, step: number): Mark[] {
  const ticks: Mark[] = [];
  for (let at = Math.ceil(start / DAY) * DAY; at < end; at += step * DAY) {
    ticks.push({ at, label: new Date(at).toISOString().slice(5, 10) });
  }
  return ticks;
}
