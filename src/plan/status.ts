import { describeCadence, nextDue } from '../calendar/calendar.ts';
import { nameOf, ordinalOfCopy } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredSecret } from '../model/declared.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import type { StatusConsumer, StatusRow } from '../model/status.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';

/** More than this after its date, a secret that is still due is overdue. */
const GRACE_MS = 24 * 60 * 60 * 1000;

/** One row a declared secret, sorted by address. Pure, like the plan: no clock, no I/O. */
export function makeStatus(input: Omit<PlanInput, 'options'>): StatusRow[] {
  const view = new View(input);
  const rows = input.declared.secrets.map((secret) => statusRow(secret, view));
  return rows.sort((a, b) => (a.address < b.address ? -1 : 1));
}

function statusRow(secret: DeclaredSecret, view: View): StatusRow {
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  const prior = priorVersion(record);
  const rotatedAt = current === null ? null : (current.promotedAt ?? current.mintedAt);
  const next = nextDue(secret.cadence, rotatedAt ?? view.now);
  const due = dueness(next, current === null, view.now);
  const consumers = view.consumersOf(secret.address).map((consumer) => consumerRow(consumer, secret, view));
  const waits = current === null || due === 'due' || due === 'overdue';
  return {
    address: secret.address,
    path: secret.path,
    name: secret.name,
    current: current?.ordinal ?? null,
    prior: prior?.ordinal ?? null,
    rotatedAt,
    cadence: describeCadence(secret.cadence),
    nextDue: next,
    due,
    soakUntil: prior?.soakUntil ?? null,
    consumers,
    held: record?.held == null ? null : `since ${record.held.since}: ${record.held.reason}`,
    awaiting: secret.source.kind === 'manual' && waits,
    pinned: pins(secret, view),
    ...vaultState(secret, view),
  };
}

function dueness(next: string | null, isFirst: boolean, now: string): StatusRow['due'] {
  if (isFirst) return 'due';
  if (next === null) return 'never';
  if (next > now) return 'no';
  return Date.parse(now) - Date.parse(next) > GRACE_MS ? 'overdue' : 'due';
}

function consumerRow(consumer: DeclaredConsumer, secret: DeclaredSecret, view: View): StatusConsumer {
  const sight = view.service(consumer);
  const references = ('seen' in sight ? sight.seen : null)?.references ?? [];
  const current = view.recordOf(secret.address)?.current ?? null;
  const readings = consumer.mounts
    .filter((mount) => mount.secret === secret.address)
    .map((mount) => {
      const reference = references.find(({ target }) => target === mount.target);
      const reads = reference === undefined ? null : ordinalOfCopy(mount.base, reference.copyName);
      return { reads, inStep: reads !== null && reads === (mount.version ?? current) };
    });
  return {
    address: consumer.address,
    reads: readings[0]?.reads ?? null,
    inStep: readings.every(({ inStep }) => inStep),
  };
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

function vaultState(secret: DeclaredSecret, view: View): Pick<StatusRow, 'vault' | 'note'> {
  const sight = view.vaultItem(secret);
  if ('unknown' in sight) return { vault: 'unknown', note: sight.unknown.what };
  const record = view.recordOf(secret.address);
  const seen = sight.seen;
  if (seen === null) {
    return record?.current == null
      ? { vault: 'ok', note: null }
      : {
          vault: 'absent',
          note: `v${record.current} is recorded, but the vault does not list ${nameOf(secret.address)}`,
        };
  }
  if (record === undefined || seen.stack !== view.declared.stack) {
    return {
      vault: 'not-ours',
      note: seen.stack === null ? 'not made by keyturn' : `tagged for stack '${seen.stack}'`,
    };
  }
  return seen.enabled
    ? { vault: 'ok', note: null }
    : { vault: 'disabled', note: 'its newest version is disabled' };
}
