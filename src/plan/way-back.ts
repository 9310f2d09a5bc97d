import type { DeclaredSecret } from '../model/declared.ts';
import type { RecordedVersion } from '../model/recorded.ts';
import { isPlatformOnly, priorVersion } from '../model/recorded.ts';
import { enabling, recovering } from './mends.ts';
import type { View } from './view.ts';

/** Something that a version needs to be the way back, and that somebody else took away. */
export interface Loss {
  readonly what: string;
  /** What a person does about it. */
  readonly next: string;
  /** The same as one command line; null: it is not one. */
  readonly command: string | null;
  readonly rule: 'disabled' | 'deleted' | 'missing';
  /** The copy; null: the version in the vault. */
  readonly subject: string | null;
  /** A rollback cannot make up for it. */
  readonly isFinal: boolean;
}

/**
 * What is missing of a prior version: in the vault its value, on the platforms its copies. Empty where all of it is
 * there, or could not be observed: unknown is not absent.
 */
export function lossesOf(secret: DeclaredSecret, prior: RecordedVersion, view: View): Loss[] {
  const vault = vaultLoss(secret, prior, view);
  const copies = copyLosses(secret, prior, vault !== null || isPlatformOnly(prior), view);
  const isAllGone = copies.length === prior.copies.length && copies.length > 0;
  if (vault === null || !isAllGone) return [...(vault === null ? [] : [vault]), ...copies];
  return [
    {
      what: `v${prior.ordinal} is disabled in ${secret.vault} and its copies are removed, as a retirement leaves it, and a retired version never returns`,
      next: 'where keyturn retired it, this record is older than what was applied last: bring the one back that was written last',
      command: null,
      rule: 'disabled',
      subject: null,
      isFinal: true,
    },
  ];
}

/** Says that the way back of a secret that soaks is gone, and what to do; null: it has none, or all of it is there. */
export function wayBackGone(secret: DeclaredSecret, view: View): string | null {
  const prior = priorVersion(view.recordOf(secret.address));
  if (prior?.soakUntil == null || prior.soakUntil <= view.now) return null;
  const losses = lossesOf(secret, prior, view);
  if (losses.length === 0) return null;
  const whats = losses.map(({ what }) => what).join(', and ');
  const nexts = [...new Set(losses.map(({ next }) => next))].join('; ');
  return `the way back is gone: ${whats}; ${nexts}`;
}

function vaultLoss(secret: DeclaredSecret, prior: RecordedVersion, view: View): Loss | null {
  const { vault, name, address } = secret;
  if (isPlatformOnly(prior)) return null;
  const item = view.vaultItem({ vault, name });
  if ('unknown' in item) return null;
  if (item.seen === null) {
    return {
      what: `no enabled copy of v${prior.ordinal} is in the vault: ${vault} does not list ${name}`,
      next: `recover it: ${recovering(secret)}`,
      command: recovering(secret),
      rule: 'deleted',
      subject: null,
      isFinal: true,
    };
  }
  if (item.seen.versions === null) return null;
  const own = item.seen.versions.filter(({ storeId }) => prior.storeIds.includes(storeId));
  if (own.some(({ enabled }) => enabled)) return null;
  const last = own.at(-1)?.storeId;
  return last === undefined
    ? {
        what: `no enabled copy of v${prior.ordinal} is in the vault`,
        next: `move forward once its soak has ended: keyturn apply --rotate ${address}`,
        command: null,
        rule: 'deleted',
        subject: null,
        isFinal: true,
      }
    : {
        what: `no enabled copy of v${prior.ordinal} is in the vault: it was disabled there, and not by what this record knows`,
        next: `if by mistake, enable it: ${enabling(secret, last)}; if keyturn retired it, bring the record back that was written last: a retired version never returns`,
        command: enabling(secret, last),
        rule: 'disabled',
        subject: null,
        isFinal: true,
      };
}

function copyLosses(
  { address }: DeclaredSecret,
  { ordinal, copies }: RecordedVersion,
  isOnlyThere: boolean,
  view: View,
): Loss[] {
  return copies.flatMap(({ platform, name, id }): Loss[] => {
    if ('unknown' in view.platform(platform)) return [];
    const of = { rule: 'missing' as const, subject: name };
    const there = view.copy(platform, name);
    if (there?.id === id) return [];
    if (there !== undefined) {
      return [
        {
          ...of,
          what: `${name} on ${platform} is another secret of that name than was delivered`,
          next: `once nothing uses it, remove it (docker secret rm ${name}): then keyturn rollback ${address} delivers v${ordinal} again`,
          command: `docker secret rm ${name}`,
          isFinal: true,
        },
      ];
    }
    const what = `${name} was removed from ${platform}`;
    return isOnlyThere
      ? [
          {
            ...of,
            what,
            command: null,
            next: `nothing else holds v${ordinal}: move forward once its soak has ended`,
            isFinal: true,
          },
        ]
      : [
          {
            ...of,
            what,
            command: null,
            next: `keyturn rollback ${address} delivers it again from the vault, as long as that has it`,
            isFinal: false,
          },
        ];
  });
}
