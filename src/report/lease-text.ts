import type { Instant } from '../model/address.ts';
import { momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { fields, hang } from './table.ts';

/** Who holds a lease, as its claim says. */
export interface Held {
  readonly holder: string;
  readonly purpose: string;
  readonly host: string;
  readonly pid: number;
  readonly run: string | null;
  readonly since: Instant;
  readonly renewed: Instant;
  readonly expires: Instant;
}

/**
 * Who holds the lease of a stack, for whom, where and until when. `isAlive`: whether that process is known to live;
 * null where it cannot be told from here. No newline at the end.
 */
export function renderHeld(
  stack: string,
  held: Held,
  isAlive: boolean | null,
  page: Page & { readonly now: Instant },
): string {
  const { renewed, expires } = held;
  const isOver = Date.parse(expires) <= Date.parse(page.now);
  return [
    ...hang('', `The lease of ${stack} is held`, page, { text: 'bold' }),
    ...fields(
      [
        ['holder', held.holder],
        ['purpose', held.purpose],
        ['since', momentText(held.since)],
        ['renewed', `${secondText(renewed)}, ${secondsAgo(renewed, page.now)}`],
        ['expires', isOver ? `${secondText(expires)}: it has run out` : secondText(expires)],
        ['where', `pid ${held.pid} on ${held.host}`],
        ['run', held.run],
        ['process', aliveText(isAlive)],
      ],
      page,
    ),
  ].join('\n');
}

function aliveText(isAlive: boolean | null): string {
  if (isAlive === null) return 'on another host: whether it still runs cannot be told from here';
  return isAlive ? 'still runs on this host' : 'is dead: the next apply takes over by itself';
}

/** A lease is a matter of seconds. */
function secondText(instant: Instant): string {
  return `${instant.slice(0, 19).replace('T', ' ')}Z`;
}

function secondsAgo(instant: Instant, now: Instant): string {
  const seconds = Math.round((Date.parse(now) - Date.parse(instant)) / 1000);
  return seconds < 0 ? "by its host's clock, which is ahead of ours" : `${seconds} s ago`;
}
