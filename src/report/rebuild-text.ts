import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import type { Recorded, RecordedVersion } from '../model/recorded.ts';
import { countText, versionText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { consumerNow } from './state-text.ts';
import type { Cell } from './table.ts';
import { columns, hang } from './table.ts';

/** Something that a rebuilt record does not know, and what was assumed; null: of the record as a whole. */
export interface Unknown {
  readonly address: Address | null;
  readonly text: string;
}

/** A rebuilt record, and what could not be known of it: what is odd first, then what no tag tells. No newline at the end. */
export function renderRebuilt(recorded: Recorded, unknown: readonly Unknown[], page: Page): string {
  const secrets = Object.keys(recorded.secrets).sort() as SecretAddress[];
  const consumers = Object.keys(recorded.consumers).sort() as ConsumerAddress[];
  const found = `${countText(secrets.length, 'secret')} and ${countText(consumers.length, 'consumer')}`;
  const rows: Cell[][] = [
    ...secrets.map((address) => [address, versionsText(recorded, address)]),
    ...consumers.map((address) => [address, consumerNow(recorded, address)]),
  ];
  const odd = unknown.filter(({ address }) => address !== null);
  const lost = unknown.filter(({ address }) => address === null);
  return [
    ...hang('', `${recorded.stack}: ${found}, from tags, labels and specs`, page, { text: 'bold' }),
    ...columns(rows, page, { indent: 2 }),
    ...(odd.length === 0 ? [] : ['', page.paint('yellow', 'Look at these')]),
    ...odd.flatMap(({ text }) => hang('  - ', text, page)),
    '',
    page.paint('bold', 'Not known any more, with what counts instead'),
    ...lost.flatMap(({ text }) => hang('  - ', text, page)),
  ].join('\n');
}

function versionsText(recorded: Recorded, address: SecretAddress): string {
  const { current = null, versions = [] } = recorded.secrets[address] ?? {};
  const others = versions.filter(({ role }) => role !== 'current').toReversed();
  const first = current === null ? 'no current version' : `${versionText(current)} current`;
  return [first, ...others.map(versionNow)].join(', ');
}

function versionNow({ ordinal, role, soakUntil }: RecordedVersion): string {
  const until = soakUntil === null ? '' : ` until ${momentText(soakUntil)}`;
  return `${versionText(ordinal)} ${role}${until}`;
}
