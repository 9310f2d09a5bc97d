import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
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
      await run(SCRIPT, [what, String(number)]);
    };
    return {
      name: `node-${number}`,
      endpoint,
      docker: async (...args) => (await run('docker', ['-H', endpoint, ...args])).stdout.trim(),
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

/** The node that leads, and the others. */
export async function leadership(): Promise<{
  readonly leader: LabNode;
  readonly others: readonly LabNode[];
}> {
  const nodes = labNodes();
  const [first] = nodes;
  const rows = first === undefined ? [] : await rowsOf(first);
  const name = rows.find(({ ManagerStatus }) => ManagerStatus === 'Leader')?.Hostname;
  const leader = nodes.find((node) => node.name === name);
  if (leader === undefined) throw new Error('the swarm of the lab has no leader');
  return { leader, others: nodes.filter((node) => node !== leader) };
}

/**
 * Holds afterwards: each node is on the network and its engine runs, and each of them sees all of them ready and
 * one that leads. For `finally` and `afterAll`: the other files work in the same lab.
 */
export async function restoreNodes(): Promise<void> {
  const nodes = labNodes();
  await Promise.all(
    nodes.map(async (node) => {
      await node.heal();
      await node.start();
    }),
  );
  await until('every node is ready and one leads', async () => {
    const seen = await Promise.all(nodes.map((node) => rowsOf(node)));
    return seen.every(
      (rows) =>
        rows.filter(({ Status }) => Status === 'Ready').length === nodes.length &&
        rows.filter(({ ManagerStatus }) => ManagerStatus === 'Leader').length === 1 &&
        rows.filter(({ ManagerStatus }) => ManagerStatus === 'Reachable').length === nodes.length - 1,
    );
  });
}

/** Asks until it is so; says what never came about. */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = 120_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`after ${withinMs / 1_000} s it is still not so: ${what}`);
    await pause(100);
  }
}
