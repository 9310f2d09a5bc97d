import type { IsoDuration } from './address.ts';

const FIXED = /^P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** A duration of weeks, days, hours, minutes and seconds in milliseconds; NaN where it is none. A day is 24 hours. */
export function millisecondsOf(duration: IsoDuration): number {
  const parts = FIXED.exec(duration);
  if (parts === null) return Number.NaN;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
}
