import { digestOf } from '../../src/model/canonical.ts';
import { nameOf } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import { LABEL_SECRET, TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { RecordedSecret } from '../../src/model/recorded.ts';
import { recordedVersion } from '../../src/model/recorded.ts';
import { ANCHOR } from '../../src/model/seal.ts';
import { STACK } from '../support/world.ts';
import type { AdminView } from './admin-view.ts';
import { isOurs } from './check-uses.ts';
import type { ByHand, Violation } from './violation.ts';

/** Nothing minted twice, no ghost, nothing orphaned, when everything has come to rest (I6). */
export function checkRest(declared: Declared, admin: AdminView, byHand: ByHand): Violation[] {
  const say = (text: string): Violation => ({ invariant: 'I6', text });
  const violations = admin
    .paths()
    .filter((path) => /\/lease-\d+\.json$/.test(path))
    .map((path) => say(`${path} is left`));
  // One without a line is of an apply that died before it began; one that has its entry only waits for its removal.
  const [begin] = admin.journal('written');
  const last = admin.history().at(-1);
  const entry = last === undefined ? null : (JSON.parse(last.text) as Entry);
  if (begin?.type === 'begin' && begin.apply !== entry?.apply) violations.push(say('a journal is left'));
  const recorded = admin.recorded();
  for (const { name, address } of declared.secrets) {
    const record = recorded?.secrets[address];
    if (record !== undefined) violations.push(...checkSecret(name, record, admin, byHand).map(say));
  }
  const known = new Set(
    Object.values(recorded?.secrets ?? {}).flatMap(({ versions }) =>
      versions.flatMap(({ copies }) => copies.map(({ name, id }) => `${name} ${id}`)),
    ),
  );
  const addresses = new Set<string>(declared.secrets.map(({ address }) => address));
  for (const { id, name, labels } of admin.copies()) {
    if (labels[TAG_STACK] !== STACK || !addresses.has(labels[LABEL_SECRET] ?? '')) continue;
    if (!known.has(`${name} ${id}`))
      violations.push(say(`the copy ${name} is on the platform, but not in the record`));
  }
  return violations;
}

function checkSecret(name: string, record: RecordedSecret, admin: AdminView, byHand: ByHand): string[] {
  const found: string[] = [];
  const versions = admin.versions(name);
  const ours = versions.filter((version) => isOurs(version, STACK) && !byHand.written.has(version.id));
  const enabled = ours.filter((version) => version.enabled);
  for (const [operation, same] of grouped(enabled, (version) => version.tags?.[TAG_OPERATION] ?? ''))
    // A write that arrived after it had been sent again leaves a twin with the same value, which retires with it.
    if (new Set(same.map(({ value }) => value)).size > 1)
      found.push(`${same.length} enabled versions of ${name} have the operation ${operation}`);
  for (const [ordinal, same] of grouped(enabled, (version) => version.tags?.[TAG_VERSION] ?? ''))
    if (ordinal !== '' && new Set(same.map(({ value }) => value)).size > 1)
      found.push(`${name} v${ordinal} is enabled with two values`);
  const current = recordedVersion(record, record.current);
  const values = new Set(
    versions.filter(({ id }) => current?.storeIds.includes(id)).map(({ value }) => value),
  );
  const newest = versions.at(-1);
  const isGhost = newest !== undefined && !byHand.written.has(newest.id) && !values.has(newest.value);
  // A current version that somebody disabled cannot be made the newest again.
  const isLost = newest?.enabled === false && [...values].every((value) => byHand.disabled.has(value));
  if (isGhost && current !== null && !isLost)
    found.push(
      `a ghost: the newest version of ${name} (v${newest.tags?.[TAG_VERSION] ?? '?'}) is not the current v${current.ordinal}`,
    );
  if (
    newest !== undefined &&
    current !== null &&
    !versions.some(({ value, enabled: on }) => on && values.has(value))
  )
    if (![...values].some((value) => byHand.disabled.has(value)))
      found.push(`the current v${current.ordinal} of ${name} is not enabled`);
  const roles = new Map(record.versions.flatMap(({ storeIds, role }) => storeIds.map((id) => [id, role])));
  for (const version of enabled) {
    const twin = versions.find(({ id, value }) => value === version.value && roles.has(id));
    const role = roles.get(version.id) ?? roles.get(twin?.id ?? '');
    const label = `${name} v${version.tags?.[TAG_VERSION] ?? '?'} (${version.id.slice(0, 6)})`;
    if (role === undefined && version.tags?.[TAG_VERSION] !== undefined)
      found.push(`${label} is enabled, and the record does not know it`);
    if (role === 'retired') found.push(`${label} is retired, and enabled`);
    if (role === 'pending') found.push(`${label} is still pending`);
  }
  return found;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Each apply that changed anything has one entry, the chain verifies, and what the vault seals is part of it (I10). */
export function checkHistory(applies: ReadonlySet<string>, admin: AdminView): Violation[] {
  const found: string[] = [];
  const entries = admin.history().map(({ number, text }) => ({ number, json: JSON.parse(text) as Entry }));
  let previous: string | null = null;
  for (const [index, { number, json }] of entries.entries()) {
    if (number !== index + 1 || json.entry !== number) found.push(`entry ${number} stands at ${index + 1}`);
    if (json.previous !== previous) found.push(`entry ${number} does not name the digest of the one before`);
    previous = digestOf(json);
  }
  const head = admin.recorded()?.head ?? null;
  if (head?.entry !== entries.at(-1)?.number || (head !== null && head.digest !== previous))
    found.push('the record does not name the last entry');
  const digests = new Map(entries.map(({ number, json }) => [number, digestOf(json)]));
  for (const { tags = {} } of admin.versions(ANCHOR)) {
    const [entry, digest] = [Number(tags['keyturn-sealed-entry']), tags['keyturn-sealed-digest']];
    if (digests.get(entry) !== digest)
      found.push(`the vault seals an entry ${entry} that the history does not hold`);
  }
  for (const apply of applies) {
    const own = entries.filter(({ json }) => json.apply === apply).length;
    if (own !== 1) found.push(`${apply} changed something and has ${own} entries`);
  }
  return found.map((text) => ({ invariant: 'I10', text }));
}

interface Entry {
  readonly entry: number;
  readonly previous: string | null;
  readonly apply: string;
}

/** No value is anywhere but in vault, platform and memory (I1). */
export function checkSecrecy(values: readonly string[], texts: readonly string[]): Violation[] {
  const all = texts.join('\n');
  const forms = (value: string): string[] => [
    value,
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('base64'),
  ];
  return values
    .filter((value) => forms(value).some((form) => all.includes(form)))
    .map((value) => ({
      invariant: 'I1',
      text: `the value ${nameOf(`vault://x/${value.slice(0, 12)}`)}… was written down`,
    }));
}
