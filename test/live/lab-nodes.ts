import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WITHIN = { timeout: 60_000 };
const STEADY_MS = 3_000;
const SCRIPT = fileURLToPath(new URL('lab/node.sh', import.meta.url));

/** One node of the lab, a manager. What happens to it is undone by `restoreNodes`. */
export interface LabNode {
  /** As the swarm names it. */
  readonly name: string;
  readonly endpoint: string;
  docker(...args: string[]): Promise<string>;
  /** Ends its engine as an operator does: its containers end with it. */
  stop(): Promise<void>;
  /** Ends its engine as a crash does: its containers go on. */
  kill(): Promise<void>;
  /** Resolves once its engine answers; whether the swarm has it back says `restoreNodes`. */
  start(): Promise<void>;
  /** Takes it off the network. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

/** What `docker node ls` says of a node. */
export interface NodeRow {
  readonly Hostname: string;
  readonly Status: string;
  readonly Availability: string;
  readonly ManagerStatus: string;
}

export function labNodes(): LabNode[] {
  const lab = process.env['KEYTURN_LAB'] ?? '';
  const numbers: number[] = [];
  for (let number = 1; existsSync(join(lab, `n${number}`)); number++) numbers.push(number);
  return numbers.map((number) => {
    const endpoint = `unix://${join(lab, `n${number}`, 'docker.sock')}`;
    const act = async (what: string): Promise<void> => {
      await run(SCRIPT, [what, String(number)], WITHIN);
    };
    return {
      name: `node-${number}`,
      endpoint,
      docker: async (...args) => (await run('docker', ['-H', endpoint, ...args], WITHIN)).stdout.trim(),
      stop: () => act('stop'),
      kill: () => act('kill'),
      start: () => act('start'),
      cut: () => act('cut'),
      heal: () => act('heal'),
    };
  });
}

/** What this node's engine knows of all of them; empty while it has no leader or does not answer. */
export async function rowsOf(node: LabNode): Promise<NodeRow[]> {
  const text = await node.docker('node', 'ls', '--format', '{{json .}}').catch(() => '');
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as NodeRow);
}

/** The node that leads, and the others; as this node knows it, or the first one. */
export async function leadership(asked = labNodes()[0]): Promise<{
  readonly leader: LabNode;
  readonly others: readonly LabNode[];
}> {
  const nodes = labNodes();
  const rows = asked === undefined ? [] : await rowsOf(asked);
  const name = rows.find(({ ManagerStatus }) => ManagerStatus === 'Leader')?.Hostname;
  const leader = nodes.find((node) => node.name === name);
  if (leader === undefined) throw new Error('the swarm of the lab has no leader');
  return { leader, others: nodes.filter((node) => node !== leader) };
}

/**
 * Holds afterwards: each node is on the network and its engine runs, and each of them sees all of them ready, open
 * to tasks and reachable, and one that leads. For `finally` and `afterAll`: the other files work in the same lab.
 */
export async function restoreNodes(): Promise<void> {
  const nodes = labNodes();
  await Promise.all(
    nodes.map(async (node) => {
      await node.heal();
      await node.start();
    }),
  );
  // Who comes back may ask for one more election: one good look says nothing yet.
  let since: number | null = null;
  await until('every node is ready and one leads', async () => {
    const seen = await Promise.all(nodes.map((node) => rowsOf(node)));
    const isGood = seen.every(
      (rows) =>
        rows.filter(({ Status }) => Status === 'Ready').length === nodes.length &&
        rows.filter(({ ManagerStatus }) => ManagerStatus === 'Leader').length === 1 &&
        rows.filter(({ ManagerStatus }) => ManagerStatus === 'Reachable').length === nodes.length - 1,
    );
    since = isGood ? (since ?? Date.now()) : null;
    return since !== null && Date.now() - since >= STEADY_MS;
  });
  await until('every node takes tasks', async () => {
    const [first] = nodes;
    const rows = first === undefined ? [] : await rowsOf(first);
    const paused = rows.filter(({ Availability }) => Availability !== 'Active');
    for (const { Hostname } of paused) {
      await first?.docker('node', 'update', '--availability', 'active', Hostname);
    }
    return rows.length === nodes.length && paused.length === 0;
  });
}

/** Asks until it is so, also while nobody answers; says what never came about. */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = 120_000): Promise<void> {
  const end = Date.now() + withinMs;
  let cause: unknown;
  const ask = () =>
    isSo().catch((error: unknown) => {
      cause = error;
      return false;
    });
  while (!(await ask())) {
    if (Date.now() > end)
      throw new Error(`after ${withinMs / 1_000} s it is still not so: ${what}`, { cause });
    await pause(100);
  }
}
