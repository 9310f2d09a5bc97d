import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Note } from '../model/plan.ts';
import type { Cluster } from './groups.ts';
import type { View } from './view.ts';

/** What a person should know about this plan and nobody need do anything about. */
export function notesOf(view: View, clusters: readonly Cluster[]): Note[] {
  return [...drift(view), ...forgotten(view), ...lowerGenerations(view), ...cautions(clusters)];
}

/** Someone else moved: what was observed is not what we last wrote down. */
function drift(view: View): Note[] {
  const notes: Note[] = [];
  for (const secret of view.declared.secrets) {
    const record = view.recordOf(secret.address);
    const item = view.vaultItem(secret);
    const seen = 'seen' in item ? item.seen : null;
    if (record?.current == null || seen === null || seen.fingerprint === record.fingerprint) continue;
    notes.push({
      kind: 'drift',
      address: secret.address,
      text: vaultDrift(secret.name, record.current, seen),
    });
  }
  for (const consumer of view.declared.consumers) {
    const recorded = view.recordOfConsumer(consumer.address);
    const sight = view.service(consumer);
    const service = 'seen' in sight ? sight.seen : null;
    if (recorded === undefined || service === null || service.fingerprint === recorded.fingerprint) continue;
    const text = `${consumer.service} was changed by someone else since the last apply`;
    notes.push({ kind: 'drift', address: consumer.address, text });
  }
  return notes;
}

function vaultDrift(
  name: string,
  current: number,
  seen: { readonly ordinal: number | null; readonly enabled: boolean },
): string {
  if (seen.ordinal === null)
    return `the newest version of ${name} was not written by keyturn (v${current} is recorded)`;
  if (!seen.enabled) return `the newest version of ${name}, v${seen.ordinal}, was disabled by someone else`;
  if (seen.ordinal !== current)
    return `the newest version of ${name} is v${seen.ordinal}, v${current} is recorded`;
  return `tags or dates of ${name} v${current} were changed by someone else`;
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
      const text = `${consumer.service} stops each task before it starts the next (stop-first)`;
      notes.push({ kind: 'downtime', address: consumer.address, text });
    }
    if (!service.healthCheck && consumer.probe.kind === 'none') {
      const text = `${consumer.service} has no health check and no probe: only that its tasks keep running is verified`;
      notes.push({ kind: 'unverified', address: consumer.address, text });
    }
  }
  return notes;
}
