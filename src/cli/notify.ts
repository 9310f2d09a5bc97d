import type { SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Delivery } from '../model/journal.ts';
import type { Notice, Notify, Occurrence } from '../model/notice.ts';
import type { Plan } from '../model/plan.ts';
import type { ObjectStore } from '../model/store.ts';
import { makeStatus } from '../plan/status.ts';
import type { Receiver } from '../providers/notify.ts';
import { tellOnce } from '../record/notice-claims.ts';
import { noticesOf } from '../report/notices.ts';
import { standingNotices } from '../report/standing-notices.ts';
import type { SandboxParts } from './options.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';
import { now, remark } from './terminal.ts';

/** What all notices of one occasion may take, ms. */
const WITHIN_MS = 15_000;

export interface NotifyArgs {
  readonly notify: boolean;
  readonly noNotify: boolean;
  readonly sandbox?: SandboxParts | undefined;
}

/** Whoever is to be told by this run: a drill must not wake anybody, so nobody is by a sandbox unless it is asked for. */
async function receiversOf({ notifications = [] }: Declared, argv: NotifyArgs): Promise<Receiver[]> {
  const isMeant = argv.sandbox === undefined || argv.notify;
  if (notifications.length === 0 || argv.noNotify || !isMeant) return [];
  const { connectReceivers } = await import('../providers/notify.ts');
  return connectReceivers(notifications, process.env);
}

/**
 * What an apply of this stack tells; the receivers side by side, each its notices in order. That it did not come to
 * its end is told once a day, however often it is tried again.
 */
export async function notifyOf(
  { declared, record }: Pick<Session, 'declared' | 'record'>,
  argv: NotifyArgs,
): Promise<Notify | undefined> {
  const receivers = await receiversOf(declared, argv);
  if (receivers.length === 0) return undefined;
  const manual = new Set<SecretAddress>(
    declared.secrets.filter(({ source }) => source.kind === 'manual').map(({ address }) => address),
  );
  return (occurrence) =>
    tellAll(receivers, noticesOf(occurrence, manual), async (receiver, notice, hasFailed, signal) => {
      if (wasTold(notice, receiver, occurrence)) return null;
      const tell = (): Promise<string | null> =>
        hasFailed ? Promise.resolve(UNTRIED) : receiver.tell(notice, signal);
      if (notice.stands) return once(record.store, receiver, notice, tell);
      return { ...deliveryOf(receiver, notice), failure: await tell() };
    });
}

/** By the run that was cut off right behind it. */
function wasTold({ event }: Notice, { name }: Receiver, occurrence: Occurrence): boolean {
  const told = occurrence.type === 'ended' ? occurrence.told : [];
  return told.some((each) => each.to === name && each.event === event && each.failure === null);
}

function deliveryOf({ name }: Receiver, { event, about }: Notice): Omit<Delivery, 'failure'> {
  return { to: name, event, about, at: now() };
}

/** Where nothing can be claimed nobody is told: every run would tell it anew. */
async function once(
  store: ObjectStore,
  receiver: Receiver,
  notice: Notice,
  tell: () => Promise<string | null>,
): Promise<Delivery | null> {
  try {
    return await tellOnce(store, receiver.name, notice, now, tell);
  } catch {
    return { ...deliveryOf(receiver, notice), failure: 'the claim on it could not be written' };
  }
}

const UNTRIED = 'not tried: what came before it could not be told';

/**
 * Tells, once over all machines that run this schedule, what an apply without a person found to stand: overdue,
 * awaiting a value, moved by somebody else. Says whom it told, and throws nothing.
 */
export async function tellStanding(
  session: Session,
  plan: Plan,
  argv: NotifyArgs,
  terminal: Terminal,
): Promise<void> {
  const { declared, observed, recorded, record } = session;
  const receivers = await receiversOf(declared, argv);
  if (receivers.length === 0) return;
  const at = now();
  const rows = makeStatus({ declared, observed, recorded, now: at });
  const notices = standingNotices({ plan, rows, observed, now: at });
  const deliveries = await tellAll(receivers, notices, async (receiver, notice, hasFailed, signal) =>
    // What is not claimed is told by the next run.
    hasFailed || signal.aborted
      ? null
      : once(record.store, receiver, notice, () => receiver.tell(notice, signal)),
  );
  for (const delivery of deliveries) show(delivery, declared.stack, terminal);
}

type TellOne = (
  receiver: Receiver,
  notice: Notice,
  /** The notice before this one could not be told. */
  hasFailed: boolean,
  signal: AbortSignal,
) => Promise<Delivery | null>;

async function tellAll(
  receivers: readonly Receiver[],
  notices: readonly Notice[],
  one: TellOne,
): Promise<Delivery[]> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const each = await Promise.all(
    receivers.map(async (receiver) => {
      const deliveries: Delivery[] = [];
      for (const notice of notices.filter(({ event }) => receiver.events.includes(event))) {
        const hasFailed = (deliveries.at(-1)?.failure ?? null) !== null;
        const delivery = await one(receiver, notice, hasFailed, signal);
        if (delivery !== null) deliveries.push(delivery);
      }
      return deliveries;
    }),
  );
  return each.flat();
}

function show(delivery: Delivery, stack: string, terminal: Terminal): void {
  if (terminal.json) return terminal.printJson({ type: 'notified', stack, delivery }, 'stream');
  const { to, event, about, failure } = delivery;
  const what = `${event} of ${about ?? stack}`;
  remark(terminal, failure === null ? `told ${to}: ${what}` : `could not tell ${to}: ${what}: ${failure}`);
}
