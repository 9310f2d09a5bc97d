import { durationMs, humanDuration, nextDue } from '../calendar/calendar.ts';
import { commonOpening, describeFreeze, nextOpening } from '../calendar/openings.ts';
import { shutAfter } from '../calendar/shut.ts';
import { durationOf, shortestGap } from '../calendar/spacing.ts';
import type { SecretAddress } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import type { Declaration } from './declaration.ts';
import type { Found, SecretAt } from './found.ts';
import { datedSecrets, freezesIn, place } from './found.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A fixed date, so that a declaration is judged alike on every day. */
const FROM = '2027-01-01T00:00:00Z';

/** A secret in its soak is not rotated, so a soak that outlasts the time to the next date would put every date off. */
export function soakProblems(all: readonly Declaration[]): Found[] {
  return datedSecrets(all).flatMap(({ at, secret: { cadence, soak } }) => {
    const gap = shortestGap(cadence);
    if (gap === null || durationMs(soak) < gap) return [];
    const gapText = humanDuration(durationOf(gap));
    return {
      at,
      what: `a soak of ${humanDuration(soak)} is not shorter than the shortest time between two dates of its cadence, ${gapText}`,
      next: `give a soak of at most ${soakBelow(gap)}, or dates that are further apart: ${cadenceAbove(cadence, durationMs(soak))}`,
    };
  });
}

/** Windows and freezes that together leave no time behind a date. */
export function openingProblems(all: readonly Declaration[]): Found[] {
  const freezesOf = freezesIn(all);
  return datedSecrets(all).flatMap((found) => {
    const { windows, cadence } = found.secret;
    const freezes = freezesOf(found);
    const shut = shutAfter(cadence, { windows, freezes });
    if (shut === null) return [];
    const { due, freeze, through } = shut;
    const where = `${freeze.path}, ${describeFreeze(freeze)}`;
    return {
      at: found.at,
      what: `after its date ${due} nothing opens for two years: ${windows.length === 0 ? 'its freezes leave' : 'its windows and freezes leave'} no time`,
      next:
        through === null
          ? `let days of the year be free of freezes that a window is open on; the first is ${where}`
          : `end the freeze sooner (${where}): through: '${through}'`,
    };
  });
}

/** Secrets that are declared together and never open at once: none of them would ever rotate by date. */
export function companyProblems(all: readonly Declaration[]): Found[] {
  const secrets = datedSecrets(all);
  const freezesOf = freezesIn(all);
  const companyOf = companiesIn(secrets);
  const seen = new Set<SecretAt>();
  return secrets.flatMap((first) => {
    if (seen.has(first)) return [];
    const company = companyOf(first);
    for (const each of company) seen.add(each);
    if (company.every(({ secret }) => nextDue(secret.cadence, FROM) === null)) return [];
    const openings = company.map((each) => ({ windows: each.secret.windows, freezes: freezesOf(each) }));
    if (openings.some((each) => nextOpening(each, FROM) === null)) return [];
    const count = openings.findIndex(
      (_, index) => commonOpening(openings.slice(0, index + 1), FROM) === null,
    );
    const at = company[count]?.at;
    if (at === undefined) return [];
    const others = company.slice(0, count).map((each) => place(each.at));
    return {
      at,
      what: `it rotates together with ${others.join(' and ')}, and their windows are never open at once: no date would rotate them`,
      next: 'give them windows that meet, or leave them out of all but one',
    };
  });
}

/** Tells a secret and all that is declared together with it, in the order of their declarations. */
function companiesIn(secrets: readonly SecretAt[]): (first: SecretAt) => SecretAt[] {
  const order = new Map(secrets.map((each, index) => [each, index]));
  const at = new Map<SecretAddress, SecretAt[]>();
  const naming = new Map<SecretAddress, SecretAt[]>();
  for (const each of secrets) {
    put(at, each.secret.address, each);
    for (const other of each.secret.together) put(naming, other, each);
  }
  return (first) => {
    const company = new Set([first]);
    // A set goes through what is added to it meanwhile as well.
    for (const { secret } of company) {
      const named = secret.together.flatMap((other) => at.get(other) ?? []);
      for (const each of [...named, ...(naming.get(secret.address) ?? [])]) company.add(each);
    }
    return [...company].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  };
}

function put<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** The longest soak in whole hours below this length, or in minutes or seconds where an hour is too long. */
function soakBelow(gap: number): string {
  for (const [unit, letter] of [
    [HOUR, 'H'],
    [60_000, 'M'],
  ] as const) {
    const count = Math.ceil(gap / unit) - 1;
    if (count > 0) return `PT${count}${letter}`;
  }
  return `PT${Math.ceil(gap / 1000) - 1}S`;
}

/** The nearest cadence whose dates are never so close, as it is written. */
function cadenceAbove(cadence: Cadence, soak: number): string {
  if (cadence.kind === 'calendar') {
    const longer = [
      ['quarter', 'Cadence.quarterly'],
      ['year', 'Cadence.annually'],
    ] as const;
    for (const [each, name] of longer) {
      const gap = shortestGap({ ...cadence, each, month: each === 'year' ? (cadence.month ?? 1) : null });
      if (gap !== null && soak < gap) return `${name}({ … })`;
    }
  }
  if (cadence.kind === 'every' && cadence.period.includes('T') && soak < DAY) {
    return `Cadence.every('PT${Math.floor(soak / HOUR) + 1}H', { … })`;
  }
  // A day longer than the soak, less the hour that daylight saving takes.
  return `Cadence.every('P${Math.floor((soak + HOUR) / DAY) + 1}D', { … })`;
}
