import type { DeclaredSecret } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import { itemFingerprint } from '../model/observed.ts';
import { lostRecord } from './found-reads.ts';
import type { View } from './view.ts';

/** What a vault holds of a secret that was there before keyturn. */
export interface FoundValue {
  /** Its newest version that is enabled. */
  readonly version: ObservedVersion;
  /** The newest version of all is disabled. */
  readonly isBehindDisabled: boolean;
  /** Enabled versions beside that one. */
  readonly others: number;
}

/** What the vault lists of a secret; null: nothing. Its versions must have been listed. */
export function itemOf(secret: DeclaredSecret, view: View): ObservedSecret | null {
  const item = view.vaultItem(secret);
  return 'seen' in item ? item.seen : null;
}

/** Why a secret is not there to be taken over: keyturn made it. Null: nobody did. */
export function ownerProblem(secret: DeclaredSecret, view: View): Problem | null {
  const { stack } = view.declared;
  const item = itemOf(secret, view);
  const tagged = [...(item === null ? [] : [item]), ...(item?.versions ?? [])].find(
    (each) => each.stack !== null,
  );
  if (tagged === undefined || tagged.stack === null) return null;
  const where = `${secret.address}, tag keyturn-stack`;
  return tagged.stack === stack
    ? {
        what: `${secret.name} was made by this stack at v${tagged.ordinal ?? '?'}, and the record does not know it`,
        where,
        next: lostRecord(stack),
      }
    : {
        what: `${secret.name} belongs to stack '${tagged.stack}'`,
        where,
        next: 'declare it in one stack only',
      };
}

/** The value that a vault would give out now; else why that cannot be told. */
export function foundValue(secret: DeclaredSecret, item: ObservedSecret): FoundValue | Problem {
  const listed = item.versions ?? [];
  const enabled = listed.filter((version) => version.enabled);
  const newest = item.enabled
    ? enabled.filter((version) => itemFingerprint(version) === item.fingerprint)
    : enabled.filter(({ created }) => enabled.every((other) => other.created <= created));
  const [version] = newest;
  const where = secret.address;
  const ways = 'or take over what is on the platform alone: --platform-only';
  if (version === undefined) {
    const what = `no version of ${secret.name} is enabled in ${secret.vault}`;
    return { what, where, next: `enable the one that is in use, ${ways}` };
  }
  if (newest.length > 1) {
    const what = `which version of ${secret.name} is the newest in ${secret.vault} cannot be told: ${newest.length} are of one second`;
    return { what, where, next: `write the right value again or disable the others, ${ways}` };
  }
  return { version, isBehindDisabled: !item.enabled, others: enabled.length - 1 };
}
