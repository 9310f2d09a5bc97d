import { addDuration, nextDue } from '../calendar/calendar.ts';
import { openingsOf } from '../calendar/declared-openings.ts';
import { freezesBetween } from '../calendar/moments.ts';
import type { Openings } from '../calendar/openings.ts';
import { describeFreeze, overdueAt } from '../calendar/openings.ts';
import type { Instant, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { AgendaEntry } from '../model/agenda.ts';
import { byDate } from '../model/agenda.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import { recordedVersion } from '../model/recorded.ts';
import { lettingGo, settling } from './agenda-dated.ts';
import { broughtVersion } from './brought.ts';
import { Unions } from './graph.ts';
import { holdOf } from './hold.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';
import type { Bar } from './when.ts';
import { barsOf, laterOf, opensAfter, whyNotBefore } from './when.ts';

/** More dates of one secret than this are not listed; the last one says so. */
const MOST_DATES = 1000;

/**
 * Everything that happens by date until an instant, what is overdue first, then by date: rotations, the settle,
 * retire and prune dates of what was rotated, freezes. Pure, like the plan.
 *
 * Each rotation is taken to happen as soon as windows, freezes, its own soak and the other soaks that are recorded
 * let it, together with those that are declared `together` with it, and the next date is counted from there, as
 * after a real one. What else may keep it waiting (the soak of another that is still to rotate, a service that
 * can't move) only a plan knows.
 */
export function makeAgenda(input: Omit<PlanInput, 'options'>, until: Instant): AgendaEntry[] {
  const view = new View(input);
  return [
    ...companions(view).flatMap((set) => rotating(set, view, until)),
    ...settling(view, until),
    ...lettingGo(view, until),
    ...freezing(view, until),
  ].sort(byDate);
}

/** Secrets that rotate together; each of the others alone. */
function companions(view: View): DeclaredSecret[][] {
  const unions = new Unions();
  for (const { address, together } of view.declared.secrets) {
    unions.add(address);
    for (const other of together) unions.join(address, other);
  }
  return unions.sets().map((set) => set.flatMap((address) => view.secret(address as SecretAddress) ?? []));
}

/** A secret on its way through the dates: its last rotation, recorded or expected, and the soak after it. */
interface Turn {
  readonly secret: DeclaredSecret;
  readonly openings: Openings;
  readonly since: Instant;
  /** What the next rotation waits for besides its date. */
  readonly bars: readonly Bar[];
}

function rotating(set: readonly DeclaredSecret[], view: View, until: Instant): AgendaEntry[] {
  let turns = set.map((secret) => firstTurn(secret, view));
  const isHeld = set.some((secret) => heldNote(secret, view) !== null);
  const entries: AgendaEntry[] = [];
  for (let count = 1; ; count += 1) {
    const due = turns.map(({ secret, since }) => nextDue(secret.cadence, since));
    const [first] = due.filter((at) => at !== null).sort();
    if (first === undefined || first > until) return entries;
    const bars = turns.flatMap((turn) => turn.bars.map(({ until: end }) => end));
    const opens = openForAll(turns, laterOf(first, view.now, ...bars));
    const leader = turns[due.indexOf(first)]?.secret.address;
    const isLast = isHeld || count === MOST_DATES;
    for (const [index, turn] of turns.entries()) {
      const own = due[index] ?? null;
      const next = count === 1;
      const date = own !== null && own <= opens ? { at: own, next } : { at: first, with: leader, next };
      if (date.at > until) continue;
      const entry = rotation(turn, date, opens, view);
      const more = count === MOST_DATES ? ['it has more dates than are listed'] : [];
      entries.push({ ...entry, notes: [...entry.notes, ...more] });
    }
    if (isLast) return entries;
    turns = turns.map((turn) => ({
      ...turn,
      since: opens,
      bars: [{ why: 'soak', until: addDuration(opens, turn.secret.soak) }],
    }));
  }
}

function firstTurn(secret: DeclaredSecret, view: View): Turn {
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  const since = current === null ? view.now : (current.promotedAt ?? current.mintedAt);
  return { secret, openings: openingsOf(secret, view.declared), since, bars: barsOf(secret, view) };
}

/** The first time from `at` on at which all may rotate; where their windows never meet, when the last one may. */
function openForAll(turns: readonly Turn[], at: Instant): Instant {
  let opens = at;
  for (let tries = 0; tries < 60; tries += 1) {
    const next = laterOf(opens, ...turns.map(({ openings }) => opensAfter(openings, opens)));
    if (next === opens) break;
    opens = next;
  }
  return opens;
}

function rotation(
  { secret, openings, bars }: Turn,
  date: { readonly at: Instant; readonly with?: SecretAddress | undefined; readonly next: boolean },
  opens: Instant,
  view: View,
): AgendaEntry {
  const { address, grace } = secret;
  const { at } = date;
  const late = date.with === undefined ? overdueAt(openings, at, grace) : null;
  const earliest = laterOf(at, view.now);
  const brought = date.next && broughtVersion(secret, view) !== null;
  const awaiting = secret.source.kind === 'manual' && !brought;
  const held = heldNote(secret, view);
  const notes = [
    held,
    view.recordOf(address)?.current == null ? 'has no version yet: `keyturn apply` makes the first' : null,
    date.with === undefined ? null : `together with ${nameOf(date.with)}`,
    brought ? 'a person put its new version into the vault' : null,
    awaiting && held === null ? `needs a person's value: \`keyturn apply --value ${address}=-\`` : null,
  ];
  return {
    at,
    kind: 'rotate',
    stack: view.declared.stack,
    address,
    ordinal: null,
    copy: null,
    text: `rotate ${secret.name}`,
    state: late !== null && view.now > late ? 'overdue' : at <= view.now ? 'due' : 'ahead',
    opens: opens > earliest ? opens : null,
    waitsFor: whyNotBefore(opens, openings, earliest, bars),
    overdueAt: late,
    awaiting,
    notes: notes.filter((note) => note !== null),
  };
}

/** A hold has no end of its own. */
function heldNote(secret: DeclaredSecret, view: View): string | null {
  const hold = holdOf(secret, view);
  return hold === null || hold.isOver ? null : `held, so that no date rotates it until \`${hold.command}\``;
}

function freezing(view: View, until: Instant): AgendaEntry[] {
  return view.declared.freezes.flatMap((freeze) => {
    const whom = freeze.secrets.length === 0 ? 'every secret' : freeze.secrets.map(nameOf).join(', ');
    const base = {
      stack: view.declared.stack,
      address: null,
      ordinal: null,
      copy: null,
      state: 'ahead' as const,
      opens: null,
      waitsFor: null,
      overdueAt: null,
      awaiting: false,
      notes: [`${describeFreeze(freeze)} holds ${whom}`],
    };
    return freezesBetween(freeze, view.now, until).flatMap(({ begins, ends }): AgendaEntry[] => [
      ...(begins > view.now
        ? [{ ...base, at: begins, kind: 'freeze-begins' as const, text: `freeze ${freeze.path} begins` }]
        : []),
      ...(ends <= until
        ? [{ ...base, at: ends, kind: 'freeze-ends' as const, text: `freeze ${freeze.path} ends` }]
        : []),
    ]);
  });
}
