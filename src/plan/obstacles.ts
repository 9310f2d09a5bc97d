import type { DeclaredConsumer } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { ObservedService } from '../model/observed.ts';
import type { Blocked } from '../model/plan.ts';
import type { View } from './view.ts';

/** Why a consumer may not be updated now, or null. */
export function obstacleToFlip(consumer: DeclaredConsumer, view: View): Blocked | null {
  const sight = view.service(consumer);
  if ('unknown' in sight) {
    const { what, next } = sight.unknown;
    return refuse(consumer, 'unknown', { ...sight.unknown, what: `could not be observed: ${what}` }, next);
  }
  const service = sight.seen;
  if (service === null) {
    if (consumer.optional) return null;
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
  if (state === null || state === 'completed' || state === 'rollback_completed')
    return homeless(consumer, service);
  return refuse(consumer, 'busy', {
    code: 'service-busy',
    what: `service '${consumer.service}' has an update that is ${state}`,
    where: consumer.address,
    live: 'its tasks may run on either spec',
    next: state.endsWith('paused')
      ? `look at \`docker service ps ${consumer.service}\`, mend and update it, then plan again`
      : 'wait until it has ended, then plan again',
  });
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
