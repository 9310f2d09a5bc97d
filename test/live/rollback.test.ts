import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCanary } from '../support/canary.ts';
import { watchProcesses } from '../support/processes.ts';
import { sandboxedProject } from '../support/project.ts';
import { NO_CHANGES, expectNowhere, expectReadersReadNothing, report } from './evidence.ts';
import { describeLive } from './live.ts';
import { startPair } from './pair.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

describeLive('a rollback on a live swarm, through the program', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test(
    'rollback returns both to the prior versions while these soak, and takes the new copies away',
    { timeout: 240_000 },
    async () => {
      const canary = makeCanary();
      const pair = await startPair(lab, 'back', 0);
      const project = await sandboxedProject(pair.stack('Duration.hours(1)'), lab.endpoint);
      const watch = watchProcesses((text) => canary.foundIn(text).length > 0);
      const apply = (writer: string, reader: string) =>
        project.keyturn(
          ['apply', '--auto-approve', '--value', 'writer=env:WRITER', '--value', 'reader=env:READER'],
          { env: { WRITER: canary.value(writer), READER: canary.value(reader) } },
        );
      expect(await apply('good-1', 'good-2')).toMatchObject({ code: 0 });
      expect(await apply('good-3', 'good-4')).toMatchObject({ code: 0 });

      const before = await pair.asked();
      const back = await project.keyturn(['rollback', 'writer', '--auto-approve', '--reason', 'errors']);
      expect(back.err).not.toContain('error:');
      expect(back).toMatchObject({ code: 0 });
      expect(back.out).toMatch(/answered 200 on 3 of 3\s+tasks/);
      expect(await pair.references()).toEqual(pair.at(1));
      expect(await pair.copies()).toEqual(Object.values(pair.at(1)));
      const after = await pair.asked();
      expect(after).toMatchObject({ failed: 0, failures: [] });
      report(`rollback: ${after.requests - before.requests} requests meanwhile, ${after.failed} failed`);
      for (const secret of ['writer', 'reader']) {
        const versions = await project.versions(secret);
        expect(versions.filter(({ ordinal }) => ordinal === '2')).toEqual([{ ordinal: '2', enabled: false }]);
        // The prior value is the newest again: a further version of the same ordinal.
        expect(versions.filter(({ ordinal }) => ordinal === '1')).toHaveLength(2);
      }
      const names = await project.keyturn(['output', '--format', 'json']);
      expect(Object.values((JSON.parse(names.out) as { names: object }).names)).toEqual(
        Object.values(pair.at(1)),
      );
      const plan = await project.keyturn(['plan', '--detailed-exitcode']);
      expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(NO_CHANGES) as string });

      watch.stop();
      // Where a person hands a value in by the environment, it is in the program's own and goes no further.
      expect(watch.sightings.filter(({ where, depth }) => where !== 'environment' || depth !== 1)).toEqual(
        [],
      );
      expect(watch.sightings).not.toEqual([]);
      await expectNowhere(canary, project);
      expectReadersReadNothing(project);
    },
  );
});
