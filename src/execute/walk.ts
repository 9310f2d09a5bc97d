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
  const waiting = new Map(nodes.map((node) => [node.id, node]));
  const done = new Set<string>();
  const failed = new Set<string>();
  const running = new Map<string, Promise<void>>();

  const isOpen = (id: string): boolean => waiting.has(id) || running.has(id);
  const isReady = ({ needs, after = [] }: N): boolean =>
    !needs.some((need) => isOpen(need) || failed.has(need)) && !after.some(isOpen);
  /** What needs something that failed never begins: nobody waits for it. */
  const dropHopeless = (): void => {
    for (let dropped = -1; dropped !== failed.size;) {
      dropped = failed.size;
      for (const { id, needs } of waiting.values())
        if (needs.some((need) => failed.has(need))) {
          waiting.delete(id);
          failed.add(id);
        }
    }
  };
  const start = (node: N): void => {
    waiting.delete(node.id);
    const settled = run(node).then((isDone) => {
      running.delete(node.id);
      (isDone ? done : failed).add(node.id);
    });
    running.set(node.id, settled);
  };
  const mayStart = (): boolean => (failed.size === 0 || how.isolated === true) && (how.mayStart?.() ?? true);

  try {
    for (;;) {
      if (how.isolated === true) dropHopeless();
      if (mayStart()) for (const node of [...waiting.values()].filter(isReady)) start(node);
      if (running.size === 0) return done;
      await Promise.race(running.values());
    }
  } finally {
    await Promise.allSettled(running.values());
  }
}
