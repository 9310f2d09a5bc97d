import type { Address } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';

/** How a table of these addresses calls each: by its name, with its vault or platform where another has that name. */
export function shortNames(addresses: readonly Address[]): ReadonlyMap<Address, string> {
  const all = new Set(addresses);
  const count = new Map<string, number>();
  for (const address of all) count.set(nameOf(address), (count.get(nameOf(address)) ?? 0) + 1);
  return new Map(
    [...all].map((address) => {
      const name = nameOf(address);
      return [address, count.get(name) === 1 ? name : `${homeOf(address)}/${name}`];
    }),
  );
}

/** A person without the mail behind the name, which would make most rows of a table two lines. */
export function personName(name: string): string {
  return name.replace(/(\S) <[^<>]*>$/, '$1');
}
