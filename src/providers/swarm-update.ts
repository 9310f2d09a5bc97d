import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';
import type { FlipChange } from '../model/plan.ts';
import type { FlipOrder, FlipReceipt } from '../model/platform.ts';
import type { Originals } from '../model/recorded.ts';
import type { Engine } from './swarm-connection.ts';
import { hasStatus, isOutOfSequence, isPassing, isUncertain } from './swarm-faults.ts';
import { patiently } from './swarm-patience.ts';
import { isPending, refuseBusy, refuseJob, refuseWaiting, someoneElse } from './swarm-refusals.ts';
import { failureActionOf, isHomeless, isMoving, isPaused, referencesOf } from './swarm-wire.ts';
import type { WireReference, WireService, WireServiceSpec } from './swarm-wire.ts';

/** How often someone else may be faster with an update that leaves our references alone. */
const ATTEMPTS = 10;

/** The service of exactly this name. The engine itself also takes an id or the beginning of one. */
export async function serviceNamed(
  engine: Engine,
  name: string,
  where: string,
  signal?: AbortSignal,
): Promise<WireService> {
  try {
    const service = await patiently(signal, () => engine.service(name, signal));
    if (service.Spec.Name === name) return service;
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
  throw new Fault({
    code: 'service-absent',
    what: `there is no service "${name}" on the swarm`,
    where,
    next: 'deploy it first, correct its name in the stack, or declare it optional',
  });
}

/** The contract is Platform.flip's. */
export async function flip(
  engine: Engine,
  where: string,
  order: FlipOrder,
  signal?: AbortSignal,
): Promise<FlipReceipt> {
  /** What the last update that we sent replaced; undefined: none was sent. */
  let sent: Originals | null | undefined;
  for (let attempt = 1; ; attempt++) {
    const service = await serviceNamed(engine, order.service, where, signal);
    refuseJob(service, where);
    if (order.changes.every((change) => standing(change, service.Spec) === 'done')) {
      const originals = sent === undefined ? replacedBefore(service, order) : sent;
      return receipt(service, originals, sent === undefined);
    }
    const moved = order.changes.find((change) => standing(change, service.Spec) === 'moved');
    if (moved !== undefined) throw someoneElse(moved, service, where);
    if (!order.undo) {
      if (order.takesOver !== true) refuseBusy(service, where);
      await refuseWaiting(engine, service, isHomeless, where, signal);
    }

    const spec = structuredClone(service.Spec);
    const ids = await copyIds(engine, order.changes, where, signal);
    applyChanges(spec, order.changes, ids);
    // The flip that is undone here may have been posted without its receipt: it left `pause` behind.
    const originals = pauseOnFailure(spec) ?? (order.undo ? replacedBefore(service, order) : null);
    try {
      await engine.updateService(service.ID, service.Version.Index, spec, signal);
      sent = originals;
      // The update is accepted: what it replaced must not be lost because a look at it fails.
      const after = await serviceNamed(engine, order.service, where, signal).catch(() => service);
      return receipt(after, originals, false);
    } catch (error) {
      // A copy that went, or was made anew, since we looked: the next look says so by name.
      if (hasStatus(error, 400) && attempt === 1) continue;
      await orAgain(error, attempt, signal);
      if (isUncertain(error)) sent = originals;
    }
  }
}

/** The contract is Platform.settle's. */
export async function settle(
  engine: Engine,
  where: string,
  name: string,
  originals: Originals | null,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const service = await serviceNamed(engine, name, where, signal);
    refuseJob(service, where);
    refuseBusy(service, where);
    const spec = structuredClone(service.Spec);
    const restored = originals === null ? false : restore(spec, originals);
    if (!restored && previousIsCurrent(service)) return;
    await refuseWaiting(engine, service, isPending, where, signal);
    try {
      // An update that changes no task moves the previous spec on and starts no updater.
      await engine.updateService(service.ID, service.Version.Index, spec, signal);
    } catch (error) {
      await orAgain(error, attempt, signal);
      continue;
    }
    const after = await serviceNamed(engine, name, where, signal);
    if (previousIsCurrent(after)) return;
    if (attempt >= ATTEMPTS) {
      throw new Fault({
        code: 'service-busy',
        what: `the previous spec of "${name}" does not move on`,
        where,
        next: 'someone else keeps updating this service; apply again later',
      });
    }
  }
}

/** Returns where the same may be tried again: someone else was faster, or the answer was lost. */
async function orAgain(error: unknown, attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const again = isOutOfSequence(error) || isPassing(error);
  if (!again || attempt >= ATTEMPTS) throw error;
  await pause(50 * attempt, undefined, signal === undefined ? {} : { signal });
}

/** Whether a change still has to be made, is made, or stands on something that it does not know. */
function standing(change: FlipChange, spec: WireServiceSpec): 'open' | 'done' | 'moved' {
  const now = referencesOf(spec.TaskTemplate).find((reference) => reference.target === change.target);
  const copy = now?.copyName ?? null;
  if (copy === (change.to?.copy ?? null)) return 'done';
  return copy === (change.from?.copy ?? null) ? 'open' : 'moved';
}

/**
 * In place, because a reference that moves restarts the tasks. A list in the order of its names stays in that
 * order: `docker stack deploy` sorts by it, and must find nothing to change when it runs after us.
 */
function applyChanges(
  spec: WireServiceSpec,
  changes: readonly FlipChange[],
  ids: ReadonlyMap<string, string>,
): void {
  const isInOrder = (reference: WireReference, at: number, all: readonly WireReference[]) =>
    at === 0 || (all[at - 1]?.SecretName ?? '') <= reference.SecretName;
  const wasSorted = (spec.TaskTemplate.ContainerSpec?.Secrets ?? []).every(isInOrder);
  for (const change of changes) applyChange(spec, change, ids);
  if (!wasSorted) return;
  spec.TaskTemplate.ContainerSpec?.Secrets?.sort((a, b) =>
    a.SecretName < b.SecretName ? -1 : Number(a.SecretName > b.SecretName),
  );
}

function applyChange(spec: WireServiceSpec, change: FlipChange, ids: ReadonlyMap<string, string>): void {
  if (standing(change, spec) === 'done') return;
  const container = (spec.TaskTemplate.ContainerSpec ??= {});
  const references = (container.Secrets ??= []);
  const at = references.findIndex(
    (reference) => (reference.File?.Name ?? reference.SecretName) === change.target,
  );
  const existing = references[at];
  if (change.to === null) {
    if (at >= 0) references.splice(at, 1);
    return;
  }
  const names = { SecretID: ids.get(change.to.copy) ?? '', SecretName: change.to.copy };
  const File = { Name: change.target, UID: change.uid, GID: change.gid, Mode: change.mode };
  const wanted: WireReference = existing === undefined ? { File, ...names } : { ...existing, ...names };
  if (existing === undefined) references.push(wanted);
  else references[at] = wanted;
}

async function copyIds(
  engine: Engine,
  changes: readonly FlipChange[],
  where: string,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const names = changes.flatMap((change) => (change.to === null ? [] : [change.to.copy]));
  if (names.length === 0) return new Map();
  const found = await patiently(signal, () => engine.secrets({ names }, signal));
  const ids = new Map(found.map((secret) => [secret.Spec.Name, secret.ID]));
  const absent = names.filter((name) => !ids.has(name));
  if (absent.length === 0) return ids;
  throw new Fault({
    code: 'platform-refused',
    what: `the swarm has no secret ${absent.map((name) => `"${name}"`).join(', ')}`,
    where,
    live: 'the service reads what it read before',
    next: 'someone removed it after it was staged; plan and apply again',
  });
}

/** An absent config already means `pause`; making one would also set its other fields. */
function pauseOnFailure(spec: WireServiceSpec): Originals | null {
  const originals = {
    update: failureActionOf(spec.UpdateConfig),
    rollback: failureActionOf(spec.RollbackConfig),
  };
  if (spec.UpdateConfig !== undefined) spec.UpdateConfig.FailureAction = 'pause';
  if (spec.RollbackConfig !== undefined) spec.RollbackConfig.FailureAction = 'pause';
  return originals.update === 'pause' && originals.rollback === 'pause' ? null : originals;
}

/** Puts the actions back that still are what a flip wrote; says whether one changed. */
function restore(spec: WireServiceSpec, originals: Originals): boolean {
  let changed = false;
  const pairs = [
    [spec.UpdateConfig, originals.update],
    [spec.RollbackConfig, originals.rollback],
  ] as const;
  for (const [config, original] of pairs) {
    if (config === undefined || failureActionOf(config) !== 'pause' || original === 'pause') continue;
    config.FailureAction = original;
    changed = true;
  }
  return changed;
}

/** After a crash between update and outcome, the previous spec still holds what the flip replaced. */
function replacedBefore(service: WireService, order: FlipOrder): Originals | null {
  const previous = service.PreviousSpec;
  if (previous === undefined || previous === null) return null;
  const named = new Map(
    referencesOf(previous.TaskTemplate).map(({ target, copyName }) => [target, copyName]),
  );
  const isBefore = order.changes.every(
    (change) => (named.get(change.target) ?? null) === ((order.undo ? change.to : change.from)?.copy ?? null),
  );
  return isBefore ? pauseOnFailure(structuredClone(previous)) : null;
}

function previousIsCurrent(service: WireService): boolean {
  const previous = service.PreviousSpec;
  if (previous === undefined || previous === null) return true;
  const ids = (spec: WireServiceSpec) =>
    referencesOf(spec.TaskTemplate)
      .map(({ target, copyId }) => `${target} ${copyId}`)
      .join('\n');
  return ids(previous) === ids(service.Spec);
}

/** Swarm writes UpdatedAt again when the updater starts; its StartedAt is before the first new task. */
function receipt(service: WireService, originals: Originals | null, already: boolean): FlipReceipt {
  const started = service.UpdateStatus?.StartedAt;
  const since =
    started !== undefined && (isMoving(service) || isPaused(service)) ? started : service.UpdatedAt;
  return { serviceId: service.ID, since, originals, already };
}
