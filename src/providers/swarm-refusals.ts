import { Fault } from '../model/fault.ts';
import type { FlipChange } from '../model/plan.ts';
import type { Engine } from './swarm-connection.ts';
import { patiently } from './swarm-patience.ts';
import { isMoving, isPaused, modeOf, referencesOf } from './swarm-wire.ts';
import type { WireService, WireTask } from './swarm-wire.ts';

export function refuseJob(service: WireService, where: string): void {
  if (modeOf(service.Spec) !== 'job') return;
  throw new Fault({
    code: 'service-unsupported',
    what: `"${service.Spec.Name}" is a job, and any update of a job runs it again`,
    where,
    next: 'let whoever starts the job name the new secret; declare no consumer for it',
  });
}

export function refuseBusy(service: WireService, where: string): void {
  const name = service.Spec.Name;
  const live = 'the service stays as it is';
  if (isMoving(service)) {
    throw new Fault({
      code: 'service-busy',
      what: `an update of "${name}" is under way (${service.UpdateStatus?.State ?? ''})`,
      where,
      live,
      next: `wait until it has ended (docker service ps ${name}), then apply again`,
    });
  }
  if (!isPaused(service)) return;
  throw new Fault({
    code: 'service-busy',
    what: `an earlier update of "${name}" failed and is ${service.UpdateStatus?.State ?? ''}`,
    where,
    live,
    next: `a new update would hide that failure: see docker service ps ${name}, repair or resume it (docker service update ${name}), then apply again`,
  });
}

/** The scheduler may not have looked for a node yet: an update that changes no task leaves such a one as it is. */
export function isPending({ DesiredState, Status }: WireTask): boolean {
  return DesiredState === 'running' && Status.State === 'pending';
}

/** An update beside a task that waits for a node can make the scheduler forget that task (moby/moby#53722). */
export async function refuseWaiting(
  engine: Engine,
  service: WireService,
  isWaiting: (task: WireTask) => boolean,
  where: string,
  signal?: AbortSignal,
): Promise<void> {
  const tasks = await patiently(signal, () => engine.tasks({ service: [service.ID] }, signal));
  const task = tasks.find(isWaiting);
  if (task === undefined) return;
  throw new Fault({
    code: 'service-busy',
    what: `a task of "${service.Spec.Name}" waits for a node: ${task.Status.Err ?? 'pending'}`,
    where,
    live: 'the service stays as it is',
    next: `make room for it (docker service ps ${service.Spec.Name}), then apply again`,
  });
}

export function someoneElse(change: FlipChange, service: WireService, where: string): Fault {
  const now = referencesOf(service.Spec.TaskTemplate).find(({ target }) => target === change.target);
  return new Fault({
    code: 'service-busy',
    what: `someone else updated "${service.Spec.Name}": "${change.target}" names ${quoted(now?.copyName)}, not ${quoted(change.from?.copy)}`,
    where,
    live: `"${change.target}" reads ${quoted(now?.copyName)}`,
    next: 'plan again: it starts from what is there now',
  });
}

function quoted(copy: string | undefined): string {
  return copy === undefined ? 'nothing' : `"${copy}"`;
}
