import { durationMs } from '../calendar/calendar.ts';
import type { Address, IsoDuration } from '../model/address.ts';
import type { Move } from './flips.ts';
import type { Cluster } from './groups.ts';
import type { View } from './view.ts';

/** A move, the moves that must be verified before it is made, and how long it is watched for those behind it. */
export interface Turn {
  readonly move: Move;
  readonly after: readonly Address[];
  /** Null: no longer than its own time. */
  readonly watch: IsoDuration | null;
}

/**
 * The order in which a cluster's consumers are flipped: what is called a canary, and what that depends on, before
 * the others, and of one platform, or one fleet of hosts, no more at once than it restarts. `isFollowed`: further clusters come after this
 * one, so its last wave is watched as well.
 */
export function turnsOf({ moves }: Pick<Cluster, 'moves'>, view: View, isFollowed: boolean): Turn[] {
  const flipping = moves.filter(({ service, changes }) => service !== null && changes.length > 0);
  const early = canariesIn(flipping);
  const phases = [flipping.filter(isIn(early)), flipping.filter((move) => !isIn(early)(move))].filter(
    (phase) => phase.length > 0,
  );
  const turns: Turn[] = [];
  let before: Address[] = [];
  for (const [index, phase] of phases.entries()) {
    const isLast = index === phases.length - 1;
    for (const platform of new Set(phase.map(({ consumer }) => view.fleetOf(consumer.platform)))) {
      const own = phase.filter(({ consumer }) => view.fleetOf(consumer.platform) === platform);
      turns.push(...wavesOn(platform, own, before, view, !isLast || isFollowed));
    }
    before = phase.map(({ consumer }) => consumer.address);
  }
  // In the order of the moves, which is that of their dependencies, phase by phase.
  const order = phases.flat();
  return turns.sort((a, b) => order.indexOf(a.move) - order.indexOf(b.move));
}

/**
 * For each cluster those that must have ended before it begins, so that a platform never restarts more consumers
 * at once than it says. Each stands in as many lanes of its platform as it flips consumers at once there, and
 * begins when these lanes are free.
 */
export function lanesOf(clusters: readonly Cluster[], view: View): ReadonlyMap<string, readonly string[]> {
  const lanes = new Map<string, (string | null)[]>();
  const after = new Map<string, string[]>();
  for (const { id, moves } of clusters) {
    const before = new Set<string>();
    for (const [platform, count] of flippedPerPlatform(moves, view)) {
      const atOnce = view.restartsOf(platform)?.atOnce;
      if (atOnce === undefined) continue;
      const all = lanes.get(platform) ?? Array.from({ length: atOnce }, () => null);
      // The lanes that were taken longest ago come first.
      for (const last of all.splice(0, Math.min(count, atOnce))) {
        if (last !== null) before.add(last);
        all.push(id);
      }
      lanes.set(platform, all);
    }
    after.set(id, [...before].sort());
  }
  return after;
}

function wavesOn(
  platform: string,
  moves: readonly Move[],
  before: readonly Address[],
  view: View,
  isFollowed: boolean,
): Turn[] {
  const restarts = view.restartsOf(platform);
  const size = restarts?.atOnce ?? moves.length;
  const pause = restarts === null || durationMs(restarts.pause) === 0 ? null : restarts.pause;
  return moves.map((move, index) => {
    const wave = Math.floor(index / size);
    const previous = wave === 0 ? before : moves.slice((wave - 1) * size, wave * size).map(addressOf);
    const hasNext = (wave + 1) * size < moves.length || isFollowed;
    return { move, after: previous, watch: hasNext ? pause : null };
  });
}

/** The canaries, and what must move before them. */
function canariesIn(moves: readonly Move[]): ReadonlySet<Address> {
  const moving = new Map<Address, Move>(moves.map((move) => [addressOf(move), move]));
  const early = new Set<Address>();
  const add = (address: Address): void => {
    const move = moving.get(address);
    if (move === undefined || early.has(address)) return;
    early.add(address);
    for (const need of move.consumer.dependsOn) add(need);
  };
  for (const { consumer } of moves) if (consumer.canary) add(consumer.address);
  return early;
}

function flippedPerPlatform(moves: readonly Move[], view: View): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { consumer, service, changes } of moves) {
    if (service === null || changes.length === 0) continue;
    const fleet = view.fleetOf(consumer.platform);
    counts.set(fleet, (counts.get(fleet) ?? 0) + 1);
  }
  return counts;
}

function isIn(addresses: ReadonlySet<Address>): (move: Move) => boolean {
  return (move) => addresses.has(addressOf(move));
}

function addressOf({ consumer }: Move): Address {
  return consumer.address;
}
