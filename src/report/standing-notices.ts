import type { Address, Instant, SecretAddress } from '../model/address.ts';
import { homeOf, isSecretAddress, nameOf } from '../model/address.ts';
import type { Notice } from '../model/notice.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { StatusRow } from '../model/status.ts';
import { momentText } from './moment.ts';

/** How things stand, as an apply found them. */
export interface Found {
  /** What this apply does about it. */
  readonly plan: Plan;
  readonly rows: readonly StatusRow[];
  readonly observed: Observed;
  readonly now: Instant;
}

/**
 * What stands as it is until somebody does something: what is overdue, what awaits a person's value, what somebody
 * else moved. A secret that this plan mints is neither overdue nor awaited any more. The key of a notice is the same
 * wherever and whenever it is found, and another once it is about another date or another drift.
 */
export function standingNotices(found: Found): Notice[] {
  const minted = new Set<SecretAddress>(
    found.plan.steps.flatMap((step) => (step.kind === 'mint' ? [step.secret] : [])),
  );
  const left = found.rows.filter(({ address }) => !minted.has(address));
  return [
    ...left.filter(({ due }) => due === 'overdue').map((row) => overdue(row, found)),
    ...left.filter(({ awaiting }) => awaiting).map((row) => awaited(row, found)),
    ...drifted(found),
  ];
}

function overdue(row: StatusRow, found: Found): Notice {
  const { address, nextDue, overdueAt, opens, held } = row;
  const lines = [
    `${address} was due ${momentText(nextDue ?? '')} and is overdue since ${momentText(overdueAt ?? '')}`,
    ...(held === null ? [] : ['it is held until a person acts']),
    ...(opens === null ? [] : [`its calendar lets it rotate from ${momentText(opens)} on`]),
    `what keeps it: keyturn status ${found.plan.stack}`,
  ];
  return noticeOf('overdue', address, nextDue ?? 'never', `${row.name} is overdue`, lines, found);
}

function awaited(row: StatusRow, found: Found): Notice {
  const { address, current, nextDue } = row;
  const isFirst = current === null;
  const lines = [
    isFirst ? `${address} has no version yet` : `${address} is due since ${momentText(nextDue ?? '')}`,
    `give it: keyturn apply --value ${address}=-`,
  ];
  const title = `${row.name} awaits a person's value`;
  return noticeOf('awaiting', address, isFirst ? 'first' : (nextDue ?? 'never'), title, lines, found);
}

function drifted(found: Found): Notice[] {
  return found.plan.notes.flatMap(({ kind, address, text }) => {
    if (kind !== 'drift' || address === null) return [];
    const lines = [`${address}: ${text}`, `what is live: keyturn status ${found.plan.stack}`];
    const title = `${nameOf(address)} was changed by someone else`;
    return [noticeOf('drift', address, fingerprintIn(found.observed, address), title, lines, found)];
  });
}

function noticeOf(
  event: 'overdue' | 'awaiting' | 'drift',
  about: Address,
  mark: string,
  title: string,
  lines: readonly string[],
  { plan, now }: Found,
): Notice {
  const { stack } = plan;
  return {
    event,
    stack,
    about,
    at: now,
    title,
    lines,
    key: `${event} ${stack} ${about} ${mark}`,
    stands: true,
  };
}

function fingerprintIn({ vaults, platforms }: Observed, address: Address): string {
  const [home, name] = [homeOf(address), nameOf(address)];
  if (isSecretAddress(address)) {
    const vault = vaults[home];
    return (vault?.status === 'seen' ? vault.secrets[name]?.fingerprint : undefined) ?? 'absent';
  }
  const platform = platforms[home];
  return (platform?.status === 'seen' ? platform.services[name]?.fingerprint : undefined) ?? 'absent';
}
