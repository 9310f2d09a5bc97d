/** Something to do once everything that it needs was done. */
export interface Node {
  readonly id: string;
  /** Ids outside of the walked nodes are taken as done. */
  readonly needs: readonly string[];
}

/**
 * Runs nodes as soon as what they need is done, side by side, and resolves when nothing runs any more. After a
 * failure nothing new starts, but what runs is waited for. `run` resolves with whether the node was done; it
 * must not reject. Returns the ids that were done.
 */
export async function walk<N extends Node>(
  nodes: readonly N[],
  run: (node: N) => Promise<boolean>,
  mayStart: () => boolean,
): Promise<ReadonlySet<string>> {
  const waiting = new Map(nodes.map((node) => [node.id, node]));
  const done = new Set<string>();
  const running = new Map<string, Promise<void>>();
  let hasFailed = false;

  const isReady = (node: N): boolean => !node.needs.some((need) => waiting.has(need) || running.has(need));
  const start = (node: N): void => {
    waiting.delete(node.id);
    const settled = run(node).then((isDone) => {
      running.delete(node.id);
      if (isDone) done.add(node.id);
      else hasFailed = true;
    });
    running.set(node.id, settled);
  };

  for (;;) {
    if (!hasFailed && mayStart()) {
      const ready = [...waiting.values()].filter(isReady);
      for (const node of ready) start(node);
    }
    if (running.size === 0) return done;
    await Promise.race(running.values());
  }
}
