import { Construct } from 'constructs';
import type { DeclaredNotification, NoticeKind, Setting } from '../model/declared.ts';
import { NOTICE_KINDS } from '../model/declared.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import { declaration } from './declaring.ts';
import { callerPosition } from './position.ts';
import type { FromEnvironment } from './outside.ts';
import { enrol } from './synth.ts';

/** Where notices go, and in what form. */
export type Receiver = DeclaredNotification extends infer Each
  ? Each extends DeclaredNotification
    ? Omit<Each, 'name' | 'path' | 'events'>
    : never
  : never;

export interface WebhookProps {
  /** https; what lets somebody in comes from the environment. */
  readonly url: string | FromEnvironment;
  /** The secret that signs each message, `whsec_…`; unsigned unless said. */
  readonly signedWith?: FromEnvironment;
}

export interface GithubIssueProps {
  /** `owner/name`. */
  readonly repository: string;
  /** May read and write the issues of that repository. */
  readonly token: FromEnvironment;
  /** `keyturn` unless said. */
  readonly labels?: readonly string[];
  /** `https://api.github.com` unless said. */
  readonly api?: string;
}

export const Receiver = {
  /** An incoming webhook of Slack, or of what takes the same: Mattermost, Rocket.Chat. */
  slack(url: string | FromEnvironment): Receiver {
    return { kind: 'slack', url: settingOf(url) };
  },

  /** JSON to an address of yours, signed as Standard Webhooks says. */
  webhook({ url, signedWith }: WebhookProps): Receiver {
    return { kind: 'webhook', url: settingOf(url), signedWith: signedWith ?? null };
  },

  /** An issue for each notice; none where one of the same is open. */
  githubIssue(props: GithubIssueProps): Receiver {
    const { repository, token, labels = ['keyturn'], api = 'https://api.github.com' } = props;
    return { kind: 'github-issue', repository, token, labels: [...labels], api };
  },
} as const;

export interface NotificationProps {
  readonly to: Receiver;
  /** What it is told; unless said everything, a GitHub issue only what needs a person. */
  readonly events?: readonly NoticeKind[];
}

/** What somebody has to do something about. */
const NEEDS_A_PERSON: readonly NoticeKind[] = ['held', 'parked', 'overdue', 'awaiting', 'drift'];

/**
 * Somebody who is told what happens to the secrets of a stack: names, versions and times, never a value. Its id is
 * the name that the history calls it by. That it could not be told fails nothing.
 */
export class Notification extends Construct implements Declaring {
  readonly #props: NotificationProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: NotificationProps) {
    super(scope, id);
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { to, events = to.kind === 'github-issue' ? NEEDS_A_PERSON : NOTICE_KINDS } = this.#props;
    const notification: DeclaredNotification = {
      ...to,
      name: this.node.id,
      path: this.node.path,
      events: inOrder(events),
    };
    return declaration(this, { kind: 'notification', notification }, this.#position);
  }
}

/** Each once, the known ones in the order of the words: another order in a stack is the same manifest. */
function inOrder(events: readonly NoticeKind[]): NoticeKind[] {
  const known = NOTICE_KINDS.filter((kind) => events.includes(kind));
  return [...known, ...new Set(events.filter((event) => !NOTICE_KINDS.includes(event)))];
}

function settingOf(url: string | FromEnvironment): Setting {
  return typeof url === 'string' ? { text: url } : url;
}
