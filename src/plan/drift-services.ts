import type { Ordinal } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredConsumer, Mount } from '../model/declared.ts';
import type { ObservedService, Reference } from '../model/observed.ts';
import { serviceFingerprint } from '../model/observed.ts';
import type { RecordedConsumer } from '../model/recorded.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import { fileDrift } from './drift-files.ts';
import { wantedOrdinal } from './flips.ts';
import type { Drift } from './mends.ts';
import { applyTo, rotation } from './mends.ts';
import { obstacleToFlip } from './obstacles.ts';
import { tasksText } from './retire.ts';
import type { View } from './view.ts';

/** What drifted of a consumer. A platform that is unknown says nothing here, and neither does what was never applied. */
export function serviceDrift(consumer: DeclaredConsumer, view: View): Drift[] {
  const sight = view.service(consumer);
  if ('unknown' in sight) return [];
  if (sight.seen === null) return absent(consumer, view);
  const service = sight.seen;
  if (service.file !== undefined) {
    const lost = service.file.isThere ? specDrift(consumer, service, view) : [];
    return [...lost, ...fileDrift(consumer, service.file, view)];
  }
  const found = [
    ...pausedUpdate(consumer, service, view),
    ...specDrift(consumer, service, view),
    ...goneCopies(consumer, service, view),
  ];
  // Where the spec itself is wrong, or moves, its tasks are as well, and that says nothing more.
  const isInStep = found.every(({ level }) => level === 'note') && !isMoving(service);
  return isInStep ? [...found, ...lingering(consumer, service, view)] : found;
}

/**
 * What somebody else did to the service since it was last verified, for a plan, which shows by its steps what it makes
 * good; empty: nobody did.
 */
export function changesByOthers(consumer: DeclaredConsumer, view: View): string[] {
  const recorded = view.recordOfConsumer(consumer.address);
  const sight = view.service(consumer);
  const service = 'seen' in sight ? sight.seen : null;
  if (recorded === undefined || service === null || service.fingerprint === recorded.fingerprint) return [];
  const found = specDrift(consumer, service, view).filter(({ rule }) => rule !== 'stuck');
  return found.length === 0 ? [changed(consumer)] : found.map(({ text }) => text);
}

const changed = ({ service }: DeclaredConsumer): string =>
  `${service} was changed by someone else since the last apply`;

function said({ address, service }: DeclaredConsumer): Pick<Drift, 'address' | 'subject'> {
  return { address, subject: service };
}

function isMoving({ updateState }: ObservedService): boolean {
  return updateState === 'updating' || updateState === 'rollback_started';
}

function absent(consumer: DeclaredConsumer, view: View): Drift[] {
  const obstacle = obstacleToFlip(consumer, view);
  const gone = missingCopies(consumer, view);
  if (obstacle === null) {
    return gone.map((copy) => ({
      rule: 'missing',
      level: 'error',
      address: consumer.address,
      subject: copy,
      text: `${copy} was removed from ${consumer.platform}: a deploy of ${consumer.service} that names it fails`,
      next: applyTo(consumer.address),
    }));
  }
  const copies =
    gone.length === 0 ? '' : `, and neither ${gone.length === 1 ? 'does' : 'do'} ${gone.join(', ')}`;
  const text = `${obstacle.text}${copies}`;
  return [{ ...said(consumer), rule: 'missing', level: 'error', text, next: obstacle.next ?? 'deploy it' }];
}

/** Copies that the consumer should read, that were delivered, and that its platform does not have any more. */
function missingCopies(consumer: DeclaredConsumer, view: View): string[] {
  return consumer.mounts.flatMap((mount) => {
    const wanted = wantedOrdinal(mount, view);
    const copies = recordedVersion(view.recordOf(mount.secret), wanted)?.copies ?? [];
    return copies.flatMap(({ platform, name }) => {
      const isWanted =
        wanted !== null && platform === consumer.platform && name === view.nameFor(mount, platform, wanted);
      return isWanted && view.copy(platform, name) === undefined ? [name] : [];
    });
  });
}

function pausedUpdate(consumer: DeclaredConsumer, service: ObservedService, view: View): Drift[] {
  const { updateState, references, previousReferences } = service;
  if (updateState !== 'paused' && updateState !== 'rollback_paused') return [];
  const paused = { ...said(consumer), rule: 'paused' as const, level: 'warning' as const };
  const what = updateState === 'paused' ? 'an update' : 'a rollback';
  const text = `${what} of ${consumer.service} stands still: its tasks may run on either spec`;
  const isOurs = references.some(({ copyId }) => isNeverPromoted(copyId, consumer, view));
  if (isOurs || view.recordOfConsumer(consumer.address)?.parked !== undefined)
    return [{ ...paused, text: `${text}; it is one of keyturn's`, next: applyTo(consumer.address) }];
  // What was before reads the same: going back there moves no secret.
  const before = new Set((previousReferences ?? []).map(readingOf));
  const isSame = before.size === references.length && references.every((each) => before.has(readingOf(each)));
  const next =
    updateState === 'paused' && isSame
      ? `docker service rollback ${consumer.service}`
      : `look at \`docker service ps ${consumer.service}\`, mend what fails, then go on with \`docker service update --force ${consumer.service}\``;
  return [{ ...paused, text, next }];
}

const readingOf = ({ target, copyId }: Reference): string => `${target} ${copyId}`;

function isNeverPromoted(copyId: string, consumer: DeclaredConsumer, view: View): boolean {
  return consumer.mounts.some(({ secret }) =>
    view
      .recordOf(secret)
      ?.versions.some(({ role, copies }) => role === 'pending' && copies.some(({ id }) => id === copyId)),
  );
}

/** What a mount names, where that is not what it should. */
interface Off {
  readonly rule: 'stuck' | 'superseded' | 'edited';
  readonly mount: Mount;
  readonly reads: string | null;
  readonly ordinal: Ordinal | null;
  readonly wanted: Ordinal;
  /** The copy that it should name. */
  readonly should: string;
}

/** One finding a rule, whatever the number of its mounts. */
function specDrift(consumer: DeclaredConsumer, service: ObservedService, view: View): Drift[] {
  const recorded = view.recordOfConsumer(consumer.address);
  if (recorded === undefined) return [];
  const off = consumer.mounts.flatMap(
    (mount) => offOf(mount, consumer.platform, service, recorded, view) ?? [],
  );
  const of = (rule: Off['rule']): Off[] => off.filter((each) => each.rule === rule);
  const next = applyTo(consumer.address);
  const base = { ...said(consumer), level: 'warning' as const, next };
  const [superseded, stuck, edited] = [of('superseded'), of('stuck'), of('edited')];
  const found: Drift[] = [];
  if (superseded.length > 0) {
    const text = putBackText(consumer, service, superseded, view);
    found.push({ ...base, rule: 'superseded', text });
  }
  if (stuck.length > 0)
    found.push({ ...base, rule: 'stuck', text: stuckText(consumer, stuck, recorded, view) });
  if (edited.length > 0) {
    const words = edited.map((each) => editedWords(each)).join(', ');
    found.push({ ...base, rule: 'edited', text: `somebody else changed ${consumer.service}: it ${words}` });
  }
  return off.length > 0 ? found : otherwiseEdited(consumer, service, recorded);
}

/** Null: it reads what it should, or was never moved to what is declared now, which a plan tells. */
function offOf(
  mount: Mount,
  platform: string,
  service: ObservedService,
  recorded: RecordedConsumer,
  view: View,
): Off | null {
  const wanted = wantedOrdinal(mount, view);
  const reference = service.references.find(({ target }) => target === mount.target);
  const reads = reference?.copyName ?? null;
  const before = recorded.mounts[mount.target];
  if (wanted === null || before === undefined || before.secret !== mount.secret) return null;
  const should = view.nameFor(mount, platform, wanted);
  if (reads === should) return null;
  const ordinal = reference === undefined ? null : view.ordinalNamed(mount, platform, reference);
  const off = { mount, reads, ordinal, wanted, should };
  if (recordedVersion(view.recordOf(mount.secret), ordinal)?.role === 'pending')
    return { ...off, rule: 'stuck' };
  if (ordinal === null || ordinal > wanted) {
    // A declared base that changed is a change of ours to make.
    return isAsRecorded(reads, before, view) ? null : { ...off, rule: 'edited' };
  }
  const wasMoved = ordinal < before.ordinal && recorded.parked === undefined;
  return { ...off, rule: wasMoved ? 'superseded' : 'stuck' };
}

function isAsRecorded(
  reads: string | null,
  { secret, ordinal }: RecordedConsumer['mounts'][string],
  view: View,
): boolean {
  const copies = recordedVersion(view.recordOf(secret), ordinal)?.copies ?? [];
  return copies.some(({ name }) => name === reads);
}

/** An older version again although it had been moved: a rollback of Swarm's, or a deploy from a file of before. */
function putBackText(
  consumer: DeclaredConsumer,
  service: ObservedService,
  off: readonly Off[],
  view: View,
): string {
  const reads = off.map(({ mount, ordinal }) => `${nameOf(mount.secret)} v${ordinal}`).join(', ');
  const current = off.map(({ mount, wanted }) => `${nameOf(mount.secret)} v${wanted}`).join(', ');
  const how =
    service.updateState?.startsWith('rollback') === true
      ? '`docker service rollback` does'
      : service.file === undefined
        ? 'a deploy from an outdated file does'
        : 'a file of before does';
  const prior = off.find(
    ({ mount, ordinal }) => priorVersion(view.recordOf(mount.secret))?.ordinal === ordinal,
  );
  const ways =
    prior === undefined
      ? `\`keyturn apply\` goes forward to ${current} again`
      : `\`keyturn rollback ${prior.mount.secret}\` returns vault and record too, \`keyturn apply\` goes forward to ${current} again`;
  return `${consumer.service} was put back to ${reads} by someone else, as ${how}: ${ways}`;
}

function stuckText(
  { service }: DeclaredConsumer,
  off: readonly Off[],
  { parked }: RecordedConsumer,
  view: View,
): string {
  const words = off.map(({ mount, ordinal, wanted }) => {
    const role = recordedVersion(view.recordOf(mount.secret), ordinal)?.role;
    const of = `${nameOf(mount.secret)} v${ordinal}`;
    if (role === 'pending') return `${of}, which was never promoted`;
    return mount.version === null ? `${of}, and v${wanted} is current` : `${of}, and is pinned to v${wanted}`;
  });
  const why = parked === undefined ? '' : `: ${parked.incident} could not move it, ${parked.reason}`;
  return `${service} still reads ${words.join('; ')}${why}`;
}

function editedWords({ mount, reads, should: copy }: Off): string {
  const should = `${copy} at ${mount.target}`;
  return reads === null ? `does not mount ${should} any more` : `reads ${reads} in the place of ${should}`;
}

/** All that is declared is read, and the service is not as it was last verified. */
function otherwiseEdited(
  consumer: DeclaredConsumer,
  service: ObservedService,
  recorded: RecordedConsumer,
): Drift[] {
  if (recorded.fingerprint === null || recorded.fingerprint === service.fingerprint) return [];
  const edited = { ...said(consumer), rule: 'edited' as const };
  const added = addedReferences(consumer, service, recorded);
  if (added.length === 0) {
    const text = `${changed(consumer)}, and reads what it should`;
    const next = 'nothing: the next apply that moves it writes down how it looks';
    return [{ ...edited, level: 'note', text, next }];
  }
  const names = added.map(({ copyName: name, target }) => `${name} at ${target}`).join(', ');
  const flags = added.map(({ copyName: name }) => `--secret-rm ${name}`).join(' ');
  const text = `somebody else let ${consumer.service} mount ${names}, which no stack declares`;
  return [{ ...edited, level: 'warning', text, next: `docker service update ${flags} ${consumer.service}` }];
}

/** References without which the service is the one that was verified: what else it reads it read before as well. */
function addedReferences(
  { mounts }: DeclaredConsumer,
  service: ObservedService,
  recorded: RecordedConsumer,
): readonly Reference[] {
  const known = new Set([...mounts.map(({ target }) => target), ...Object.keys(recorded.mounts)]);
  const others = service.references.filter(({ target }) => !known.has(target));
  return (
    [...others.map((other) => [other]), others].find((added) => {
      const references = service.references.filter((reference) => !added.includes(reference));
      return added.length > 0 && serviceFingerprint({ ...service, references }) === recorded.fingerprint;
    }) ?? []
  );
}

/** A spec that names a copy which its platform does not have: its next task fails. */
function goneCopies(consumer: DeclaredConsumer, { references }: ObservedService, view: View): Drift[] {
  return consumer.mounts.flatMap((mount): Drift[] => {
    const reference = references.find(({ target }) => target === mount.target);
    const secret = view.secret(mount.secret);
    if (reference === undefined || secret === undefined) return [];
    if (view.copy(consumer.platform, reference.copyName)?.id === reference.copyId) return [];
    const text = `${consumer.service} names ${reference.copyName}, which is gone from ${consumer.platform}: its next task fails`;
    const subject = reference.copyName;
    return [
      {
        rule: 'missing',
        level: 'error',
        address: consumer.address,
        subject,
        text,
        ...rotation(secret, view),
      },
    ];
  });
}

/** Tasks that run on a version which the spec does not name any more. */
function lingering(consumer: DeclaredConsumer, service: ObservedService, view: View): Drift[] {
  const named = new Set(service.references.map(({ copyId }) => copyId));
  const others = new Set(
    consumer.mounts
      .flatMap(({ secret }) => view.recordOf(secret)?.versions ?? [])
      .flatMap(({ copies }) => copies.map(({ id }) => id))
      .filter((id) => !named.has(id)),
  );
  const tasks = service.liveTasks.filter(({ copyIds }) => copyIds.some((id) => others.has(id)));
  const lost = tasks.filter(({ isLost }) => isLost);
  if (tasks.length === 0) return [];
  const stuck = { ...said(consumer), rule: 'stuck' as const, level: 'warning' as const };
  if (lost.length > 0) {
    const nodes = [...new Set(lost.map(({ node }) => node ?? 'a node that is not known'))].join(', ');
    const text = `${tasksText(lost)} may still run on an older version: swarm lost ${nodes}`;
    const next = `bring ${nodes} back, or, once nothing runs there any more, take it out of the swarm (docker node rm --force)`;
    return [{ ...stuck, text, next }];
  }
  const text = `${tasksText(tasks)} still ${tasks.length === 1 ? 'runs' : 'run'} on an older version than the spec names`;
  // It may be on its way out: Swarm calls an update completed before the last old task has ended.
  return [{ ...stuck, level: 'note', text, next: `docker service update --force ${consumer.service}` }];
}
