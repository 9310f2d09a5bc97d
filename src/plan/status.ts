import { describeCadence, nextDue } from '../calendar/calendar.ts';
import { openingsOf } from '../calendar/declared-openings.ts';
import { describeWindow, freezeAt, overdueAt } from '../calendar/openings.ts';
import type { Instant } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredSecret } from '../model/declared.ts';
import type { ObservedSecret } from '../model/observed.ts';
import type { RecordedSecret } from '../model/recorded.ts';
import { isPlatformOnly, priorVersion, recordedVersion } from '../model/recorded.ts';
import type { StatusConsumer, StatusRow } from '../model/status.ts';
import { byAttention } from '../model/status.ts';
import { broughtVersion } from './brought.ts';
import { holdOf } from './hold.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';
import { wayBackGone } from './way-back.ts';
import { barsOf, laterOf, opensAfter, whyNotBefore } from './when.ts';

/** One row a declared secret, what needs attention first. Pure, like the plan: no clock, no I/O. */
export function makeStatus(input: Omit<PlanInput, 'options'>): StatusRow[] {
  const view = new View(input);
  const rows = input.declared.secrets.map((secret) => statusRow(secret, view));
  return rows.sort(byAttention);
}

function statusRow(secret: DeclaredSecret, view: View): StatusRow {
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  const prior = priorVersion(record);
  const rotatedAt = current === null ? null : (current.promotedAt ?? current.mintedAt);
  const next = nextDue(secret.cadence, rotatedAt ?? view.now);
  const openings = openingsOf(secret, view.declared);
  const late = next === null || current === null ? null : overdueAt(openings, next, secret.grace);
  const due = dueness(secret, { next, late, isFirst: current === null, now: view.now });
  const isDue = due === 'due' || due === 'overdue';
  const frost = freezeAt(openings.freezes, view.now);
  const wait = isDue && current !== null ? waiting(secret, view) : NO_WAIT;
  return {
    address: secret.address,
    path: secret.path,
    name: secret.name,
    current: current?.ordinal ?? null,
    prior: prior?.ordinal ?? null,
    rotatedAt,
    cadence: describeCadence(secret.cadence),
    windows: secret.windows.map(describeWindow),
    nextDue: next,
    due,
    ...wait,
    overdueAt: late,
    frozen:
      frost === null ? null : { until: frost.ends, reason: frost.freeze.reason, path: frost.freeze.path },
    soakUntil: prior?.soakUntil ?? null,
    wayBackGone: wayBackGone(secret, view),
    consumers: view.consumersOf(secret.address).map((consumer) => consumerRow(consumer, secret, view)),
    ...held(secret, view),
    awaiting: secret.source.kind === 'manual' && isDue && broughtVersion(secret, view) === null,
    retiring: retiring(secret, view),
    pinned: pins(secret, view),
    ...vaultState(secret, view),
  };
}

const NO_WAIT = { opens: null, waitsFor: null };

/** When the calendar may rotate what is due. First versions are no work of the calendar: a person may at any time. */
function waiting(secret: DeclaredSecret, view: View): Pick<StatusRow, 'opens' | 'waitsFor'> {
  const openings = openingsOf(secret, view.declared);
  const bars = barsOf(secret, view);
  const opens = opensAfter(openings, laterOf(view.now, ...bars.map(({ until }) => until)));
  if (opens <= view.now) return NO_WAIT;
  return { opens, waitsFor: whyNotBefore(opens, openings, view.now, bars) };
}

interface Dates {
  readonly next: Instant | null;
  readonly late: Instant | null;
  readonly isFirst: boolean;
  readonly now: Instant;
}

function dueness(secret: DeclaredSecret, { next, late, isFirst, now }: Dates): StatusRow['due'] {
  // What its owner keeps elsewhere is minted only when somebody asks for it.
  if (isFirst) return secret.cadence.kind === 'userManaged' ? 'never' : 'due';
  if (next === null) return 'never';
  if (next > now) return 'no';
  return late !== null && now > late ? 'overdue' : 'due';
}

function held(secret: DeclaredSecret, view: View): Pick<StatusRow, 'held' | 'letsGo'> {
  const hold = holdOf(secret, view);
  if (hold === null) return { held: null, letsGo: null };
  return {
    held: `since ${hold.since}: ${hold.reason}`,
    letsGo: hold.isOver
      ? 'its declaration was changed since: the next apply lets it go'
      : `when the reason is mended: \`${hold.command}\``,
  };
}

function consumerRow(consumer: DeclaredConsumer, secret: DeclaredSecret, view: View): StatusConsumer {
  const sight = view.service(consumer);
  const isLeftOut = consumer.optional && 'seen' in sight && sight.seen === null;
  const references = ('seen' in sight ? sight.seen : null)?.references ?? [];
  const current = view.recordOf(secret.address)?.current ?? null;
  const readings = consumer.mounts
    .filter((mount) => mount.secret === secret.address)
    .map((mount) => {
      const reference = references.find(({ target }) => target === mount.target);
      const reads = reference === undefined ? null : view.ordinalNamed(mount, consumer.platform, reference);
      return { reads, inStep: reads !== null && reads === (mount.version ?? current) };
    });
  return {
    address: consumer.address,
    reads: readings[0]?.reads ?? null,
    inStep: isLeftOut || readings.every(({ inStep }) => inStep),
    settleAfter: view.recordOfConsumer(consumer.address)?.settleAfter ?? null,
    parked: view.recordOfConsumer(consumer.address)?.parked ?? null,
  };
}

/** What is tried again by each apply, or, once its value cannot be read any more, by nobody. */
function retiring(secret: DeclaredSecret, view: View): StatusRow['retiring'] {
  const versions = view.recordOf(secret.address)?.versions ?? [];
  return versions
    .filter(({ role }) => role === 'retiring')
    .map(({ ordinal, unproved, disabledAt }) => {
      const why = unproved ?? 'its retirement has begun';
      const rest =
        disabledAt === undefined
          ? 'the next apply tries again'
          : `it is disabled since ${disabledAt}, so it can be tried no more: make sure at its source that it is revoked`;
      return { ordinal, text: `${why}; ${rest}` };
    });
}

function pins(secret: DeclaredSecret, view: View): string[] {
  return view
    .consumersOf(secret.address)
    .flatMap((consumer) =>
      consumer.mounts
        .filter((mount) => mount.secret === secret.address && mount.version !== null)
        .map((mount) => `${consumer.address} pins v${mount.version}`),
    );
}

/** Its newest version is the one that was there when it was taken over: it carries no tags. */
function isTakenOver({ fingerprint, versions }: RecordedSecret, seen: ObservedSecret): boolean {
  if (seen.stack !== null || versions.every(({ cause }) => cause.kind !== 'adopted')) return false;
  return seen.fingerprint === fingerprint;
}

function vaultState(secret: DeclaredSecret, view: View): Pick<StatusRow, 'vault' | 'note'> {
  const sight = view.vaultItem(secret);
  if ('unknown' in sight) return { vault: 'unknown', note: sight.unknown.what };
  const record = view.recordOf(secret.address);
  const seen = sight.seen;
  if (seen === null) {
    const current = recordedVersion(record, record?.current ?? null);
    return record?.current == null || (current !== null && isPlatformOnly(current))
      ? { vault: 'ok', note: null }
      : {
          vault: 'absent',
          note: `v${record.current} is recorded, but the vault does not list ${nameOf(secret.address)}`,
        };
  }
  if (broughtVersion(secret, view) !== null) {
    return { vault: 'ok', note: 'a person put a new version into the vault: `keyturn apply` takes it up' };
  }
  if (record === undefined || (seen.stack !== view.declared.stack && !isTakenOver(record, seen))) {
    return {
      vault: 'not-ours',
      note: seen.stack === null ? 'not made by keyturn' : `tagged for stack '${seen.stack}'`,
    };
  }
  return seen.enabled
    ? { vault: 'ok', note: null }
    : { vault: 'disabled', note: 'its newest version is disabled' };
}
