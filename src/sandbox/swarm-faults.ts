import type { SwarmOperation } from './swarm-api.ts';

/** What goes wrong at a request, for how many matching requests in a row (1 unless said). */
export type SwarmFaultRule = {
  readonly match: {
    readonly operation?: SwarmOperation;
    /** Found in the path, without the version and the query: an id or a name. */
    readonly path?: string;
    /** Counts the matching requests from 1; the rule acts from this one on. 1 unless said. */
    readonly nth?: number;
  };
  readonly times?: number | 'always';
} & (
  | {
      readonly action: 'fail';
      readonly status: number;
      readonly message: string;
      /** The request is carried out all the same, before the failure is answered. */
      readonly done?: boolean;
    }
  | { readonly action: 'delay'; readonly ms: number }
  /** Closes the connection; `drop-before` does nothing else, `drop-after` carries the request out first. */
  | { readonly action: 'drop-before' | 'drop-after' }
  /** No answer and nothing done until the server closes. */
  | { readonly action: 'hang' }
);

/** Rules in the order in which they were given. Each counts the requests that it matches on its own. */
export class SwarmFaultRules {
  #rules: { readonly rule: SwarmFaultRule; seen: number }[] = [];

  add(rule: SwarmFaultRule): void {
    this.#rules.push({ rule, seen: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** Counts one request and returns the first rule that acts on it. Call it once for each request. */
  take(operation: SwarmOperation | null, path: string): SwarmFaultRule | null {
    let acting: SwarmFaultRule | null = null;
    for (const entry of this.#rules) {
      const { match, times = 1 } = entry.rule;
      if (match.operation !== undefined && match.operation !== operation) continue;
      if (match.path !== undefined && !path.includes(match.path)) continue;
      entry.seen += 1;
      const first = match.nth ?? 1;
      const last = times === 'always' ? Number.POSITIVE_INFINITY : first + times - 1;
      if (acting === null && entry.seen >= first && entry.seen <= last) acting = entry.rule;
    }
    return acting;
  }
}
