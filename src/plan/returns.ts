import type { SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Note } from '../model/plan.ts';
import type { RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import { Unions } from './graph.ts';
import { beyondRecord, recordIsOlder } from './strays.ts';
import { pinnedTo } from './uses.ts';
import type { View } from './view.ts';
import { lossesOf } from './way-back.ts';

/** One secret that goes back, and what it goes back to. */
export interface Return {
  readonly secret: DeclaredSecret;
  readonly current: RecordedVersion;
  readonly prior: RecordedVersion;
}

/**
 * Of everything that was promoted with `address` what is still current, with the prior it returns to; what else
 * belonged to that promotion is left as it is, and said in a note.
 *
 * Throws where `address` itself has no way back, where one that returns has lost it or is pinned, and where one
 * without a prior is declared `together` with one that returns: their values are of one piece.
 */
export function returnsOf(
  address: SecretAddress,
  view: View,
): { readonly returns: readonly Return[]; readonly left: readonly Note[] } {
  const record = view.recordOf(address);
  const current = recordedVersion(record, record?.current ?? null);
  if (record === undefined || current === null)
    throw noWayBack(address, `${nameOf(address)} has no version that was promoted`);
  const returns: Return[] = [];
  const left: Note[] = [];
  const priorless: { readonly secret: SecretAddress; readonly why: string }[] = [];
  for (const [member, own] of membersOf(current.promotion, view)) {
    if (member === address) continue;
    const stays = whyLeft(member, own, current.promotion, view);
    if (stays !== null) left.push({ kind: 'limit', address: member, text: stays });
    else {
      const found = returnOf(member, own, view);
      if ('why' in found) priorless.push({ secret: member, why: found.why });
      else returns.push(found);
    }
  }
  const asked = returnOf(address, record, view);
  if ('why' in asked) throw noWayBack(address, asked.why);
  returns.push(asked);
  for (const { secret, why } of priorless) {
    const companion = companionIn(returns, secret, view);
    if (companion !== undefined) {
      const together = `${why}, and it only goes back together with ${nameOf(companion)}`;
      throw noWayBack(secret, together);
    }
    left.push({ kind: 'limit', address: secret, text: `${why}: it stays as it is` });
  }
  returns.sort((a, b) => (a.secret.address < b.secret.address ? -1 : 1));
  for (const each of returns) assertWayBack(each, view);
  return { returns, left };
}

/** Why nothing was begun, and what else can be done. */
export function noWayBack(
  address: SecretAddress,
  what: string,
  next = `to move forward instead: keyturn apply --rotate ${address}`,
): Fault {
  return new Fault({ code: 'bad-usage', what, where: address, live: 'nothing was changed', next });
}

function membersOf(promotion: string | null, view: View): [SecretAddress, RecordedSecret][] {
  if (promotion === null) return [];
  const all = Object.entries(view.recorded.secrets) as [SecretAddress, RecordedSecret][];
  return all
    .filter(([, { versions }]) => versions.some((version) => version.promotion === promotion))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Why a member of the promotion is no longer what it made current; null: it is. */
function whyLeft(
  address: SecretAddress,
  { current, versions }: RecordedSecret,
  promotion: string | null,
  view: View,
): string | null {
  const name = nameOf(address);
  if (view.secret(address) === undefined) return `${name} is no longer declared: it stays as it is`;
  const promoted = versions.filter((version) => version.promotion === promotion);
  if (promoted.some(({ ordinal }) => ordinal === current)) return null;
  const last = promoted.at(-1);
  const since = last?.retiredWhy === 'undone' || last?.role === 'pending' ? 'rolled back' : 'rotated';
  return `${name} stays at v${current ?? '?'}: it was ${since} since v${last?.ordinal ?? '?'} was promoted`;
}

function returnOf(
  address: SecretAddress,
  record: RecordedSecret,
  view: View,
): Return | { readonly why: string } {
  const secret = view.secret(address);
  const current = recordedVersion(record, record.current);
  if (secret === undefined || current === null) return { why: `${nameOf(address)} is not declared` };
  const beyond = beyondRecord(secret, view);
  if (beyond !== null) throw new Fault(recordIsOlder(secret, beyond.ordinal, view));
  const prior = priorVersion(record);
  return prior === null ? { why: whyNone(secret, record, current) } : { secret, current, prior };
}

function whyNone({ name }: DeclaredSecret, { versions }: RecordedSecret, current: RecordedVersion): string {
  const before = versions.findLast(
    ({ role, ordinal, retiredWhy }) =>
      ordinal < current.ordinal && (role === 'retiring' || (role === 'retired' && retiredWhy !== 'undone')),
  );
  if (before === undefined) return `${name} v${current.ordinal} is its first version`;
  if (before.role === 'retiring') {
    const proof = before.unproved === undefined ? '' : ` (${before.unproved})`;
    return `${name} v${before.ordinal} is being retired${proof}, and a version whose retirement began never returns`;
  }
  const when = `was retired at ${before.retiredAt ?? '?'}`;
  const why = before.retiredWhy === 'compromised' ? `${when}, because it was compromised` : when;
  return `${name} v${before.ordinal} ${why}, and a retired version never returns`;
}

function companionIn(
  returns: readonly Return[],
  address: SecretAddress,
  view: View,
): SecretAddress | undefined {
  const unions = new Unions();
  for (const { address: one, together } of view.declared.secrets)
    for (const other of together) unions.join(one, other);
  const own = unions.sets().find((set) => set.includes(address)) ?? [];
  return returns.find(({ secret }) => own.includes(secret.address))?.secret.address;
}

/** What a rollback cannot make up for stops it before anything is begun. */
function assertWayBack({ secret, current, prior }: Return, view: View): void {
  const [pin] = pinnedTo(secret.address, current.ordinal, view);
  if (pin !== undefined) {
    const why = `${secret.name} v${current.ordinal} would be disabled, and ${pin} is pinned to it`;
    throw noWayBack(secret.address, why, 'take the pin out of the stack, then roll back');
  }
  const item = view.vaultItem(secret);
  if ('unknown' in item) throw new Fault(item.unknown);
  for (const { platform } of prior.copies) {
    const sight = view.platform(platform);
    if ('unknown' in sight) throw new Fault(sight.unknown);
  }
  const loss = lossesOf(secret, prior, view).find(({ isFinal }) => isFinal);
  if (loss !== undefined) throw noWayBack(secret.address, `the way back is gone: ${loss.what}`, loss.next);
}
