import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import { itemFingerprint, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { isPlatformOnly, priorVersion, recordedVersion } from '../model/recorded.ts';
import { broughtVersion } from './brought.ts';
import type { Drift } from './mends.ts';
import { applyTo, enabling, recovering, rotation, tagging } from './mends.ts';
import { isLeftToUsers } from './present.ts';
import { beyondRecord, recordIsOlder, strayVersions } from './strays.ts';
import { twinVersions } from './twins.ts';
import { unreadable } from './uses.ts';
import type { View } from './view.ts';
import { lossesOf } from './way-back.ts';

/** All that somebody else did to a declared secret in its vault. A vault that is unknown says nothing here. */
export function vaultDrift(secret: DeclaredSecret, view: View): Drift[] {
  const newest = newestDrift(secret, view);
  return [
    ...(newest === null ? [] : [newest]),
    ...olderTags(secret, view),
    ...pinnedToDisabled(secret, view),
    ...wayBackDrift(secret, view),
  ];
}

/** What is wrong with the newest version, or that there is none; null: it is the one that was last recorded, as it was. */
export function newestDrift(secret: DeclaredSecret, view: View): Drift | null {
  const sight = view.vaultItem(secret);
  if ('unknown' in sight) return null;
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  if (sight.seen === null) return absent(secret, current, view);
  if (record === undefined || current === null) return notRecorded(secret, sight.seen, view);
  // The vault holds no version that could be the current one.
  if (isPlatformOnly(current) || sight.seen.fingerprint === record.fingerprint) return null;
  const beyond = beyondRecord(secret, view);
  if (beyond !== null) {
    const { what, next = '' } = recordIsOlder(secret, beyond.ordinal, view);
    return { ...said(secret), rule: 'moved', level: 'error', text: what, next };
  }
  const newest = newestVersion(sight.seen, current);
  const isCurrent =
    newest === null ? sight.seen.ordinal === current.ordinal : current.storeIds.includes(newest.storeId);
  return isCurrent
    ? ownChanged(secret, current, record, sight.seen, newest, view)
    : replaced(secret, record, sight.seen, view);
}

/** The same in the words of a plan, which says itself what is missing or in its way; null: nothing, or only that. */
export function newestNote(secret: DeclaredSecret, view: View): string | null {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  const found = newestDrift(secret, view);
  if (found === null || seen === null || record?.current == null) return null;
  return beyondRecord(secret, view) === null
    ? found.text
    : strangerText(secret.name, record.current, seen, view);
}

function said({ address, name }: DeclaredSecret): Pick<Drift, 'address' | 'subject'> {
  return { address, subject: name };
}

/** Of two that cannot be told apart the one that is ours. */
function newestVersion(seen: ObservedSecret, { storeIds }: RecordedVersion): ObservedVersion | null {
  const same = (seen.versions ?? []).filter((version) => itemFingerprint(version) === seen.fingerprint);
  return same.find(({ storeId }) => storeIds.includes(storeId)) ?? same[0] ?? null;
}

function absent(secret: DeclaredSecret, current: RecordedVersion | null, view: View): Drift | null {
  const { address, name, vault } = secret;
  if (current === null) {
    if (isLeftToUsers(secret, view.declared)) return null;
    const text = `${name} is declared, and ${vault} has no version of it`;
    const next =
      secret.source.kind === 'manual'
        ? `keyturn apply --value ${address}=-`
        : secret.cadence.kind === 'userManaged'
          ? rotation(secret, view).next
          : applyTo(address);
    return { ...said(secret), rule: 'missing', level: 'warning', text, next };
  }
  if (isPlatformOnly(current)) return null;
  const text = `${name} is recorded at v${current.ordinal}, and ${vault} does not list it: somebody deleted it`;
  return { ...said(secret), rule: 'deleted', level: 'error', text, next: recovering(secret) };
}

/** What is there and not ours waits for a person to adopt it: no drift. What says that it is ours was recorded once. */
function notRecorded(secret: DeclaredSecret, seen: ObservedSecret, view: View): Drift | null {
  const { stack } = view.declared;
  const isBegun = view.recordOf(secret.address)?.versions.some(({ role }) => role === 'pending') ?? false;
  if (seen.stack !== stack || isBegun || view.recordOf(secret.address) !== undefined) return null;
  const text = `${secret.name} was made by this stack at v${seen.ordinal ?? '?'}, and the record does not know it`;
  const next = `keyturn state rebuild ${stack}`;
  return { ...said(secret), rule: 'moved', level: 'error', text, next };
}

/** The current version is the newest, and somebody changed its tags, its dates, or whether it is enabled. */
function ownChanged(
  secret: DeclaredSecret,
  current: RecordedVersion,
  { fingerprint }: RecordedSecret,
  seen: ObservedSecret,
  newest: ObservedVersion | null,
  view: View,
): Drift | null {
  const { name } = secret;
  const lie = newest === null ? null : lyingTags(secret, newest, current, view);
  if (!seen.enabled) {
    const text = `the newest version of ${name}, v${current.ordinal}, was disabled by someone else`;
    const storeId = newest?.storeId ?? current.storeIds.at(-1) ?? '';
    return { ...said(secret), rule: 'disabled', level: 'error', text, next: enabling(secret, storeId) };
  }
  if (lie !== null) return lie;
  if (fingerprint === null) return null;
  const text = `tags or dates of ${name} v${current.ordinal} were changed by someone else`;
  const next = 'nothing: it says what it should, and the next rotation writes down how it looks';
  return { ...said(secret), rule: 'edited', level: 'note', text, next };
}

/** Another version than the current one is the newest. */
function replaced(
  secret: DeclaredSecret,
  record: RecordedSecret,
  seen: ObservedSecret,
  view: View,
): Drift | null {
  const { name, address } = secret;
  const current = record.current ?? 0;
  const moved = { ...said(secret), rule: 'moved' as const, level: 'warning' as const };
  if (broughtVersion(secret, view) !== null) {
    const text = `a person put a new version of ${name} into the vault: keyturn apply takes it up`;
    return { ...moved, text, next: applyTo(address) };
  }
  if (seen.enabled && seen.ordinal !== null && isOurWork(secret, record, seen, view)) {
    const text = strangerText(name, current, seen, view);
    return { ...moved, text, next: `keyturn apply ${view.declared.stack}` };
  }
  return { ...moved, text: strangerText(name, current, seen, view), ...rotation(secret, view) };
}

/** Left behind by an apply of ours, or arrived after it: the next one takes it back. */
function isOurWork(
  secret: DeclaredSecret,
  record: RecordedSecret,
  { ordinal }: ObservedSecret,
  view: View,
): boolean {
  const isPending = recordedVersion(record, ordinal)?.role === 'pending';
  const late = [...strayVersions(secret, view), ...twinVersions(secret, view)];
  return isPending || late.some((each) => each.ordinal === ordinal);
}

function strangerText(name: string, current: number, seen: ObservedSecret, view: View): string {
  if (seen.stack !== null && seen.stack !== view.declared.stack)
    return `the newest version of ${name} was written by stack '${seen.stack}' (v${current} is recorded)`;
  if (!seen.enabled) {
    const which = seen.ordinal === null ? 'which was not written by keyturn' : `v${seen.ordinal}`;
    return `the newest version of ${name}, ${which}, was disabled by someone else`;
  }
  if (seen.ordinal === null)
    return `the newest version of ${name} was not written by keyturn (v${current} is recorded)`;
  if (seen.ordinal === current)
    return `the newest version of ${name} says that it is v${current}, and is not the one that was recorded as it`;
  return `the newest version of ${name} is v${seen.ordinal}, v${current} is recorded`;
}

/** Tags of a version that is recorded, where they say what is not so; null: they are right. */
function lyingTags(
  secret: DeclaredSecret,
  { storeId, tags, ordinal, stack }: ObservedVersion,
  recorded: RecordedVersion,
  view: View,
): Drift | null {
  const own = view.declared.stack;
  const lies = [
    ...(ordinal === recorded.ordinal ? [] : [`${TAG_VERSION} is ${tags[TAG_VERSION] ?? 'gone'}`]),
    ...(stack === own ? [] : [`${TAG_STACK} is ${tags[TAG_STACK] ?? 'gone'}`]),
  ];
  // What was taken over carries no tags, until its value is put back as the newest.
  const isBare = recorded.cause.kind === 'adopted' && ordinal === null && stack === null;
  if (lies.length === 0 || isBare) return null;
  const right = { ...tags, [TAG_VERSION]: String(recorded.ordinal), [TAG_STACK]: own };
  const text = `tags of ${secret.name} v${recorded.ordinal} in the vault say what is not so: ${lies.join(', ')}`;
  const next = tagging(secret, storeId, right);
  return { ...said(secret), rule: 'mislabelled', level: 'warning', text, next };
}

/** The same of versions below the newest, as far as they were listed: of the way back. */
function olderTags(secret: DeclaredSecret, view: View): Drift[] {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const versions = 'seen' in item ? (item.seen?.versions ?? []) : [];
  return (record?.versions ?? [])
    .filter(({ role }) => role === 'prior')
    .flatMap((recorded) =>
      versions
        .filter(({ storeId, enabled }) => enabled && recorded.storeIds.includes(storeId))
        .flatMap((version) => lyingTags(secret, version, recorded, view) ?? []),
    );
}

/** A version that a consumer is pinned to, disabled by somebody: its copies work until one is lost. */
function pinnedToDisabled(secret: DeclaredSecret, view: View): Drift[] {
  const record = view.recordOf(secret.address);
  const pins = view
    .consumersOf(secret.address)
    .flatMap(({ mounts }) =>
      mounts.flatMap(({ secret: of, version }) => (of === secret.address && version !== null ? version : [])),
    );
  return [...new Set(pins)].flatMap((ordinal): Drift[] => {
    const version = recordedVersion(record, ordinal);
    const storeId = version?.storeIds.at(-1);
    const isOther = version?.role === 'prior' && ordinal !== priorVersion(record)?.ordinal;
    if (storeId === undefined || !isOther || unreadable(secret.address, ordinal, view) !== 'disabled')
      return [];
    const text = `${nameOf(secret.address)} v${ordinal}, which a consumer is pinned to, was disabled by someone else`;
    return [{ ...said(secret), rule: 'disabled', level: 'warning', text, next: enabling(secret, storeId) }];
  });
}

/** What somebody took from the prior version while it is the way back. */
function wayBackDrift(secret: DeclaredSecret, view: View): Drift[] {
  const prior = priorVersion(view.recordOf(secret.address));
  if (prior?.soakUntil == null || prior.soakUntil <= view.now) return [];
  return lossesOf(secret, prior, view)
    .filter(({ rule }) => rule !== 'deleted')
    .map(({ rule, subject, what, next, command, isFinal }) => ({
      rule,
      level: isFinal ? ('warning' as const) : ('note' as const),
      address: secret.address,
      subject: subject ?? secret.name,
      text: isFinal ? `the way back of ${secret.name} is gone: ${what}` : `${what}, and ${secret.name} soaks`,
      next: command ?? (isFinal ? next : `nothing: ${next}`),
    }));
}
