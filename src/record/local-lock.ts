import type { Claim, Expected, Lock, ObjectStore } from '../model/store.ts';
import { Changed } from '../model/store.ts';

const PREFIX = 'lease-';

/**
 * The claim in a directory: one file a claim, `lease-000001.json`, numbered. The highest number stands. A claim is
 * made by creating the next number, which link(2) lets exactly one process do; only its holder writes it again.
 */
export class LocalLock implements Lock {
  readonly #store: Omit<ObjectStore, 'lock'>;

  constructor(store: Omit<ObjectStore, 'lock'>) {
    this.#store = store;
  }

  get place(): string {
    return `${this.#store.place}/${PREFIX}*.json`;
  }

  async read(): Promise<Claim | null> {
    for (;;) {
      const number = (await this.#numbers()).at(-1);
      if (number === undefined) return null;
      const stored = await this.#store.get(nameOf(number));
      // It was given up between the two looks.
      if (stored !== null) return { text: stored.text, tag: tagOf(number, stored.tag), ageMs: null };
    }
  }

  async take(text: string, over: string | null): Promise<string> {
    const standing = await this.read();
    if ((standing?.tag ?? null) !== over) throw new Changed(PREFIX);
    const own = over === null ? 1 : numberIn(over) + 1;
    const tag = await this.#write(own, text, 'absent');
    const others = (await this.#numbers()).filter((number) => number !== own);
    if (!(await this.#isStill(over, others))) {
      // The claim that we saw was given up, and another one may have been made meanwhile: ours gives way.
      await this.#store.remove(nameOf(own), tag);
      throw new Changed(PREFIX);
    }
    // Lower ones were left by claimers that died before they had removed them.
    for (const number of others) await this.#store.remove(nameOf(number));
    return tagOf(own, tag);
  }

  /** Whether what we saw is still what we take the place of; while it stands nobody makes a lower claim. */
  async #isStill(over: string | null, others: readonly number[]): Promise<boolean> {
    if (over === null) return others.length === 0;
    const seen = await this.#store.get(nameOf(numberIn(over)));
    return seen?.tag === contentIn(over) && others.every((number) => number <= numberIn(over));
  }

  /** A claim that is there although its write failed (its directory could not be synced) is made: it need not last. */
  async #write(number: number, text: string, expect: Expected): Promise<string> {
    try {
      return await this.#store.put(nameOf(number), text, expect);
    } catch (thrown) {
      if (thrown instanceof Changed) throw thrown;
      const there = await this.#store.get(nameOf(number));
      if (there?.text === text) return there.tag;
      throw thrown;
    }
  }

  async renew(text: string, tag: string): Promise<string> {
    const number = numberIn(tag);
    if ((await this.#numbers()).at(-1) !== number) throw new Changed(nameOf(number));
    const renewed = await this.#write(number, text, { tag: contentIn(tag) });
    // Whoever took it meanwhile made the next number: then this file is nobody's.
    if ((await this.#numbers()).at(-1) !== number) throw new Changed(nameOf(number));
    return tagOf(number, renewed);
  }

  async drop(tag: string): Promise<void> {
    await this.#store.remove(nameOf(numberIn(tag)), contentIn(tag)).catch((thrown: unknown) => {
      if (!(thrown instanceof Changed)) throw thrown;
    });
  }

  async #numbers(): Promise<number[]> {
    const names = await this.#store.list(PREFIX);
    return names.flatMap((name) => {
      const digits = /^lease-(\d{6,})\.json$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    });
  }
}

function nameOf(number: number): string {
  return `${PREFIX}${String(number).padStart(6, '0')}.json`;
}

function tagOf(number: number, content: string): string {
  return `${number}/${content}`;
}

function numberIn(tag: string): number {
  return Number(tag.slice(0, tag.indexOf('/')));
}

function contentIn(tag: string): string {
  return tag.slice(tag.indexOf('/') + 1);
}
