import type { DeclaredConsumer } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { ObservedService, Reference } from '../model/observed.ts';
import type { Blocked, FlipChange } from '../model/plan.ts';
import type { View } from './view.ts';

/**
 * Why a consumer may not be updated now, or null. A flip of ours that its apply gave up does not stand in the
 * way of `changes` that go back from it, or on with it: nobody else will mend it. `takesOver`: no update of anybody
 * does, under way or paused; an emergency goes on from whatever spec there is.
 */
export function obstacleToFlip(
  consumer: DeclaredConsumer,
  view: View,
  changes: readonly FlipChange[] = [],
  takesOver = false,
): Blocked | null {
  const sight = view.service(consumer);
  if ('unknown' in sight) {
    const { what, next } = sight.unknown;
    return refuse(consumer, 'unknown', { ...sight.unknown, what: `could not be observed: ${what}` }, next);
  }
  const service = sight.seen;
  if (service === null) {
    if (consumer.optional) return null;
    if (consumer.kind === 'env-file') return refuse(consumer, 'absent', noDirectory(consumer));
    return refuse(consumer, 'absent', {
      code: 'service-absent',
      what: `service '${consumer.service}' does not exist on ${consumer.platform}`,
      where: consumer.path,
      next: 'deploy it, correct its name, or declare `optional: true` to stage its secrets before it exists',
    });
  }
  if (service.mode === 'job') {
    return refuse(consumer, 'unsupported', {
      code: 'service-unsupported',
      what: `service '${consumer.service}' is a job: any update would run it again`,
      where: consumer.path,
      next: 'take it out of the stack, or make it a replicated or global service',
    });
  }
  const state = service.updateState;
  if (takesOver || state === null || state === 'completed' || state === 'rollback_completed')
    return homeless(consumer, service);
  const abandoned = abandonedFlip(consumer, service, view);
  if (isLeftPaused(consumer, state, view) && changes.length > 0) return homeless(consumer, service);
  if (abandoned !== null && changes.length > 0 && changes.every((change) => isEndOf(abandoned, change)))
    return homeless(consumer, service);
  const what = `service '${consumer.service}' has an update that is ${state}`;
  // Where it was the first delivery there is nothing to go back to, and a person must mend the service.
  if (abandoned !== null && [...abandoned.values()].some(({ before }) => before !== null)) {
    const text = `${what}: a flip of keyturn's that its apply gave up, and that is taken back first`;
    return { address: consumer.address, why: 'busy', text, next: 'apply, then plan again', fault: null };
  }
  return refuse(consumer, 'busy', {
    code: 'service-busy',
    what,
    where: consumer.address,
    live: 'its tasks may run on either spec',
    next: state.endsWith('paused')
      ? `look at \`docker service ps ${consumer.service}\`, mend and update it, then plan again`
      : 'wait until it has ended, then plan again',
  });
}

function noDirectory({ service, platform, path }: DeclaredConsumer): FaultRecord {
  const directory = service.slice(0, service.lastIndexOf('/')) || '/';
  return {
    code: 'service-absent',
    what: `there is no ${directory} on ${platform}, where ${service} should be`,
    where: path,
    next: 'make the directory, correct the path, or declare `optional: true`',
  };
}

/** An emergency flipped it, went on although it failed, and parked it: nobody will mend that but by another change. */
function isLeftPaused({ address }: DeclaredConsumer, state: string, view: View): boolean {
  return state.endsWith('paused') && view.recordOfConsumer(address)?.parked !== undefined;
}

/** What an update changed: target → the copy's name before it and now, null where there was none. */
type Changed = ReadonlyMap<string, { readonly before: string | null; readonly now: string }>;

/**
 * What the update that is under way or paused changed, where it is a flip of ours that nobody waits for any more: it
 * arrived late, or could not be taken back. All that it changed names versions that were minted and never promoted.
 * Null: it is somebody else's.
 */
function abandonedFlip(consumer: DeclaredConsumer, service: ObservedService, view: View): Changed | null {
  const before = new Map(
    (service.previousReferences ?? []).map(({ target, copyName }) => [target, copyName]),
  );
  const moved = service.references.filter(({ target, copyName }) => before.get(target) !== copyName);
  const isKept = [...before.keys()].every((target) =>
    service.references.some((reference) => reference.target === target),
  );
  if (moved.length === 0 || !isKept || !moved.every((reference) => isPending(reference, consumer, view)))
    return null;
  return new Map(
    moved.map(({ target, copyName }) => [target, { before: before.get(target) ?? null, now: copyName }]),
  );
}

function isPending({ target, copyId }: Reference, consumer: DeclaredConsumer, view: View): boolean {
  const mount = consumer.mounts.find((candidate) => candidate.target === target);
  const versions = mount === undefined ? [] : (view.recordOf(mount.secret)?.versions ?? []);
  return versions.some(({ role, copies }) => role === 'pending' && copies.some(({ id }) => id === copyId));
}

function isEndOf(abandoned: Changed, { target, to }: FlipChange): boolean {
  const changed = abandoned.get(target);
  const copy = to?.copy ?? null;
  return changed !== undefined && (copy === changed.before || copy === changed.now);
}

/** An update beside a task that waits for a node lets the scheduler forget that task, for ever (moby/moby#53722). */
function homeless(consumer: DeclaredConsumer, service: ObservedService): Blocked | null {
  if (service.homeless === null) return null;
  return refuse(consumer, 'busy', {
    code: 'service-busy',
    what: `service '${consumer.service}' has a task that waits for a node: ${service.homeless}`,
    where: consumer.address,
    live: 'its tasks stay as they are',
    next: `make room for it (\`docker service ps ${consumer.service}\`), then plan again`,
  });
}

/** A consumer that stands still, with the fault that says so. */
export function refuse(
  consumer: DeclaredConsumer,
  why: Blocked['why'],
  fault: FaultRecord,
  next: string | undefined = fault.next,
): Blocked {
  return { address: consumer.address, why, text: fault.what, next: next ?? null, fault };
}
