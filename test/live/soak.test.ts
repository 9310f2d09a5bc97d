import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectNeverToReturn, neverReturnsStack } from '../support/never-returns.ts';
import { sandboxedProject } from '../support/project.ts';
import { NO_CHANGES, report } from './evidence.ts';
import { until } from './lab-nodes.ts';
import { describeLive } from './live.ts';
import { startPair } from './pair.ts';
import { copyOf, expectConverged, openRotated, said } from './shop.ts';
import type { ShopService } from './shop.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

const LONG = { timeout: 600_000 };

describeLive('the soak on a live swarm, through the program', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test('forth, back and forth again under load, no request fails', LONG, async () => {
    const pair = await startPair(lab, 'both-ways', 1);
    const project = await sandboxedProject(pair.stack('Duration.hours(1)'), lab.endpoint);
    const apply = (number: number) =>
      project.keyturn(['apply', '--auto-approve', '--value', 'writer=env:W', '--value', 'reader=env:R'], {
        env: { W: `good-w${number}`, R: `good-r${number}` },
      });
    expect(await apply(1)).toMatchObject({ code: 0 });
    const legs = [
      { name: 'forth', run: () => apply(2), version: 2 },
      { name: 'back', run: () => project.keyturn(['rollback', 'writer', '--auto-approve']), version: 1 },
      { name: 'forth again', run: () => apply(3), version: 3 },
    ];
    for (const { name, run, version } of legs) {
      const before = await pair.asked();
      const ran = await run();
      expect(ran, ran.err).toMatchObject({ code: 0 });
      const after = await pair.asked();
      expect(await pair.references()).toEqual(pair.at(version));
      expect(after, name).toMatchObject({ failed: 0, failures: [] });
      expect(after.requests - before.requests).toBeGreaterThan(200);
      report(`${name}: ${after.requests - before.requests} requests meanwhile, ${after.failed} failed`);
    }
    expect(await pair.everMounted()).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/_v1 .*_v2|_v2 .*_v1|_v1 .*_v3|_v3 .*_v1/)]),
    );
  });

  test('a retired version is brought back by nothing that is documented', LONG, async () => {
    const service = await lab.service('never', [
      '--replicas',
      '2',
      '--update-order',
      'start-first',
      'lab/app:1',
    ]);
    await lab.running(service, 2);
    const project = await sandboxedProject(neverReturnsStack(service, 'lab'), lab.endpoint);
    const reads = async (): Promise<string | null> =>
      copyOf((await lab.engine<ShopService>('GET', `/services/${service}`)).Spec.TaskTemplate);
    const keyturn = (args: readonly string[]) => project.keyturn(args);
    await expectNeverToReturn({ folder: project.folder, keyturn, reads }, service);
  });

  test(
    'docker service rollback between flip and settle works, is told with what to run, and both ways on end well',
    LONG,
    async () => {
      const shop = await openRotated(lab, 'by-hand');
      expect(await shop.apply('good-2')).toMatchObject({ code: 0 });
      const byHand = async (): Promise<void> => {
        await lab.docker('service', 'rollback', '-d', shop.service);
        await until(
          'the service is back and healthy',
          async () => (await shop.inspect()).UpdateStatus?.State === 'rollback_completed',
        );
        await lab.running(shop.service, 2);
        expect(await shop.reads()).toBe(shop.copy(1));
      };
      await byHand();
      const told = await shop.project.keyturn(['plan']);
      expect(said(told)).toContain(`${shop.service} was put back to key v1 by someone else`);
      expect(said(told)).toContain(
        '`keyturn rollback vault://shop-secrets/key` returns vault and record too',
      );
      const due = await shop.project.keyturn(['apply', '--due', '--auto-approve']);
      expect(due).toMatchObject({ code: 0 });
      expect(said(due)).toContain('was put back to key v1 by someone else');
      expect(await shop.reads()).toBe(shop.copy(1));

      // Forward again, then back by hand once more, and the record after it.
      expect(await shop.apply()).toMatchObject({ code: 0 });
      expect(await shop.reads()).toBe(shop.copy(2));
      await byHand();
      const tasks = (await shop.tasks()).map(({ ID }) => ID).sort();
      const back = await shop.project.keyturn(['rollback', 'key', '--auto-approve']);
      expect(back, back.err).toMatchObject({ code: 0 });
      expect((await shop.tasks()).map(({ ID }) => ID).sort()).toEqual(tasks);
      expect(await shop.copies()).toEqual([shop.copy(1)]);
      expect(await shop.vault()).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
      await expectConverged(shop, 1);
    },
  );

  test(
    'a prior whose copy somebody removes is told at once, and delivered again by the rollback',
    LONG,
    async () => {
      const shop = await openRotated(lab, 'gone');
      expect(await shop.apply('good-2')).toMatchObject({ code: 0 });
      // Whoever deploys the service moves its previous spec on, and then swarm lets anybody remove the copy.
      await lab.docker('service', 'update', '-d', '--label-add', 'deployed=again', shop.service);
      await lab.docker('secret', 'rm', shop.copy(1));
      for (const args of [
        ['plan'],
        ['status'],
        ['status', '--format', 'json'],
        ['apply', '--due', '--auto-approve'],
      ]) {
        const run = await shop.project.keyturn(args);
        expect(run).toMatchObject({ code: 0 });
        expect(said(run), args.join(' ')).toContain(
          `the way back is gone: ${shop.copy(1)} was removed from lab`,
        );
      }
      const back = await shop.project.keyturn(['rollback', 'key', '--auto-approve']);
      expect(back, back.err).toMatchObject({ code: 0 });
      expect(await shop.reads()).toBe(shop.copy(1));
      expect(await shop.project.keyturn(['plan'])).toMatchObject({
        out: expect.stringMatching(NO_CHANGES) as string,
      });
      await expectConverged(shop, 1);
    },
  );
});
