import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Recorded, RecordedConsumer, RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import { causeText, countText, versionText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { columns, fields, hang } from './table.ts';

/** Everything on record, one row each: secrets first, then consumers. No newline at the end. */
export function renderStateList(recorded: Recorded, page: Page): string {
  const secrets = Object.keys(recorded.secrets).sort() as SecretAddress[];
  const consumers = Object.keys(recorded.consumers).sort() as ConsumerAddress[];
  const where = `${recorded.stack}: serial ${recorded.serial}, lineage ${recorded.lineage}`;
  if (secrets.length + consumers.length === 0) {
    return [...hang('', where, page, { text: 'dim' }), 'Nothing is recorded yet.'].join('\n');
  }
  const rows = [
    ...secrets.map((address) => [address, secretNow(recorded, address)]),
    ...consumers.map((address) => [address, consumerNow(recorded, address)]),
  ];
  return [...hang('', where, page, { text: 'dim' }), ...columns(rows, page)].join('\n');
}

/** `v4, v3 usable until 2026-11-25 03:00Z`: what the record says of a secret, on one line. */
export function secretNow(recorded: Recorded, address: SecretAddress): string {
  const secret = recorded.secrets[address];
  if (secret === undefined) return 'not on record';
  const prior = priorVersion(secret);
  const until = prior?.soakUntil ?? null;
  return [
    secret.current === null ? 'no version' : versionText(secret.current),
    ...(prior === null
      ? []
      : [`v${prior.ordinal} usable${until === null ? '' : ` until ${momentText(until)}`}`]),
    ...secret.versions.flatMap(({ ordinal, role }) => (role === 'retiring' ? [`v${ordinal} retiring`] : [])),
    ...(secret.held === null ? [] : ['held']),
  ].join(', ');
}

/** `reads db-writer v4, db-reader v4; settle after 2026-11-25 03:00Z`: what the record says of a consumer, on one line. */
export function consumerNow(recorded: Recorded, address: ConsumerAddress): string {
  const consumer = recorded.consumers[address];
  if (consumer === undefined) return 'not on record';
  const reads = readsOf(consumer);
  const { settleAfter } = consumer;
  const unsettled =
    (settleAfter === null ? '' : `; settle after ${momentText(settleAfter)}`) +
    (consumer.parked === undefined ? '' : `; parked in ${consumer.parked.incident}`);
  return (reads === '' ? 'reads nothing of ours' : `reads ${reads}`) + unsettled;
}

function readsOf(consumer: RecordedConsumer): string {
  const reads = Object.values(consumer.mounts).map(({ secret, ordinal }) => `${nameOf(secret)} v${ordinal}`);
  return [...new Set(reads)].join(', ');
}

/** One secret or consumer on record in full. An address that is not on record is a `bad-usage` fault. */
export function renderStateShow(recorded: Recorded, address: Address, page: Page): string {
  const secret = recorded.secrets[address as SecretAddress];
  if (secret !== undefined) return secretLines(address, secret, page).join('\n');
  const consumer = recorded.consumers[address as ConsumerAddress];
  if (consumer !== undefined) return consumerLines(address, consumer, page).join('\n');
  throw new Fault({
    code: 'bad-usage',
    what: `"${address}" is not on record`,
    where: `state of ${recorded.stack}, serial ${recorded.serial}`,
    next: 'run `keyturn state list` for the addresses that are',
  });
}

function secretLines(address: Address, secret: RecordedSecret, page: Page): string[] {
  const current = recordedVersion(secret, secret.current);
  const held = secret.held;
  const newestFirst = [...secret.versions].sort((a, b) => b.ordinal - a.ordinal);
  return [
    ...hang('', address, page, { text: 'bold' }),
    ...fields(
      [
        ['current', versionText(secret.current)],
        ['promoted', current?.promotedAt == null ? null : momentText(current.promotedAt)],
        ['generation', String(secret.generation)],
        ['highest', versionText(secret.highest === 0 ? null : secret.highest)],
        ['held', held === null ? null : `since ${momentText(held.since)}: ${held.reason}`, 'yellow'],
        ['asked', held === null ? null : causeText(held.cause)],
      ],
      page,
    ),
    ...newestFirst.flatMap((version) => versionLines(version, page)),
  ];
}

function versionLines(version: RecordedVersion, page: Page): string[] {
  const retired = version.retiredAt;
  const copies = version.copies.map((copy) => `${copy.name} on ${copy.platform} (${copy.id})`);
  return [
    '',
    ...hang('  ', `v${version.ordinal} ${version.role}`, page, { text: 'bold' }),
    ...fields(
      [
        ['minted', `${momentText(version.mintedAt)}, ${causeText(version.cause)}`],
        ['operation', version.operation],
        ['in vault', version.storeIds.length === 0 ? 'nowhere' : version.storeIds.join(', ')],
        ['copies', copies.length === 0 ? 'none' : copies.join('\n')],
        ['promoted', version.promotedAt === null ? null : momentText(version.promotedAt)],
        ['soaks until', version.soakUntil === null ? null : momentText(version.soakUntil)],
        ['approved by', version.approvedBy === null ? null : `plan ${version.approvedBy}`],
        [
          'retired',
          retired === null ? null : `${momentText(retired)}, ${version.retiredWhy ?? 'no reason recorded'}`,
        ],
        [
          'revoked',
          version.revokedAt === undefined ? null : `${momentText(version.revokedAt)}, at its source`,
        ],
        ['disabled', version.disabledAt === undefined ? null : momentText(version.disabledAt)],
        ['not proved', version.unproved, 'red'],
        ['effects', version.effects?.join(', ')],
      ],
      page,
      4,
    ),
  ];
}

function consumerLines(address: Address, consumer: RecordedConsumer, page: Page): string[] {
  const mounts = Object.entries(consumer.mounts).map(
    ([target, { secret, ordinal }]) => [target, `${secret} v${ordinal}`] as const,
  );
  const { originals, settleAfter } = consumer;
  const after = settleAfter === null ? '' : `, settled after ${momentText(settleAfter)}`;
  return [
    ...hang('', address, page, { text: 'bold' }),
    ...fields(
      [
        ['flipped', consumer.flippedAt === null ? 'never by keyturn' : momentText(consumer.flippedAt)],
        [
          'its own',
          originals === null
            ? null
            : `FailureActions ${originals.update} (update), ${originals.rollback} (rollback); now pause${after}`,
        ],
        ['reads', mounts.length === 0 ? 'nothing of ours' : countText(mounts.length, 'secret')],
        [
          'parked',
          consumer.parked === undefined
            ? null
            : `since ${momentText(consumer.parked.since)} (${consumer.parked.incident}): ${consumer.parked.reason}`,
          'red',
        ],
      ],
      page,
    ),
    ...fields(mounts, page, 4),
  ];
}
