import { alwaysBut } from '../calendar/declared-openings.ts';
import type { Openings } from '../calendar/openings.ts';
import type { Address, ConsumerAddress, Instant } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { AgendaEntry, AgendaKind } from '../model/agenda.ts';
import type { Soaked } from './retire.ts';
import { isLeaving } from '../model/recorded.ts';
import { copiesToPrune, pinned, stillUsed } from './retire.ts';
import { usesOf } from './uses.ts';
import type { View } from './view.ts';
import { laterOf, opensAfter, openingsOfConsumer, whyNotBefore } from './when.ts';

/** When consumers may be settled that were flipped earlier, those that left the stack since included. */
export function settling(view: View, until: Instant): AgendaEntry[] {
  return Object.entries(view.recorded.consumers).flatMap(([key, { settleAfter }]) => {
    if (settleAfter === null || settleAfter > until) return [];
    const address = key as ConsumerAddress;
    const openings = openingsOfConsumer(address, view);
    const text = `put ${nameOf(address)}'s own update settings back and let its previous spec go, no restart`;
    const what = { address, ordinal: null, copy: null, text, notes: [] };
    return [dated('settle', { at: settleAfter, ...what, openings }, view)];
  });
}

/**
 * When prior versions are disabled in the vault and which copies are removed then: once their soak has ended and
 * the consumers are settled whose previous spec names them.
 */
export function lettingGo(view: View, until: Instant): AgendaEntry[] {
  return view.declared.secrets.flatMap(({ address }) => {
    const record = view.recordOf(address);
    const versions = record?.versions.filter(isLeaving) ?? [];
    return versions.flatMap((version) => {
      if (record === undefined) return [];
      const soaked = { address, record, version };
      const at = laterOf(version.soakUntil ?? view.now, ...settlesBefore(soaked, view));
      return at > until ? [] : retirement(soaked, at, view);
    });
  });
}

function retirement(soaked: Soaked, at: Instant, view: View): AgendaEntry[] {
  const { address, version } = soaked;
  const pin = pinned(soaked, view);
  const use = at <= view.now && pin === null ? stillUsed(soaked, view, settledBy(view.now, view)) : null;
  const notes = [pin?.text, use?.text].filter((note) => note !== undefined);
  const text = `disable ${nameOf(address)} v${version.ordinal} in the vault`;
  const copies = pin === null ? copiesToPrune(soaked, view) : [];
  const base = { at, address, openings: alwaysBut([address], view.declared) };
  return [
    dated('retire', { ...base, ordinal: version.ordinal, copy: null, text, notes }, view),
    ...copies.map(({ copy: { name: copy, platform }, ordinal }) =>
      dated('prune', { ...base, ordinal, copy, text: `remove ${copy} from ${platform}`, notes: [] }, view),
    ),
  ];
}

/** When the consumers are settled that still may return to a version by their previous spec. */
function settlesBefore({ version }: Soaked, view: View): Instant[] {
  return usesOf(version.copies, view)
    .filter(({ by }) => by === 'previous spec')
    .flatMap(({ service }) => {
      const date = view.recordOfConsumer(service)?.settleAfter ?? null;
      if (date === null) return [];
      const opens = opensAfter(openingsOfConsumer(service, view), laterOf(date, view.now));
      return opens > view.now ? [opens] : [date];
    });
}

/** What will no longer count, once an apply has settled what it may at that time. */
function settledBy(at: Instant, view: View): Parameters<typeof stillUsed>[2] {
  const due = Object.entries(view.recorded.consumers).filter(
    ([, { settleAfter }]) => settleAfter !== null && settleAfter <= at,
  );
  return { settled: new Set(due.map(([address]) => address as Address)), flipped: new Map() };
}

function dated(
  kind: AgendaKind,
  given: Pick<AgendaEntry, 'at' | 'address' | 'ordinal' | 'copy' | 'text' | 'notes'> & {
    openings: Openings;
  },
  view: View,
): AgendaEntry {
  const { openings, ...entry } = given;
  const earliest = laterOf(entry.at, view.now);
  const opens = opensAfter(openings, earliest);
  return {
    ...entry,
    kind,
    stack: view.declared.stack,
    state: entry.at <= view.now ? 'due' : 'ahead',
    opens: opens > earliest ? opens : null,
    waitsFor: whyNotBefore(opens, openings, earliest),
    overdueAt: null,
    awaiting: false,
  };
}
