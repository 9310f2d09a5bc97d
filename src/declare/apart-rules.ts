import { durationMs, humanDuration } from '../calendar/calendar.ts';
import { closest, durationOf } from '../calendar/spacing.ts';
import type { SecretAddress } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import type { Declaration } from './declaration.ts';
import type { Found, SecretAt } from './found.ts';
import { datedSecrets, place } from './found.ts';
import { shifted } from '../calendar/shifted.ts';

/** Two secrets, and how far the dates of one must be from those of the other. */
interface Pair {
  /** The one that says it: it stands behind the other, so it is the one to change. */
  readonly second: SecretAt;
  readonly first: SecretAt;
  readonly least: number;
}

/** Secrets declared apart that are one, that rotate together, or whose dates come too close to each other. */
export function apartProblems(all: readonly Declaration[]): Found[] {
  return [...contradictions(all), ...pairsOf(datedSecrets(all)).flatMap(meetings)];
}

function contradictions(all: readonly Declaration[]): Found[] {
  const secrets = all.flatMap((at) => (at.item.kind === 'secret' ? [{ at, secret: at.item.secret }] : []));
  const known = new Map(secrets.map((each) => [each.secret.address, each]));
  const said = new Set<string>();
  return secrets.flatMap(({ at, secret }) =>
    secret.apart.flatMap(({ secret: address }): Found[] => {
      const key = [secret.address, address].sort().join(' ');
      if (said.has(key)) return [];
      said.add(key);
      if (address === secret.address) {
        return [
          { at, what: 'it is declared apart from itself', next: 'name another secret, or leave it out' },
        ];
      }
      const [, ...trail] = trailOf(secret.address, address, secrets);
      const other = known.get(address);
      if (trail.length === 0 || other === undefined) return [];
      const through = trail.slice(0, -1).map((step) => known.get(step)?.at.path ?? step);
      const how = through.length === 0 ? '' : ` through ${through.join(' and ')}`;
      return [
        {
          at,
          what: `it is declared apart from ${place(other.at)} and together with it${how}`,
          next: 'take one of both out: what is together rotates in one group',
        },
      ];
    }),
  );
}

/** The shortest way from one secret to another over `together`, both included; empty: there is none. */
function trailOf(from: SecretAddress, to: SecretAddress, secrets: readonly SecretAt[]): SecretAddress[] {
  const trails: SecretAddress[][] = [[from]];
  const seen = new Set([from]);
  for (const trail of trails) {
    const last = trail.at(-1);
    if (last === to) return trail;
    for (const { secret } of secrets) {
      const isNext =
        secret.together.some((other) => other === last) ||
        secrets.some((each) => each.secret.address === last && each.secret.together.includes(secret.address));
      if (!isNext || seen.has(secret.address)) continue;
      seen.add(secret.address);
      trails.push([...trail, secret.address]);
    }
  }
  return [];
}

/** Each pair once, though both may say it; the longer `by` holds. */
function pairsOf(secrets: readonly SecretAt[]): Pair[] {
  const known = new Map(secrets.map((each) => [each.secret.address, each]));
  const pairs = new Map<string, Pair>();
  for (const second of secrets) {
    for (const { secret: address, by } of second.secret.apart) {
      const first = known.get(address);
      if (first === undefined || first === second) continue;
      const key = [address, second.secret.address].sort().join(' ');
      const before = pairs.get(key) ?? { second, first, least: 0 };
      const lengths = [by, first.secret.soak, second.secret.soak].map(durationMs);
      pairs.set(key, { ...before, least: Math.max(before.least, ...lengths) });
    }
  }
  return [...pairs.values()];
}

function meetings(pair: Pair): Found[] {
  const { first, second, least } = pair;
  const meeting = closest(first.secret.cadence, second.secret.cadence);
  if (meeting === null || meeting.ms >= least) return [];
  const where =
    meeting.ms === 0
      ? `meet on ${meeting.second}`
      : `come within ${words(meeting.ms)} of each other, ${meeting.first} there and ${meeting.second} here`;
  return [
    {
      at: second.at,
      what: `its dates and those of ${place(first.at)} ${where}; apart needs ${words(least)}, the longest of by and both soaks`,
      next: instead(pair, meeting.ms),
    },
  ];
}

function instead({ first, second, least }: Pair, now: number): string {
  let most = now;
  for (const [each, other, whom] of [
    [second, first, 'it'],
    [first, second, first.at.path],
  ] as const) {
    for (const { cadence, written } of shifted(each.secret.cadence)) {
      const ms = distance(cadence, other.secret.cadence);
      if (ms >= least) return `give ${whom} ${written}: then they are never closer than ${words(ms)}`;
      most = Math.max(most, ms);
    }
  }
  return `no shift by whole days brings them further apart than ${words(most)}: let by and both soaks be no longer, or rotate less often`;
}

function distance(a: Cadence, b: Cadence): number {
  return closest(a, b)?.ms ?? 0;
}

function words(ms: number): string {
  return humanDuration(durationOf(ms));
}
