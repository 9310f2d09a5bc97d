import type { Instant } from '../model/address.ts';

/** `2026-10-05 03:00Z`: minutes are enough for a rotation. What is no instant is given back as it is. */
export function momentText(instant: Instant): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? instant : `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

/** `2026-10-05`, in UTC. */
export function dayText(instant: Instant): string {
  return momentText(instant).slice(0, 10);
}

/** `48 d ago`, `in 71 h`, `now`: how far `instant` is from `now`. */
export function distanceText(instant: Instant, now: Instant): string {
  const ms = Date.parse(instant) - Date.parse(now);
  const span = spanText(Math.abs(ms));
  if (span === null) return 'now';
  return ms < 0 ? `${span} ago` : `in ${span}`;
}

/** `48 d`: how long ago `instant` was, one unit, rounded down. */
export function ageText(instant: Instant, now: Instant): string {
  return spanText(Date.parse(now) - Date.parse(instant)) ?? '0 min';
}

function spanText(ms: number): string | null {
  const minutes = Math.floor(ms / 60_000);
  if (!(minutes > 0)) return null;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/** `0.4s`, `31s`, `2m05s`: how long an act took. */
export function elapsedText(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
