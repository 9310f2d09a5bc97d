import type { Address, ConsumerAddress, IsoDuration, SecretAddress } from '../model/address.ts';
import { isOnHost } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { ObservedService } from '../model/observed.ts';
import type { Arrival, Cause, FlipChange, Group, Note, PromoteStep, Step } from '../model/plan.ts';
import type { Parked } from '../model/recorded.ts';
import { settleStep } from './dated.ts';
import type { Move } from './flips.ts';
import { wantedOrdinal } from './flips.ts';
import { settleAfter } from './hosts.ts';
import { obstacleToFlip } from './obstacles.ts';
import { flipStep, verifyStep } from './steps.ts';
import type { View } from './view.ts';

const AT_ONCE: IsoDuration = 'PT0S';

/**
 * Consumers that an emergency could not move. One that names what it should by now, because somebody mended it, is
 * verified, put on record and settled, and what reads a file restarted where it has not read it; of any other that does not move in this plan a note says that it is parked.
 */
export function parkedWork(
  view: View,
  moves: readonly Move[],
  target: readonly Address[],
): { readonly groups: readonly Group[]; readonly steps: readonly Step[]; readonly notes: readonly Note[] } {
  const moving = new Set<ConsumerAddress>(moves.map(({ consumer }) => consumer.address));
  const groups: Group[] = [];
  const steps: Step[] = [];
  const notes: Note[] = [];
  for (const consumer of view.declared.consumers) {
    const { address } = consumer;
    const parked = view.recordOfConsumer(address)?.parked;
    if (parked === undefined || moving.has(address)) continue;
    const named = namedBy(consumer, view);
    if (named === null) {
      const text = `${consumer.service} is parked since ${parked.since} (${parked.incident}): ${parked.reason}; mend it, or bring a good value with \`keyturn compromise\``;
      notes.push({ kind: 'parked', address, text });
    } else if (target.length === 0 || target.includes(address)) {
      const id = `p${groups.length + 1}`;
      const secrets: Group['secrets'] = [];
      groups.push({ id, needs: [], secrets, consumers: [address] });
      steps.push(...stepsFor(consumer, named, parked, id));
    }
  }
  return { groups, steps, notes };
}

interface Named {
  readonly service: ObservedService;
  readonly changes: readonly FlipChange[];
  readonly mounts: Arrival['mounts'];
}

/** What the consumer should name, where it names just that and nothing stands in the way of settling it. */
function namedBy(consumer: DeclaredConsumer, view: View): Named | null {
  const sight = view.service(consumer);
  const service = 'seen' in sight ? sight.seen : null;
  if (service === null || obstacleToFlip(consumer, view) !== null) return null;
  // Whether what it should read is alive cannot be seen.
  if (consumer.mounts.some(({ secret }) => isUnknown(secret, view))) return null;
  const changes: FlipChange[] = [];
  const mounts: Record<string, Arrival['mounts'][string]> = {};
  for (const mount of consumer.mounts) {
    const { target, secret, uid, gid, mode } = mount;
    const ordinal = wantedOrdinal(mount, view);
    if (ordinal === null && mount.version === null && view.recordOf(secret)?.current == null) continue;
    // What it should read is dead, and has no successor yet.
    if (ordinal === null) return null;
    const copy = view.nameFor(mount, consumer.platform, ordinal);
    const isNamed = service.references.some((each) => each.target === target && each.copyName === copy);
    if (!isNamed) return null;
    mounts[target] = { secret, ordinal };
    changes.push({ target, secret, from: { copy, ordinal }, to: { copy, ordinal }, uid, gid, mode });
  }
  return { service, changes, mounts };
}

function isUnknown(address: SecretAddress, view: View): boolean {
  const secret = view.secret(address);
  return secret !== undefined && 'unknown' in view.vaultItem(secret);
}

function stepsFor(
  consumer: DeclaredConsumer,
  { service, changes, mounts }: Named,
  parked: Parked,
  group: string,
): Step[] {
  const cause: Cause = {
    kind: 'mount',
    why: `parked in ${parked.incident}, and names what it should by now`,
  };
  const isFile = isOnHost(consumer.address);
  const settled = settleAfter(consumer.address, AT_ONCE);
  const arrival: Arrival = { consumer: consumer.address, mounts, settleAfter: settled };
  // The emergency may have written the file and restarted nothing: what has not read it is told to, and nobody goes back.
  const forth = changes.map((change) => ({ ...change, back: null }));
  const flip = isFile
    ? flipStep({ consumer, service, cause, arrival }, forth, `${group}.1`, group, [])
    : null;
  const first = flip === null ? 1 : 2;
  const verify = verifyStep({ consumer, cause }, { id: flip?.id ?? '', changes }, `${group}.${first}`, group);
  const promote: PromoteStep = {
    kind: 'promote',
    id: `${group}.${first + 1}`,
    group,
    address: consumer.address,
    needs: [verify.id],
    cause,
    text: `record what ${consumer.service} reads, and that it is parked no longer`,
    promotions: [],
    consumers: [arrival],
    inverse: null,
  };
  if (flip !== null) return [flip, verify, promote];
  const settle = settleStep(consumer, { id: `${group}.3`, group, needs: [promote.id], cause });
  return [{ ...verify, needs: [] }, promote, settle];
}
