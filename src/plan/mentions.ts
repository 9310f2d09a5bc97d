import { consumerAddress, isOnHost } from '../model/address.ts';
import type { ObservedService, SeenPlatform } from '../model/observed.ts';

/** Which services of a platform mention copies, so that who asks for one need not go through all of them. */
export class Mentions {
  /** By the id of a copy: names, sorted. */
  readonly #byCopy = new Map<string, string[]>();
  /** Processes that carry no marker may hold any version. */
  readonly #unmarked: readonly string[];

  constructor(platform: string, { services }: Pick<SeenPlatform, 'services'>) {
    const known = Object.entries(services).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, service] of known)
      for (const id of new Set(idsIn(service))) {
        const names = this.#byCopy.get(id);
        if (names === undefined) this.#byCopy.set(id, [name]);
        else names.push(name);
      }
    this.#unmarked = known.flatMap(([name, { liveTasks }]) =>
      isOnHost(consumerAddress(platform, name)) && liveTasks.some(({ copyIds }) => copyIds.length === 0)
        ? [name]
        : [],
    );
  }

  /** Names of those that may refer to this copy, sorted. */
  of(copyId: string): readonly string[] {
    const named = this.#byCopy.get(copyId) ?? [];
    return this.#unmarked.length === 0 ? named : [...new Set([...named, ...this.#unmarked])].sort();
  }
}

function idsIn({ references, previousReferences, liveTasks }: ObservedService): string[] {
  const named = [...references, ...(previousReferences ?? [])].map(({ copyId }) => copyId);
  return [...named, ...liveTasks.flatMap(({ copyIds }) => copyIds)];
}
