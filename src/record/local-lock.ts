import type { Claim, Lock, ObjectStore } from '../model/store.ts';
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
    const claims = await this.#claims();
    const standing = await this.read();
    if ((standing?.tag ?? null) !== over) throw new Changed(PREFIX);
    const before = over === null ? 0 : numberIn(over);
    // What was there beside the one that still stands is left of takers that died before they could remove it.
    for (const { number, tag } of claims) if (number < before) await this.#forget(number, tag);
    const own = nameOf(before + 1);
    const tag = await this.#store.put(own, text, 'absent');
    const others = (await this.#numbers()).filter((number) => number !== before && number !== before + 1);
    if (others.length > 0) {
      // The claim that we saw was given up and another one made before ours.
      await this.#store.remove(own, tag);
      throw new Changed(PREFIX);
    }
    if (before > 0) await this.#store.remove(nameOf(before));
    return tagOf(before + 1, tag);
  }

  async renew(text: string, tag: string): Promise<string> {
    const number = numberIn(tag);
    if ((await this.#numbers()).at(-1) !== number) throw new Changed(nameOf(number));
    const renewed = await this.#store.put(nameOf(number), text, { tag: contentIn(tag) });
    // Whoever took it meanwhile made the next number: then this file is nobody's.
    if ((await this.#numbers()).at(-1) !== number) throw new Changed(nameOf(number));
    return tagOf(number, renewed);
  }

  async drop(tag: string): Promise<void> {
    await this.#forget(numberIn(tag), contentIn(tag));
  }

  async #forget(number: number, content: string): Promise<void> {
    await this.#store.remove(nameOf(number), content).catch((thrown: unknown) => {
      if (!(thrown instanceof Changed)) throw thrown;
    });
  }

  async #claims(): Promise<{ readonly number: number; readonly tag: string }[]> {
    const numbers = await this.#numbers();
    const claims = await Promise.all(numbers.map((number) => this.#store.get(nameOf(number))));
    return claims.flatMap((claim, index) => {
      const number = numbers[index];
      return claim === null || number === undefined ? [] : [{ number, tag: claim.tag }];
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
