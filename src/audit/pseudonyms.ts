import { PERSONAL } from '../model/journal.ts';

/**
 * Entries as they were written, with a pseudonym in each place that `PERSONAL` lists: `person 1`, `host 1`. The same
 * text has the same pseudonym in all of them, numbered in the order of the entries. What people wrote elsewhere, such as
 * a reason, stays. The entries are left as they are.
 */
export class Pseudonyms {
  readonly #given = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** The entry with pseudonyms. */
  in(entry: unknown): unknown {
    return PERSONAL.reduce((so: unknown, path) => this.#at(so, path.split('.'), path), entry);
  }

  #at(value: unknown, [step, ...rest]: readonly string[], path: string): unknown {
    if (step === undefined) return typeof value === 'string' ? this.#of(value, path) : value;
    if (!isObject(value)) return value;
    const key = step.replace(/\[\]$/, '');
    if (!(key in value)) return value;
    const inner = value[key];
    const replaced =
      step === key
        ? this.#at(inner, rest, path)
        : Array.isArray(inner)
          ? inner.map((each: unknown) => this.#at(each, rest, path))
          : inner;
    return { ...value, [key]: replaced };
  }

  #of(text: string, path: string): string {
    const kind = path.endsWith('.host') ? 'host' : 'person';
    const known = this.#given.get(`${kind} ${text}`);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#given.set(`${kind} ${text}`, `${kind} ${count}`);
    return `${kind} ${count}`;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
