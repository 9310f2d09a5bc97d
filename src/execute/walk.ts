/** Something to do once everything that it needs was done. */
export interface Node {
  readonly id: string;
  /** Ids outside of the walked nodes are taken as done. */
  readonly needs: readonly string[];
  /** Must have ended, or never begin, before this one begins: whatever their end. */
  readonly after?: readonly string[] | undefined;
}

/**
 * Runs nodes as soon as what they need is done, side by side, and resolves with the ids that were done when
 * nothing runs any more. After a failure nothing new starts, or, with `isolated`, only nothing that needs the
 * failed node. `run` resolves with whether the node was done; where it rejects, what runs is still waited for
 * before this rejects.
 */
export async function walk<N extends Node>(
  nodes: readonly N[],
  run: (node: N) => Promise<boolean>,
  how: { readonly mayStart?: () => boolean; readonly isolated?: boolean } = {},
): Promise<ReadonlySet<string>> {
  const queue = new Queue(nodes);
  const done = new Set<string>();
  const running = new Set<Promise<void>>();
  const broken: unknown[] = [];
  let hasFailed = false;
  let wake = (): void => undefined;

  const ended = (node: N, isDone: boolean): void => {
    if (isDone) done.add(node.id);
    else hasFailed = true;
    queue.end(node.id, isDone);
  };
  const start = (node: N): void => {
    const settled = run(node)
      .then(
        (isDone) => ended(node, isDone),
        (thrown: unknown) => void broken.push(thrown),
      )
      .then(() => {
        running.delete(settled);
        wake();
      });
    running.add(settled);
  };
  const mayStart = (): boolean => (!hasFailed || how.isolated === true) && (how.mayStart?.() ?? true);

  while (broken.length === 0) {
    if (mayStart()) for (const node of queue.take()) start(node);
    if (running.size === 0) return done;
    // Not a race: each one that is raced would keep what waits for it, once for every other that ended before it.
    await new Promise<void>((resolve) => (wake = resolve));
  }
  await Promise.all(running);
  throw broken[0];
}

interface Waiter {
  readonly id: string;
  /** It needs a good end; else any is as good. */
  readonly needs: boolean;
}

/** What has not begun. An end costs as much as there is that waits for it, whatever else there is. */
class Queue<N extends Node> {
  readonly #nodes: ReadonlyMap<string, N>;
  readonly #order: ReadonlyMap<string, number>;
  readonly #waiters = new Map<string, Waiter[]>();
  /** How many ends each one still waits for. */
  readonly #open = new Map<string, number>();
  readonly #hopeless = new Set<string>();
  #ready: string[] = [];

  constructor(nodes: readonly N[]) {
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    this.#order = new Map([...this.#nodes.keys()].map((id, index) => [id, index]));
    for (const { id, needs, after = [] } of this.#nodes.values()) {
      const edges = [
        ...needs.map((on) => ({ on, needs: true })),
        ...after.map((on) => ({ on, needs: false })),
      ].filter(({ on }) => this.#nodes.has(on));
      this.#open.set(id, edges.length);
      if (edges.length === 0) this.#ready.push(id);
      for (const { on, needs } of edges) this.#waitersOf(on).push({ id, needs });
    }
  }

  /** Those that may begin, in the order in which they were given; each is given once. */
  take(): N[] {
    const ready = this.#ready.sort((a, b) => (this.#order.get(a) ?? 0) - (this.#order.get(b) ?? 0));
    this.#ready = [];
    return ready.flatMap((id) => this.#nodes.get(id) ?? []);
  }

  /** What needs something that failed never begins: it has ended as well, and nobody waits for it. */
  end(id: string, isDone: boolean): void {
    const ends = [{ id, isDone }];
    for (const { id, isDone } of ends)
      for (const waiter of this.#waitersOf(id)) {
        if (waiter.needs && !isDone && !this.#hopeless.has(waiter.id)) {
          this.#hopeless.add(waiter.id);
          ends.push({ id: waiter.id, isDone: false });
        }
        const open = (this.#open.get(waiter.id) ?? 0) - 1;
        this.#open.set(waiter.id, open);
        if (open === 0 && !this.#hopeless.has(waiter.id)) this.#ready.push(waiter.id);
      }
  }

  #waitersOf(id: string): Waiter[] {
    const waiters = this.#waiters.get(id) ?? [];
    this.#waiters.set(id, waiters);
    return waiters;
  }
}
