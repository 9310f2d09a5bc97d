import type { DeclaredNotification, NoticeKind, Setting } from '../model/declared.ts';
import { guarded } from '../model/guard.ts';
import type { Notice, Tell } from '../model/notice.ts';
import { webAddressProblem } from '../model/setting.ts';
import { openIssue } from './notify-github.ts';
import { postSigned } from './notify-webhook.ts';
import { postText } from './notify-slack.ts';
import type { Pace } from './notify-wire.ts';

/** Somebody who is told. */
export interface Receiver {
  readonly name: string;
  readonly events: readonly NoticeKind[];
  readonly tell: Tell;
}

/**
 * Those who are declared to be told, each with what the environment holds for it. Asks nothing of anyone. What the
 * environment does not hold is a failure of each delivery, and so is an address that is neither https nor on loopback.
 *
 * What they are told goes through the guard. What lets us in at a receiver (its address, a token) is for that receiver
 * and does not.
 */
export function connectReceivers(
  notifications: readonly DeclaredNotification[],
  environment: Readonly<Record<string, string | undefined>>,
  pace?: Pace,
): Receiver[] {
  return notifications.map((to) => ({
    name: to.name,
    events: to.events,
    tell: async (notice, signal) => {
      try {
        return await tellOne(to, environment, pace)(guardedNotice(notice), signal);
      } catch (thrown) {
        // Only our own words: any other error may hold an address.
        return thrown instanceof Unset
          ? thrown.message
          : 'could not be told: something unexpected went wrong';
      }
    },
  }));
}

/** Before it is cut to a length, and put between the marks of a format. Its key stays: it tells two notices apart. */
function guardedNotice(notice: Notice): Notice {
  return { ...notice, title: guarded(notice.title), lines: notice.lines.map(guarded) };
}

function tellOne(
  to: DeclaredNotification,
  environment: Readonly<Record<string, string | undefined>>,
  pace: Pace | undefined,
): Tell {
  const held = ({ env }: { readonly env: string }): string => {
    const value = environment[env]?.trim() ?? '';
    if (value === '') throw new Unset(`the variable ${env} is not set`);
    return value;
  };
  const addressIn = (setting: Setting): string => {
    if ('text' in setting) return setting.text;
    const address = held(setting);
    const problem = webAddressProblem(address);
    if (problem !== null) throw new Unset(`what ${setting.env} holds ${problem.what}`);
    return address;
  };
  switch (to.kind) {
    case 'slack':
      return postText(addressIn(to.url), pace);
    case 'webhook': {
      const secret = to.signedWith === null ? null : held(to.signedWith);
      const problem = `what ${to.signedWith?.env ?? ''} holds is no signing secret`;
      return postSigned(
        to.name,
        addressIn(to.url),
        secret === null ? null : (keyIn(secret) ?? unset(problem)),
        pace,
      );
    }
    case 'github-issue':
      return openIssue({ ...to, token: held(to.token) }, pace);
  }
}

/** `whsec_` and base64, as Standard Webhooks writes it, or the bytes of any other text; null: neither. */
function keyIn(secret: string): Buffer | null {
  if (!secret.startsWith('whsec_')) return Buffer.from(secret, 'utf8');
  const text = secret.slice('whsec_'.length);
  return /^[A-Za-z0-9+/]{4,}={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

function unset(what: string): never {
  throw new Unset(what);
}

/** What the environment lacks, in words that hold nothing of it. */
class Unset extends Error {}
