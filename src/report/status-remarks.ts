import type { Instant } from '../model/address.ts';
import { nameOf, spoken } from '../model/address.ts';
import type { StatusConsumer, StatusRow } from '../model/status.ts';
import { versionText } from './cause-text.ts';
import { parkedNext } from './emergency-text.ts';
import { distanceText, momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import { hang } from './table.ts';

type Remark = readonly [label: string, text: string, style: Style];
type RemarkPage = Page & { readonly now: Instant };

/** What stands under a row that needs attention: everything that a person may have to act upon or wait for. */
export function attentionRemarks(row: StatusRow, page: RemarkPage): string[] {
  const vault = row.vault === 'ok' ? [] : [remark('vault', VAULTS[row.vault], 'red')];
  const note = row.note === null ? [] : [remark('note', row.note, 'cyan')];
  return lines(
    [
      ...vault,
      ...note,
      ...parked(row, page.now),
      ...(row.current === null ? [] : row.consumers.filter(({ inStep }) => !inStep).map(outOfStep)),
      ...retiring(row),
      ...held(row),
      ...awaiting(row),
      ...waiting(row, page.now),
      ...soak(row, page.now),
      ...settle(row, page.now),
      ...pinned(row),
    ],
    page,
  );
}

/** What stands under any other row: only what stays so until somebody changes it. */
export function quietRemarks(row: StatusRow, page: RemarkPage): string[] {
  const note = row.note === null ? [] : [remark('note', row.note, 'cyan')];
  return lines([...note, ...pinned(row)], page);
}

function lines(remarks: readonly Remark[], page: Page): string[] {
  return remarks.flatMap(([label, text, style]) => hang(`  ${label}: `, text, page, { lead: style }));
}

const remark = (label: string, text: string, style: Style): Remark => [label, text, style];
const dated = (at: Instant, now: Instant): string => `${momentText(at)} (${distanceText(at, now)})`;

const VAULTS: Readonly<Record<Exclude<StatusRow['vault'], 'ok'>, string>> = {
  'unknown': 'could not be observed: what is said here is the record',
  'absent': 'holds no such secret',
  'disabled': 'its newest version is disabled',
  'not-ours': 'its newest version was not made by keyturn',
};

function outOfStep(consumer: StatusConsumer): Remark {
  const reads = consumer.reads === null ? 'nothing that is known' : versionText(consumer.reads);
  return remark('out of step', `${spoken(consumer.address)} reads ${reads} (${consumer.address})`, 'red');
}

/** What an emergency left behind: its reason, and what lets it go on. */
function parked({ consumers }: StatusRow, now: Instant): Remark[] {
  return consumers.flatMap(({ address, parked }) => {
    if (parked === null) return [];
    const { since, incident, reason } = parked;
    const text = `${nameOf(address)} since ${dated(since, now)}, ${incident}: ${reason}`;
    return [remark('parked', text, 'red'), remark('go on', parkedNext(address), 'red')];
  });
}

function retiring({ retiring: versions }: StatusRow): Remark[] {
  return versions.map(({ ordinal, text }) => remark('retiring', `${versionText(ordinal)}: ${text}`, 'red'));
}

function held({ held: why, letsGo }: StatusRow): Remark[] {
  if (why === null) return [];
  return [remark('held', why, 'red'), ...(letsGo === null ? [] : [remark('let go', letsGo, 'red')])];
}

function awaiting({ awaiting: isAwaiting, address, letsGo }: StatusRow): Remark[] {
  // A hold that a value ends has named that command already.
  if (!isAwaiting || letsGo?.includes(`--value ${address}=-`) === true) return [];
  return [remark('awaiting', `a person's value: \`keyturn apply --value ${address}=-\``, 'yellow')];
}

/** Until when the calendar leaves alone what is due, and why. */
function waiting(row: StatusRow, now: Instant): Remark[] {
  if (row.due !== 'due' && row.due !== 'overdue') return [];
  const { frozen, opens, waitsFor } = row;
  const why = frozen?.reason == null ? '' : `: ${frozen.reason}`;
  const frost = frozen === null ? [] : [remark('frozen', `until ${dated(frozen.until, now)}${why}`, 'cyan')];
  // What a freeze or the soak says already need not be said again.
  if (opens === null || waitsFor === null || opens === frozen?.until || waitsFor === 'soak') return frost;
  return [...frost, remark('waits', `until ${dated(opens, now)}: ${waitsFor}`, 'cyan')];
}

function soak({ prior, soakUntil, wayBackGone }: StatusRow, now: Instant): Remark[] {
  if (soakUntil === null) return [];
  if (wayBackGone !== null) return [remark('way back', wayBackGone, 'red')];
  const way = versionText(prior);
  const text =
    soakUntil > now
      ? `${way} is the way back until ${dated(soakUntil, now)}`
      : `that of ${way} has ended; an apply retires it`;
  return [remark('soak', text, 'cyan')];
}

function settle({ consumers }: StatusRow, now: Instant): Remark[] {
  return consumers.flatMap(({ address, settleAfter }) =>
    settleAfter === null
      ? []
      : [remark('settle', `${nameOf(address)} after ${dated(settleAfter, now)}`, 'cyan')],
  );
}

function pinned({ pinned: pins }: StatusRow): Remark[] {
  return pins.map((pin) => remark('pinned', pin, 'cyan'));
}
