import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Adopted } from '../model/journal.ts';
import type { RecordedVersion } from '../model/recorded.ts';
import { isPlatformOnly } from '../model/recorded.ts';
import { countText, versionText } from './cause-text.ts';
import type { Page } from './paint.ts';
import type { Unknown } from './rebuild-text.ts';
import { columns, hang } from './table.ts';

/** What an import puts on record, as far as people read it. */
export interface ImportOrder {
  readonly stack: string;
  readonly adopted: Pick<Adopted, 'secrets' | 'consumers'>;
  readonly assumed: readonly Unknown[];
  readonly known: readonly SecretAddress[];
}

/** What is taken over, and what is assumed of it. No newline at the end. */
export function renderImport({ stack, adopted, assumed }: ImportOrder, page: Page): string {
  const secrets = Object.entries(adopted.secrets);
  const consumers = Object.entries(adopted.consumers) as [
    ConsumerAddress,
    Adopted['consumers'][ConsumerAddress],
  ][];
  const head = `${stack}: ${countText(secrets.length, 'secret')} to take over, read by ${countText(consumers.length, 'consumer')}`;
  const rows = [
    ...secrets.map(([address, { versions }]) => [address, versions.toReversed().map(versionNow).join(', ')]),
    ...consumers.map(([address, { mounts }]) => [
      address,
      `reads ${Object.values(mounts)
        .map(({ secret, ordinal }) => `${nameOf(secret)} ${versionText(ordinal)}`)
        .join(', ')}`,
    ]),
  ];
  return [
    ...hang('', head, page, { text: 'bold' }),
    ...columns(rows, page, { indent: 2 }),
    ...(assumed.length === 0
      ? []
      : ['', page.paint('bold', 'Assumed: values are not read, so nobody can compare them')]),
    ...assumed.flatMap(({ text }) => hang('  - ', text, page)),
    '',
    'Nothing outside is changed: it is only put on record, as it is.',
  ].join('\n');
}

/** `v7 current as api_key_v7, in the vault`. */
function versionNow(version: RecordedVersion): string {
  const { ordinal, role, copies, storeIds } = version;
  const names = [...new Set(copies.map(({ name }) => name))].join(' and ');
  const kept = role === 'prior' ? 'kept for whom it is pinned' : 'current';
  const where = isPlatformOnly(version) ? 'in no vault' : storeIds.length > 0 ? 'in the vault' : '';
  return [`${versionText(ordinal)} ${kept}${names === '' ? '' : ` as ${names}`}`, where]
    .filter((text) => text !== '')
    .join(', ');
}

/** Where there is nothing to take over. */
export function renderNoImport({ stack, known }: Pick<ImportOrder, 'stack' | 'known'>): string {
  const what =
    known.length === 0
      ? 'every declared secret that exists is on record'
      : `${known.map(nameOf).join(', ')} ${known.length === 1 ? 'is' : 'are'} on record already`;
  return `${stack}: nothing to do, ${what}.`;
}
