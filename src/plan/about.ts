import type { Address } from '../model/address.ts';

/** Finds those of a list that are about some addresses, in the order of the list, without going through all of it. */
export class About<T> {
  readonly #list: readonly T[];
  /** Places in the list. */
  readonly #at = new Map<Address, number[]>();

  constructor(list: readonly T[], addressesOf: (item: T) => readonly Address[]) {
    this.#list = list;
    for (const [index, item] of list.entries())
      for (const address of addressesOf(item)) {
        const places = this.#at.get(address);
        if (places === undefined) this.#at.set(address, [index]);
        else places.push(index);
      }
  }

  /** Each of them once. */
  of(addresses: Iterable<Address>): T[] {
    const places = new Set([...addresses].flatMap((address) => this.#at.get(address) ?? []));
    return [...places].sort((a, b) => a - b).flatMap((place) => this.#list.slice(place, place + 1));
  }
}
