import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { Finding } from '../model/finding.ts';
import { placeOf } from '../model/finding.ts';
import type { ObservedSecret } from '../model/observed.ts';

/** What a vault lists, or why it did not. */
export type Listed = readonly ObservedSecret[] | FaultRecord;

/**
 * Declared secrets that their vaults do not have, or whose newest version is disabled, so that nobody can read it. Of a
 * vault that did not answer nothing is said but that.
 */
export function presenceFindings(declared: Declared, vaults: ReadonlyMap<string, Listed>): Finding[] {
  return [...vaults].flatMap(([vault, listed]) => {
    const own = declared.secrets.filter((secret) => secret.vault === vault);
    if (!isList(listed)) return [unknownVault(declared, vault, own.length, listed)];
    // A vault's names do not differ by case alone.
    const items = new Map(listed.map((item) => [item.name.toLowerCase(), item]));
    return own.flatMap((secret) => {
      const item = items.get(secret.name.toLowerCase());
      if (item === undefined && isLeftToUsers(secret, declared)) return [];
      return item?.enabled === true ? [] : [absent(declared.stack, secret, item !== undefined)];
    });
  });
}

/** Its users make it where and when they like, and nobody reads it from here: that there is none is no fault. */
export function isLeftToUsers({ address, cadence }: DeclaredSecret, { consumers }: Declared): boolean {
  const isRead = consumers.some(({ mounts }) => mounts.some(({ secret }) => secret === address));
  return cadence.kind === 'userManaged' && !isRead;
}

function absent(stack: string, secret: DeclaredSecret, isDisabled: boolean): Finding {
  const { address, name: subject, vault, source } = secret;
  const value = source.kind === 'manual' ? ` --value ${address}=-` : '';
  const said = isDisabled
    ? {
        text: 'its newest version is disabled: nobody can read it',
        next: 'enable that version in the vault if it was a mistake; if others have it, run keyturn compromise',
      }
    : {
        text: `the vault "${vault}" has no secret of this name`,
        next: `keyturn apply --target ${address}${value}`,
      };
  return {
    rule: 'absent-secret',
    level: 'error',
    stack,
    address,
    subject,
    ...said,
    place: placeOf(secret.position),
  };
}

function isList(listed: Listed): listed is readonly ObservedSecret[] {
  return Array.isArray(listed);
}

function unknownVault({ stack }: Declared, subject: string, count: number, fault: FaultRecord): Finding {
  const text = `${fault.what}: whether ${count === 1 ? 'its secret exists' : `its ${count} secrets exist`} is not known`;
  const next = fault.next ?? 'run it again when the vault answers';
  return { rule: 'unknown', level: 'error', stack, address: null, subject, text, next, place: null };
}
