import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FLIP, openGate } from './gate.ts';
import { labNodes, leadership, restoreNodes, until } from './lab-nodes.ts';
import type { LabNode } from './lab-nodes.ts';
import { describeLive } from './live.ts';
import { copyOf, expectConverged, openRotated, said } from './shop.ts';
import type { Shop, ShopTask } from './shop.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

/** Slow enough that a flip has a middle: one task after the other, two seconds between them. */
const SLOW = ['--replicas', '3', '--update-parallelism', '1', '--update-delay', '2s'];

const LONG = { timeout: 240_000 };

/** What happens to nodes of the live swarm in the middle of a flip. */
describeLive('a node that fails in the middle of a flip on a live swarm, through the program', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterEach(() => restoreNodes(), LONG.timeout);
  afterAll(() => lab.clear());

  test('the engine that keyturn talks to is restarted: it is waited for', LONG, async () => {
    const [node, other] = labNodes();
    if (node === undefined || other === undefined) throw new Error('the lab has fewer than two nodes');
    const shop = await openRotated(lab, 'restart', { args: SLOW, endpoint: node.endpoint });
    // A task of the flip that ended with its engine would be a failure of the flip: these run elsewhere.
    await other.docker('node', 'update', '--availability', 'pause', node.name);
    const applying = shop.apply('good-2');
    await inTheMiddle(shop);
    await node.stop();
    await node.start();
    const apply = await applying;
    expect(apply.code, said(apply)).toBe(0);
    await restoreNodes();
    await expectConverged(shop, 2, 3);
  });

  test('the leader is killed: the flip goes on under the next one', LONG, async () => {
    const { leader, others } = await leadership();
    const [follower] = others;
    if (follower === undefined) throw new Error('the lab has one node only');
    const shop = await openRotated(lab, 'leader', { args: SLOW, endpoint: follower.endpoint });
    const applying = shop.apply('good-2');
    await inTheMiddle(shop);
    await leader.kill();
    const apply = await applying;
    expect(apply.code, said(apply)).toBe(0);
    expect((await leadership(follower)).leader.name).not.toBe(leader.name);
    await restoreNodes();
    await expectConverged(shop, 2, 3);
  });

  test('a node is cut off: what it may still run keeps the old version, until it is back', LONG, async () => {
    const { leader, others } = await leadership();
    const gate = await openGate(leader.endpoint);
    onTestFinished(() => gate.close());
    const near = openLab(leader.endpoint);
    onTestFinished(() => near.clear());
    const args = [...SLOW, '--replicas-max-per-node', '2'];
    const shop = await openRotated(near, 'cut', {
      args,
      endpoint: gate.endpoint,
      soak: 'Duration.seconds(20)',
    });
    // Of three tasks, two a node at most, one runs beside the leader; on which node is the swarm's to say.
    const { node, lost } = await busy(others, leader, shop);
    // A new task that swarm gives to a node that it is about to lose makes its updater wait for ever.
    await leader.docker('node', 'update', '--availability', 'pause', node.name);
    gate.after(FLIP, () => node.cut());
    const apply = await shop.apply('good-2');
    gate.assertPassed();
    expect(said(apply)).toMatch(/verified after .*\d old tasks? on nodes that are down could not be seen/);
    expect(apply).toMatchObject({ code: 0 });

    // The soak ends, and the way back with it; what nobody can see ended is not taken away.
    let plan = '';
    await until('the plan says what keeps the version', async () => {
      plan = said(await shop.project.keyturn(['plan']));
      return plan.includes('is not retired');
    });
    const names = lost.map((task) => `${task} on ${node.name}`).join(', ');
    const kept = `${lost.length === 1 ? 'task' : 'tasks'} ${names} of service ${shop.service} on lab may still run on ${shop.copy(1)}`;
    expect(plan).toContain(`key v1 is not retired: ${kept}: swarm lost the node`);
    expect(plan).toContain(`bring ${node.name} back`);
    const held = await shop.apply();
    expect(held).toMatchObject({ code: 0 });
    expect(said(held)).toContain(kept);
    expect(await shop.vault()).toEqual(['v1 enabled', 'v2 enabled']);
    expect(await shop.copies()).toEqual([shop.copy(1), shop.copy(2)]);

    await restoreNodes();
    await until('the old task has ended', async () =>
      (await shop.tasks()).every((task) => copyOf(task.Spec) === shop.copy(2) || hasEnded(task)),
    );
    expect(await shop.apply()).toMatchObject({ code: 0 });
    expect(await shop.vault()).toEqual(['v1 disabled', 'v2 enabled']);
    await expectConverged(shop, 2, 3);
  });
});

/** Until the flip is accepted and its first task runs on the new version, the others not yet. */
async function inTheMiddle(shop: Shop): Promise<void> {
  await until('the first task of the flip runs', async () => {
    const tasks = await shop.tasks();
    return tasks.some((task) => copyOf(task.Spec) === shop.copy(2) && task.Status.State === 'running');
  });
}

/** The first of these nodes that runs tasks of the shop, and their names. */
async function busy(
  nodes: readonly LabNode[],
  asked: LabNode,
  shop: Shop,
): Promise<{ readonly node: LabNode; readonly lost: string[] }> {
  for (const node of nodes) {
    const lost = await tasksOn(node, asked, shop);
    if (lost.length > 0) return { node, lost };
  }
  throw new Error('no node but the leader runs a task of the shop');
}

/** The names of the tasks that run on this node. */
async function tasksOn({ name }: LabNode, asked: LabNode, shop: Shop): Promise<string[]> {
  const id = await asked.docker('node', 'inspect', '-f', '{{.ID}}', name);
  const tasks = (await shop.tasks()).filter(
    ({ NodeID, Status }) => NodeID === id && Status.State === 'running',
  );
  return tasks.map(({ Slot }) => `${shop.service}.${Slot}`).sort();
}

function hasEnded({ Status }: ShopTask): boolean {
  return ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'].includes(Status.State);
}
