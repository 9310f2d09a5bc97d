import type { Instant } from '../model/address.ts';
import { momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { fields, hang, printable } from './table.ts';

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

/** The question that goes with `renderHeld`. */
export function heldQuestion(holder: string | null): string {
  return `Take the lease from ${holder === null ? 'its holder' : printable(holder)}?`;
}

/**
 * Who holds the lease of a stack, for whom, where and until when, and what unlocking it means. `isAlive`: whether that process is known to live;
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
    '',
    ...hang(
      '',
      `Unlocking it means: the ${held.purpose} of ${held.holder} stops before its next act and writes nothing more. ` +
        'What it did stands in its journal, and the next keyturn apply ends that first. Nothing is lost, but where ' +
        'that run still works, waiting for it is better.',
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
