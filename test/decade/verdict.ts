import { durationMs, nextDue } from '../../src/calendar/calendar.ts';
import { isOpen } from '../../src/calendar/openings.ts';
import type { Instant, SecretAddress } from '../../src/model/address.ts';
import { nameOf } from '../../src/model/address.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import type { Cause } from '../../src/model/plan.ts';
import { rootCause } from '../../src/model/plan.ts';
import type { Recorded, RecordedVersion } from '../../src/model/recorded.ts';
import { START } from './era.ts';
import type { Decade } from './years.ts';

/** A version that came into use in the place of another one. */
interface Rotation {
  readonly at: number;
  readonly version: RecordedVersion;
  readonly cause: Cause;
  readonly apply: string;
}

/** Later than this after its soak a prior is not retired any more: the longest freeze and the longest outages. */
const LATEST_RETIREMENT_MS = 19 * 24 * 3_600_000;

/** Everything that ten years should not have done, in words; and how many due dates were met. */
export async function verdictOn(decade: Decade): Promise<{ wrong: string[]; met: number }> {
  const { declared, era } = decade;
  const recorded = await era.record.read();
  const rotations = new Map(
    declared.secrets.map((secret) => [secret.address, rotationsOf(secret, recorded)]),
  );
  const wrong: string[] = [];
  let met = 0;
  for (const secret of declared.secrets) {
    const own = rotations.get(secret.address) ?? [];
    const dates = datesMet(secret, own, era.time);
    met += dates.met;
    wrong.push(
      ...dates.wrong,
      ...openly(secret, own, decade),
      ...apartly(secret, rotations),
      ...aboveSoaks(secret, rotations, decade),
      ...soaked(secret, recorded, era.time),
    );
  }
  return { wrong, met };
}

function rotationsOf({ address }: DeclaredSecret, recorded: Recorded): Rotation[] {
  const versions = recorded.secrets[address]?.versions ?? [];
  return versions
    .filter(({ promotedAt, cause }) => promotedAt !== null && rootCause(cause).kind !== 'first')
    .map((version) => ({
      at: Date.parse(version.promotedAt ?? ''),
      version,
      cause: rootCause(version.cause),
      apply: (version.promotion ?? '').split('/')[0] ?? '',
    }))
    .sort((a, b) => a.at - b.at);
}

/** Every due date is met before the next one, none twice, and each is a date of the calendar. */
function datesMet(
  secret: DeclaredSecret,
  rotations: readonly Rotation[],
  end: number,
): { met: number; wrong: string[] } {
  const wrong: string[] = [];
  const say = (text: string): void => void wrong.push(`${secret.name}: ${text}`);
  const dates: number[] = [];
  let due = nextDue(secret.cadence, iso(START));
  for (; due !== null && Date.parse(due) < end; due = nextDue(secret.cadence, due))
    dates.push(Date.parse(due));
  // The last date may lie too close to the end.
  const over = dates.slice(0, -1);
  for (const [index, date] of over.entries()) {
    const next = dates[index + 1] ?? end;
    const within = rotations.filter(({ at }) => at >= date && at < next);
    const own = within.filter(({ cause }) => cause.kind === 'due' && Date.parse(cause.due) === date);
    if (within.length === 0) say(`due ${iso(date)} and not met before ${iso(next)}`);
    if (own.length > 1) say(`due ${iso(date)} and met ${own.length} times`);
  }
  for (const { cause } of rotations) {
    // What rotates together is due with another one.
    if (cause.kind === 'due' && secret.together.length === 0 && !dates.includes(Date.parse(cause.due)))
      say(`rotated for ${cause.due}, which is no date of its calendar`);
  }
  return { met: over.length, wrong };
}

/** What the calendar asked for was done while a window was open and no freeze held. */
function openly(secret: DeclaredSecret, rotations: readonly Rotation[], { declared }: Decade): string[] {
  const freezes = declared.freezes.filter(
    ({ secrets }) => secrets.length === 0 || secrets.includes(secret.address),
  );
  return rotations.flatMap(({ cause, version }) => {
    // Minted is when it began; the window may close while it is verified.
    if (cause.kind !== 'due' || isOpen({ windows: secret.windows, freezes }, version.mintedAt)) return [];
    return [`${secret.name}: rotated by its date at ${version.mintedAt}, outside of its windows`];
  });
}

/** Stand-ins never soak side by side, and keep their distance. */
function apartly(
  secret: DeclaredSecret,
  rotations: ReadonlyMap<SecretAddress, readonly Rotation[]>,
): string[] {
  return secret.apart.flatMap(({ secret: other, by }) =>
    (rotations.get(secret.address) ?? []).flatMap((mine) =>
      (rotations.get(other) ?? [])
        .filter((theirs) => Math.abs(mine.at - theirs.at) < Math.max(durationMs(by), durationMs(secret.soak)))
        .map(
          (theirs) =>
            `${secret.name} rotated at ${iso(mine.at)}, and ${nameOf(other)} at ${iso(theirs.at)}: too close`,
        ),
    ),
  );
}

/** Nothing rotated while something that it depends on soaked, unless both did in one apply. */
function aboveSoaks(
  secret: DeclaredSecret,
  rotations: ReadonlyMap<SecretAddress, readonly Rotation[]>,
  { declared }: Decade,
): string[] {
  return [...secret.dependsOn, ...secret.derivedFrom].flatMap((below) => {
    const soak = durationMs(declared.secrets.find(({ address }) => address === below)?.soak ?? 'PT0S');
    return (rotations.get(secret.address) ?? []).flatMap((mine) =>
      (rotations.get(below) ?? [])
        .filter((theirs) => theirs.at < mine.at && mine.at < theirs.at + soak && theirs.apply !== mine.apply)
        .map(() => `${secret.name} rotated at ${iso(mine.at)}, while ${nameOf(below)} soaked`),
    );
  });
}

/** Every prior stayed the way back for its whole soak, and was retired soon after it. */
function soaked(secret: DeclaredSecret, recorded: Recorded, end: number): string[] {
  const soak = durationMs(secret.soak);
  const versions = (recorded.secrets[secret.address]?.versions ?? [])
    .filter(({ promotedAt }) => promotedAt !== null)
    .sort((a, b) => a.ordinal - b.ordinal);
  return versions.flatMap((version, index) => {
    const next = versions[index + 1];
    if (next === undefined) return [];
    const until = Date.parse(next.promotedAt ?? '') + soak;
    const retired = version.retiredAt === null ? null : Date.parse(version.retiredAt);
    if (retired !== null && version.retiredWhy === 'soaked' && retired < until)
      return [`${secret.name} v${version.ordinal} was retired at ${version.retiredAt}, in its soak`];
    if ((retired ?? end) <= until + LATEST_RETIREMENT_MS) return [];
    return [`${secret.name} v${version.ordinal} soaked until ${iso(until)} and was forgotten`];
  });
}

function iso(time: number): Instant {
  return new Date(time).toISOString();
}
