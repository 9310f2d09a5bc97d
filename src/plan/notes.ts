import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import { isOnHost, nameOf } from '../model/address.ts';
import type { Note } from '../model/plan.ts';
import { rootCause } from '../model/plan.ts';
import type { RecordedSecret } from '../model/recorded.ts';
import { isPlatformOnly } from '../model/recorded.ts';
import { changesByOthers } from './drift-services.ts';
import { newestNote } from './drift-vault.ts';
import type { Cluster } from './groups.ts';
import { tooManyVersions } from './limits.ts';
import { closedNow } from './timing.ts';
import type { View } from './view.ts';
import { wayBackGone } from './way-back.ts';

/** What a person should know about this plan and nobody need do anything about. */
export function notesOf(view: View, clusters: readonly Cluster[]): Note[] {
  return [
    ...drift(view, clusters),
    ...lostWaysBack(view),
    ...onlyCopies(view, clusters),
    ...forgotten(view),
    ...lowerGenerations(view),
    ...orders(clusters, view),
    ...crowded(view),
    ...cautions(clusters),
  ];
}

/** Someone else moved: what was observed is not what we last wrote down. */
function drift(view: View, clusters: readonly Cluster[]): Note[] {
  const taken = new Set(
    clusters.flatMap(({ rotations }) =>
      rotations.flatMap((rotation) => (rotation.taken === null ? [] : [rotation.secret.address])),
    ),
  );
  const secrets = view.declared.secrets.flatMap((secret): Note[] => {
    const text = taken.has(secret.address) ? null : newestNote(secret, view);
    return text === null ? [] : [{ kind: 'drift', address: secret.address, text }];
  });
  const consumers = view.declared.consumers.flatMap((consumer) =>
    changesByOthers(consumer, view).map((text): Note => ({ kind: 'drift', address: consumer.address, text })),
  );
  return [...secrets, ...consumers];
}

/** What somebody took from a prior version while it is the way back. */
function lostWaysBack(view: View): Note[] {
  return view.declared.secrets.flatMap((secret) => {
    const text = wayBackGone(secret, view);
    return text === null ? [] : [{ kind: 'drift' as const, address: secret.address, text }];
  });
}

/** Versions that no vault has: their copies are all that there is of them, and stay when they are retired. */
function onlyCopies(view: View, clusters: readonly Cluster[]): Note[] {
  if (view.prunesPlatformOnly) return [];
  const rotating = new Set(
    clusters.flatMap(({ rotations }) => rotations.map(({ secret }) => secret.address)),
  );
  const records = Object.entries(view.recorded.secrets) as [SecretAddress, RecordedSecret][];
  return records.flatMap(([address, { versions }]) =>
    versions
      .filter((version) => isPlatformOnly(version) && (version.role !== 'current' || rotating.has(address)))
      .flatMap(({ ordinal, copies }) =>
        copies.map(({ platform, name }): Note => {
          const text = `${name} is all there is of ${nameOf(address)} v${ordinal}, which is in no vault: it stays on ${platform}, and once retired only keyturn apply --prune-platform-only removes it`;
          return { kind: 'limit', address, text };
        }),
      ),
  );
}

function forgotten(view: View): Note[] {
  const secrets = (Object.keys(view.recorded.secrets) as SecretAddress[])
    .filter((address) => view.secret(address) === undefined)
    .map((address) => `${nameOf(address)} is no longer declared: it stays as it is and is not rotated`);
  const consumers = (Object.keys(view.recorded.consumers) as ConsumerAddress[])
    .filter((address) => view.consumer(address) === undefined)
    .map((address) => `${nameOf(address)} is no longer declared: it keeps what it reads`);
  return [...secrets, ...consumers, ...forgottenMounts(view)]
    .sort()
    .map((text) => ({ kind: 'forgotten', address: null, text }));
}

/** A mount that left the declaration stays in the service: taking it away could break what still reads it. */
function forgottenMounts(view: View): string[] {
  return view.declared.consumers.flatMap((consumer) => {
    const declared = new Set(consumer.mounts.map(({ target }) => target));
    const recorded = view.recordOfConsumer(consumer.address)?.mounts ?? {};
    return Object.entries(recorded)
      .filter(([target]) => !declared.has(target))
      .map(
        ([target, { secret, ordinal }]) =>
          `${consumer.service} no longer declares ${target}: it keeps reading ${nameOf(secret)} v${ordinal} there, and is not flipped for it`,
      );
  });
}

function lowerGenerations(view: View): Note[] {
  return view.declared.secrets.flatMap((secret) => {
    const recorded = view.recordOf(secret.address)?.generation ?? 0;
    if (secret.generation >= recorded) return [];
    const text = `${secret.name} declares generation ${secret.generation}, ${recorded} is recorded: nothing is done for it`;
    return [{ kind: 'generation' as const, address: secret.address, text }];
  });
}

function crowded(view: View): Note[] {
  return view.declared.secrets.flatMap((secret) => {
    const text = tooManyVersions(secret, view);
    return text === null ? [] : [{ kind: 'limit' as const, address: secret.address, text }];
  });
}

/** A person orders what the calendar would not do now. */
function orders(clusters: readonly Cluster[], view: View): Note[] {
  return clusters
    .flatMap(({ rotations }) => rotations)
    .flatMap(({ secret, cause }) => {
      const { kind } = rootCause(cause);
      const why = kind === 'due' || kind === 'first' ? null : closedNow(secret, view);
      if (why === null) return [];
      const text = `${secret.name} rotates because a person orders it: by its calendar it would not, ${why}`;
      return [{ kind: 'window' as const, address: secret.address, text }];
    });
}

function cautions(clusters: readonly Cluster[]): Note[] {
  const notes: Note[] = [];
  for (const { secret, ordinal } of clusters.flatMap(({ rotations }) => rotations)) {
    if (secret.readers !== 'latest') continue;
    const text = `${secret.name} is read without a version: v${ordinal} reaches those readers when it is minted, before anything is verified`;
    notes.push({ kind: 'readers', address: secret.address, text });
  }
  for (const { consumer, service, changes } of clusters.flatMap(({ moves }) => moves)) {
    if (service === null || changes.length === 0) continue;
    if (service.order === 'stop-first' && service.tasks > 0) {
      const text = isOnHost(consumer.address)
        ? 'what reads it restarts in place, and does not answer until it has'
        : `${consumer.service} stops each task before it starts the next (stop-first)`;
      notes.push({ kind: 'downtime', address: consumer.address, text });
    }
    if (!service.healthCheck && consumer.probe.kind === 'none') {
      const text = isOnHost(consumer.address)
        ? 'it has no probe: only that what reads it keeps running, with these versions, is verified'
        : `${consumer.service} has no health check and no probe: only that its tasks keep running is verified`;
      notes.push({ kind: 'unverified', address: consumer.address, text });
    }
  }
  return notes;
}
