/** The longest name in a key vault. */
const MAX_NAME = 127;

/** A name as a vault takes it: what it does not take is a hyphen. */
export function nameInVault(name: string): string {
  const fitting = name
    .replaceAll(/[^0-9a-zA-Z]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, MAX_NAME);
  return fitting === '' ? 'secret' : fitting;
}

/**
 * Which name of a swarm is which secret of a vault: base → item. Case and separators do not count. First those that are
 * the same then (`busflow_db_writer` and `busflow-db-writer`); then those that are the same but for the name of a stack
 * at the beginning of one of them (`busflow_db_writer` and `db-writer`). What could be several is none, and is said.
 */
export function pairNames(
  bases: readonly string[],
  items: readonly string[],
  namespaces: readonly string[],
  said: string[],
): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const ways = [
    (base: string, item: string): boolean => plain(base) === plain(item),
    (base: string, item: string): boolean =>
      namespaces.some((space) => {
        const lead = `${plain(space)}-`;
        return plain(base) === lead + plain(item) || plain(item) === lead + plain(base);
      }),
  ];
  for (const isSame of ways) {
    const taken = new Set(pairs.values());
    const free = bases.filter((base) => !pairs.has(base));
    const open = items.filter((item) => !taken.has(item));
    for (const base of free) {
      const fitting = open.filter((item) => isSame(base, item));
      const rivals = free.filter((other) => fitting.some((item) => isSame(other, item)));
      const [item] = fitting;
      if (item === undefined) continue;
      if (fitting.length === 1 && rivals.length === 1) pairs.set(base, item);
      else
        said.push(
          `${base} could be ${fitting.join(' or ')}${rivals.length > 1 ? `, and so could ${rivals.filter((other) => other !== base).join(' and ')}` : ''}: they are left apart`,
        );
    }
  }
  return pairs;
}

function plain(name: string): string {
  return nameInVault(name).toLowerCase();
}
