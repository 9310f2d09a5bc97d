import { Fault } from '../model/fault.ts';
import type { Engine } from './swarm-connection.ts';
import { hasStatus } from './swarm-faults.ts';
import type { Sighting } from './swarm-judge.ts';
import type { Clock } from './swarm-verify.ts';
import type { WireNode, WireService, WireTask } from './swarm-wire.ts';

interface Look {
  readonly services: readonly WireService[];
  readonly tasks: readonly WireTask[];
  readonly nodes: readonly WireNode[];
  readonly at: number;
}

/**
 * Looks at the services that are verified, all of them at once: three lists a poll, however many there are. Who asks gets
 * a look that began after that; those who ask while one is under way share the next one.
 */
export class Sightings {
  readonly #engine: Engine;
  readonly #clock: Pick<Clock, 'ticks'>;
  /** Ids of the services that are verified now, and by how many. */
  readonly #watched = new Map<string, number>();
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<Look> | null = null;

  constructor(engine: Engine, clock: Pick<Clock, 'ticks'>) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Until `unwatch` every look is of this service as well. */
  watch(id: string): void {
    this.#watched.set(id, (this.#watched.get(id) ?? 0) + 1);
  }

  unwatch(id: string): void {
    const count = (this.#watched.get(id) ?? 1) - 1;
    if (count === 0) this.#watched.delete(id);
    else this.#watched.set(id, count);
  }

  /** A service that is watched, as it is from now on. Throws `service-absent` where it was removed. */
  async of(id: string, signal?: AbortSignal): Promise<Sighting> {
    signal?.throwIfAborted();
    const { services, tasks, nodes, at } = await untilAborted(this.#look(), signal);
    const service = services.find(({ ID }) => ID === id);
    if (service !== undefined)
      return { service, tasks: tasks.filter(({ ServiceID }) => ServiceID === id), nodes, at };
    throw new Fault({
      code: 'service-absent',
      what: 'the service was removed while it was verified',
      next: 'deploy it again, then apply again',
    });
  }

  #look(): Promise<Look> {
    if (this.#next !== null) return this.#next;
    const next = this.#current.then(() => {
      this.#next = null;
      return this.#begin();
    });
    this.#next = next;
    // Whoever waits for it hears of its failure; the one behind it begins all the same.
    this.#current = next.catch(() => undefined);
    return next;
  }

  async #begin(): Promise<Look> {
    const ids = [...this.#watched.keys()];
    const [services, tasks, nodes] = await Promise.all([
      this.#engine.services({ id: ids }),
      this.#tasksOf(ids),
      this.#engine.nodes(),
    ]);
    return { services, tasks, nodes, at: this.#clock.ticks() };
  }

  /** The engine refuses a filter that names a service which is gone: that is that one's trouble, not the others'. */
  async #tasksOf(ids: readonly string[]): Promise<WireTask[]> {
    try {
      return await this.#engine.tasks({ service: ids });
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      return this.#engine.tasks({});
    }
  }
}

/** One of those who share a look may give up; the others still want it. */
function untilAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
