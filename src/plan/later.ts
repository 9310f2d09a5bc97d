import { addDuration, durationMs } from '../calendar/calendar.ts';
import type { Instant, IsoDuration } from '../model/address.ts';
import { isOnHost } from '../model/address.ts';
import type { LaterStep, Note } from '../model/plan.ts';
import { isPlatformOnly } from '../model/recorded.ts';
import type { Cluster } from './groups.ts';
import { leavesPrior, retiresAtOnce } from './immediate.ts';
import { copiesToPrune, pinned, retireText } from './retire.ts';
import { longestSoak, settlesAtOnce } from './steps.ts';
import type { View } from './view.ts';

/**
 * What a later apply does once the soak of this cluster's prior versions has ended. A version is not retired
 * before the consumers that it leaves are settled, and not at all while it is pinned, which a note says.
 */
export function laterWork(
  cluster: Cluster,
  view: View,
): { readonly later: readonly LaterStep[]; readonly notes: readonly Note[] } {
  const later: LaterStep[] = [];
  const notes: Note[] = [];
  const longest = longestSoak(cluster, view);
  for (const { service, consumer, changes } of settlesAtOnce(cluster, view) ? [] : cluster.moves) {
    if (service === null || changes.length === 0 || isOnHost(consumer.address)) continue;
    const text = `put ${consumer.service}'s own update settings back and let its previous spec go, no restart`;
    later.push({ kind: 'settle', address: consumer.address, ...when(view.now, longest), text });
  }
  for (const rotation of cluster.rotations) {
    const { secret, prior } = rotation;
    const { address } = secret;
    const record = view.recordOf(address);
    const version = record?.versions.find(({ ordinal }) => ordinal === prior);
    if (record === undefined || version === undefined || retiresAtOnce(rotation, cluster, view)) continue;
    const soaked = { address, record, version };
    const note = pinned(soaked, view);
    if (note !== null) {
      notes.push(note);
      continue;
    }
    const isLonger = durationMs(longest) > durationMs(secret.soak);
    const after = isLonger && leavesPrior(rotation, cluster, view) ? longest : secret.soak;
    const date = when(view.now, after);
    const of = `${secret.name} v${prior}`;
    const isReadable = !isPlatformOnly(version);
    if (isReadable && secret.revoke !== undefined)
      later.push({ kind: 'revoke', address, ...date, text: `revoke ${of} at its source` });
    if (isReadable && secret.refused !== undefined)
      later.push({ kind: 'prove', address, ...date, text: `show that ${of} is refused` });
    later.push({ kind: 'retire', address, ...date, text: retireText(address, version) });
    for (const { copy } of copiesToPrune(soaked, view)) {
      later.push({ kind: 'prune', address, ...date, text: `remove ${copy.name} from ${copy.platform}` });
    }
  }
  return { later, notes };
}

function when(now: Instant, after: IsoDuration): { after: IsoDuration; notBefore: Instant } {
  return { after, notBefore: addDuration(now, after) };
}
