/** `needs.get(a)` holds what must come before `a`. Names outside of `nodes` are ignored. */
export type Needs = ReadonlyMap<string, readonly string[]>;

/**
 * Nodes in an order in which everything comes after what it needs, ties by name, so that one input has one
 * order. Nodes of a cycle come last, by name: callers that must not have cycles use `components` first.
 */
export function inOrder(nodes: readonly string[], needs: Needs): string[] {
  const waiting = new Set(nodes);
  const ordered: string[] = [];
  while (waiting.size > 0) {
    const ready = [...waiting].filter((node) => !(needs.get(node) ?? []).some((need) => waiting.has(need)));
    const next = ready.length > 0 ? ready : [...waiting];
    next.sort();
    for (const node of next) {
      waiting.delete(node);
      ordered.push(node);
    }
  }
  return ordered;
}

/** Strongly connected components (Tarjan), each sorted by name: a component with two nodes is a cycle. */
export function components(nodes: readonly string[], needs: Needs): string[][] {
  const known = new Set(nodes);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];

  const visit = (node: string): void => {
    const own = index.size;
    index.set(node, own);
    low.set(node, own);
    stack.push(node);
    for (const need of needs.get(node) ?? []) {
      if (!known.has(need)) continue;
      const seen = index.get(need);
      if (seen === undefined) visit(need);
      if (seen === undefined || stack.includes(need)) lower(node, low.get(need) ?? own);
    }
    if (low.get(node) === own) found.push(stack.splice(stack.indexOf(node)).sort());
  };
  const lower = (node: string, to: number): void => {
    low.set(node, Math.min(low.get(node) ?? to, to));
  };

  for (const node of [...nodes].sort()) if (!index.has(node)) visit(node);
  return found;
}

/** Sets that grow together when two of their members are joined. */
export class Unions {
  readonly #parent = new Map<string, string>();

  add(node: string): void {
    if (!this.#parent.has(node)) this.#parent.set(node, node);
  }

  join(a: string, b: string): void {
    this.add(a);
    this.add(b);
    const [first, second] = [this.rootOf(a), this.rootOf(b)].sort() as [string, string];
    this.#parent.set(second, first);
  }

  rootOf(node: string): string {
    const parent = this.#parent.get(node) ?? node;
    return parent === node ? node : this.rootOf(parent);
  }

  /** Every set, sorted inside and among each other. */
  sets(): string[][] {
    const byRoot = new Map<string, string[]>();
    for (const node of [...this.#parent.keys()].sort()) {
      const root = this.rootOf(node);
      byRoot.set(root, [...(byRoot.get(root) ?? []), node]);
    }
    return [...byRoot.values()];
  }
}
