import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FLIP, LOOK, openGate } from './gate.ts';
import type { Gate } from './gate.ts';
import { labNodes, until } from './lab-nodes.ts';
import { describeLive } from './live.ts';
import { expectConverged, openRotated, said } from './shop.ts';
import type { Shop } from './shop.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

const LONG = { timeout: 180_000 };

/** What others do to services and secrets of the live swarm, before an apply and in the middle of its flip. */
describeLive('what others do meanwhile on a live swarm, through the program', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  const gateOf = async (): Promise<Gate> => {
    const gate = await openGate(lab.endpoint);
    onTestFinished(() => gate.close());
    return gate;
  };

  test(
    'a service that is removed in the middle of its flip takes the new version back, and is named until it is there',
    LONG,
    async () => {
      const gate = await gateOf();
      const shop = await openRotated(lab, 'gone', { endpoint: gate.endpoint });
      gate.after(FLIP, async () => gate.after(LOOK, () => lab.docker('service', 'rm', shop.service)));
      const apply = await shop.apply('good-2');
      gate.assertPassed();
      expect(said(apply)).toContain('removed while it was verified');
      expect(said(apply)).toContain('there is no such service any more');
      expect(apply).toMatchObject({ code: 10 });
      expect(await shop.copies()).toEqual([shop.copy(1)]);
      expect(await shop.vault()).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);

      // Nothing names the current copy any more, so that swarm lets anybody remove it.
      await lab.docker('secret', 'rm', shop.copy(1));
      const refused = await shop.apply('good-3');
      expect(refused).toMatchObject({ code: 1 });
      expect(said(refused)).toContain(`service '${shop.service}' does not exist on lab`);
      expect(said(refused)).toContain('nothing was changed');
      expect(said(refused)).toContain('deploy it');
      expect(await shop.vault()).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
      expect(await shop.copies()).toEqual([]);

      await shop.deploy();
      expect(await shop.apply()).toMatchObject({ code: 0 });
      await expectConverged(shop, 1);
    },
  );

  test(
    'a copy that is removed is missed by name before a flip, and delivered again for the way back',
    LONG,
    async () => {
      const gate = await gateOf();
      const shop = await openRotated(lab, 'copies', { endpoint: gate.endpoint });
      gate.before(FLIP, () => lab.docker('secret', 'rm', shop.copy(2)));
      const missed = await shop.apply('good-2');
      gate.assertPassed();
      expect(missed).toMatchObject({ code: 10 });
      expect(said(missed)).toContain(`the swarm has no secret "${shop.copy(2)}"`);
      expect(said(missed)).toContain('the service reads what it read before');
      expect(await shop.reads()).toBe(shop.copy(1));

      // Our own flip pauses on its first task; by then nothing names the version to go back to but the tasks.
      gate.after(FLIP, () => lab.docker('secret', 'rm', shop.copy(1)));
      const paused = await shop.apply('crash-3');
      gate.assertPassed();
      expect(paused).toMatchObject({ code: 10 });
      expect(said(paused)).toMatch(/failed on the expected secrets: .*non-zero exit \(7\)/);
      expect(said(paused)).toContain('Apply failed and was rolled back: key is at v1.');
      expect((await shop.inspect()).Spec.UpdateConfig.FailureAction).toBe('rollback');
      await expectConverged(shop, 1);
    },
  );

  test(
    "somebody's update that is paused stops an apply before it changes anything, until it is mended",
    LONG,
    async () => {
      const shop = await openRotated(lab, 'paused');
      await lab.docker(
        'service',
        'update',
        '-d',
        '--update-failure-action',
        'pause',
        '--args',
        '/nope',
        shop.service,
      );
      await until(
        'the update is paused',
        async () => (await shop.inspect()).UpdateStatus?.State === 'paused',
      );
      const refused = await shop.apply('good-2');
      expect(refused).toMatchObject({ code: 1 });
      expect(said(refused)).toContain('has an update that is paused');
      expect(said(refused)).toContain(`docker service ps ${shop.service}`);
      expect(said(refused)).toContain('nothing was changed');
      expect(await shop.vault()).toEqual(['v1 enabled']);
      expect(await shop.copies()).toEqual([shop.copy(1)]);

      await lab.docker('service', 'update', '-d', '--args', '/app', shop.service);
      await lab.running(shop.service, 2);
      await until(
        'that update has ended',
        async () => (await shop.inspect()).UpdateStatus?.State === 'completed',
      );
      expect(await shop.apply('good-2')).toMatchObject({ code: 0 });
      await expectConverged(shop, 2);
    },
  );

  test(
    'tasks that find no node beside those of before go back, and none of these restarts',
    LONG,
    async () => {
      // Each node already has its one task, and with start-first the old one leaves only after the new one runs.
      const args = ['--replicas', String(labNodes().length), '--replicas-max-per-node', '1'];
      const first = [...args, '--update-order', 'stop-first'];
      const shop = await openRotated(lab, 'homeless', { args: first });
      await lab.docker('service', 'update', '-d', '--update-order', 'start-first', shop.service);
      const tasks = await runningIds(shop);
      const apply = await shop.apply('good-2');
      expect(apply).toMatchObject({ code: 10 });
      expect(said(apply)).toMatch(/no node takes \d tasks? of .*no suitable node/);
      expect(await runningIds(shop)).toEqual(tasks);
      await expectConverged(shop, 1, labNodes().length);
    },
  );

  test('a service that no node may run says so, and converges once one may', LONG, async () => {
    const [, , node] = labNodes();
    if (node === undefined) throw new Error('the lab has fewer than three nodes');
    const label = `${lab.prefix}.only`;
    await node.docker('node', 'update', '--label-add', `${label}=yes`, node.name);
    onTestFinished(async () => {
      await node.docker('node', 'update', '--label-rm', label, node.name).catch(() => '');
    });
    const shop = await openRotated(lab, 'nowhere', { args: ['--constraint', `node.labels.${label}==yes`] });
    await node.docker('node', 'update', '--label-rm', label, node.name);
    await until('its tasks are gone', async () => (await runningIds(shop)).length === 0);
    // A flip and its way back would leave tasks that swarm's scheduler never looks at again.
    const refused = await shop.apply('good-2');
    expect(refused).toMatchObject({ code: 1 });
    expect(said(refused)).toMatch(
      /has a task that waits for a node: no suitable node \(scheduling constraints/,
    );
    expect(said(refused)).toContain('nothing was changed');
    expect(said(refused)).toContain(`docker service ps ${shop.service}`);
    expect(await shop.vault()).toEqual(['v1 enabled']);

    await node.docker('node', 'update', '--label-add', `${label}=yes`, node.name);
    await lab.running(shop.service, 2);
    expect(await shop.apply('good-2')).toMatchObject({ code: 0 });
    await expectConverged(shop, 2);
  });

  test('an image that is not to be had any more starts no task: the tasks of before stay', LONG, async () => {
    const image = `lab/${lab.prefix}:1`;
    await Promise.all(labNodes().map((node) => node.docker('tag', 'lab/app:1', image)));
    const shop = await openRotated(lab, 'image', { image });
    await Promise.all(labNodes().map((node) => node.docker('rmi', '-f', image)));
    const tasks = await runningIds(shop);
    const apply = await shop.apply('good-2');
    expect(apply).toMatchObject({ code: 10 });
    expect(said(apply)).toMatch(/failed on the expected secrets: .*No such image/);
    expect((await runningIds(shop)).filter((id) => tasks.includes(id))).not.toEqual([]);
    await expectConverged(shop, 1);
  });

  test('a task that dies after swarm has stopped watching is noticed in the settle time', LONG, async () => {
    const shop = await openRotated(lab, 'late', { settle: 'Duration.seconds(5)' });
    const apply = await shop.apply('late-2');
    expect(apply).toMatchObject({ code: 10 });
    expect(said(apply)).toMatch(/failed on the expected secrets: .*non-zero exit \(9\)/);
    await expectConverged(shop, 1);
  });

  test(
    'somebody who scales the service right before the flip and right after it keeps the scale, forth and back',
    LONG,
    async () => {
      const gate = await gateOf();
      const shop = await openRotated(lab, 'scaled', { endpoint: gate.endpoint, soak: 'Duration.seconds(0)' });
      const scale = (to: number) => lab.docker('service', 'scale', '-d', `${shop.service}=${to}`);
      const replicas = async () => (await shop.inspect()).Spec.Mode.Replicated.Replicas;
      gate.before(FLIP, () => scale(3));
      const forth = await shop.apply('good-2');
      gate.assertPassed();
      expect(forth).toMatchObject({ code: 0 });
      expect(said(forth)).toMatch(/verified after .*3 tasks/);
      expect(await replicas()).toBe(3);

      gate.after(FLIP, () => scale(4));
      const back = await shop.apply('crash-3');
      gate.assertPassed();
      expect(back).toMatchObject({ code: 10 });
      expect(await replicas()).toBe(4);
      await expectConverged(shop, 2, 4);
    },
  );

  test(
    'an apply that is killed in the middle of its flip is ended by the next one, with no flag',
    LONG,
    async () => {
      const gate = await gateOf();
      const shop = await openRotated(lab, 'killed', { endpoint: gate.endpoint });
      let kill = (): void => {};
      gate.after(FLIP, async () => kill());
      const killed = await shop.apply('good-2', { onStart: (how) => (kill = how) });
      gate.assertPassed();
      expect(killed.code).toBeNull();
      expect(await shop.reads()).toBe(shop.copy(2));

      const next = await shop.apply();
      expect(said(next)).toContain('did not end');
      // Nothing failed, it was only cut off: the person's value is gone with the process, so v1 is current again.
      expect(next.code).toBe(0);
      await expectConverged(shop, 1);
    },
  );
});

async function runningIds(shop: Shop): Promise<string[]> {
  const running = (await shop.tasks()).filter(
    (task) => task.DesiredState === 'running' && task.Status.State === 'running',
  );
  return running.map(({ ID }) => ID).sort();
}
