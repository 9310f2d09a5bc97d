import { addDuration, nextDue } from '../calendar/calendar.ts';
import { openingsOf } from '../calendar/declared-openings.ts';
import { overdueAt } from '../calendar/openings.ts';
import type { Instant } from '../model/address.ts';
import { isOnHost } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { MintStep, RestoreStep } from '../model/plan.ts';
import { isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { operationId } from './cause.ts';
import type { Rotation } from './rotations.ts';
import type { Use } from './uses.ts';
import { placesOf, unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';

/**
 * The step that makes a rotation's version in its vault, or takes up what a person put there. Its inverse is a restore to
 * the prior version, to none where the vault cannot give that out.
 */
export function mintStep(
  rotation: Rotation,
  id: string,
  group: string,
  needs: readonly string[],
  view: View,
): MintStep {
  const { secret, ordinal, operation, cause } = rotation;
  const { address, contentType, tags } = secret;
  return {
    kind: 'mint',
    id,
    group,
    address,
    needs,
    cause,
    text: mintText(rotation),
    secret: address,
    ordinal,
    operation,
    source: secret.source,
    ...(rotation.taken === null ? expiry(secret, view) : { taken: rotation.taken }),
    contentType,
    tags,
    ...namedBy(rotation, view),
    inverse: restoreStep(rotation, `${id}:undo`, group, readable(rotation, view), view),
  };
}

/** An apply before this one minted it, and could not take back that somebody reads it. */
function namedBy({ secret: { address }, ordinal }: Rotation, view: View): Pick<MintStep, 'namedBy'> {
  const copies = recordedVersion(view.recordOf(address), ordinal)?.copies ?? [];
  const uses = usesOf(placesOf(address, { ordinal, copies }, view), view);
  // Swarm ends the tasks of an older spec by itself; on a host nobody does.
  const reads = ({ by, service }: Use): boolean => by === 'spec' || (by === 'task' && isOnHost(service));
  const consumers = uses.filter(reads).map(({ service }) => service);
  return consumers.length === 0 ? {} : { namedBy: [...new Set(consumers)].sort() };
}

function mintText({ secret: { name, vault, source }, ordinal, taken }: Rotation): string {
  if (taken !== null) return `take up what a person put into ${vault} as ${name} v${ordinal}`;
  const what = { manual: 'a value from a person', random: 'random', keyPair: 'a new key pair' };
  return `mint ${name} v${ordinal} in ${vault} (${what[source.kind]})`;
}

/**
 * When the vault calls a version of now expired, so that its own near-expiry events and policies tell of a rotation
 * that did not happen: once its successor is overdue, and a soak after that, in which it is the way back.
 */
function expiry(secret: DeclaredSecret, view: View): { readonly expires?: Instant } {
  const due = nextDue(secret.cadence, view.now);
  if (due === null) return {};
  return {
    expires: addDuration(overdueAt(openingsOf(secret, view.declared), due, secret.grace), secret.soak),
  };
}

/**
 * The prior that can be made the newest again. One that someone disabled in the vault cannot be read, and one that an emergency
 * retired must not come back, also where somebody enabled it again.
 */
function readable({ secret, prior }: Rotation, view: View): number | null {
  const version = recordedVersion(view.recordOf(secret.address), prior);
  if (version !== null && (isPlatformOnly(version) || version.retiredAt !== null)) return null;
  return prior === null || unreadable(secret.address, prior, view) !== null ? null : prior;
}

/** The vault part of a way back: the prior value becomes the newest again, the failed one is disabled. */
export function restoreStep(
  rotation: Pick<Rotation, 'secret' | 'ordinal' | 'cause' | 'operation'> &
    Partial<Pick<RestoreStep, 'undoes' | 'twins'>>,
  id: string,
  group: string,
  to: number | null,
  view: View,
): RestoreStep {
  const { secret, ordinal, cause, operation, twins } = rotation;
  const what =
    twins === undefined ? `v${ordinal}` : `the ${twins.length === 1 ? 'twin' : 'twins'} of v${ordinal}`;
  const back = to === null ? '' : `make v${to} the newest of ${secret.name} again and `;
  return {
    kind: 'restore',
    id,
    group,
    address: secret.address,
    needs: [],
    cause,
    text: `${back}disable ${what} in ${secret.vault}`,
    secret: secret.address,
    failed: ordinal,
    undoes: rotation.undoes ?? operation,
    ...(twins === undefined ? {} : { twins }),
    to,
    operation: operationId('restore', view.recorded.lineage, operation),
    ...(to === null ? {} : expiry(secret, view)),
    contentType: secret.contentType,
    tags: secret.tags,
    inverse: null,
  };
}
