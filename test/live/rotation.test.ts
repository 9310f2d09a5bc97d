import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCanary } from '../support/canary.ts';
import { watchProcesses } from '../support/processes.ts';
import { sandboxedProject } from '../support/project.ts';
import type { Project, Run } from '../support/project.ts';
import { NO_CHANGES, expectNowhere, expectReadersReadNothing, report } from './evidence.ts';
import { describeLive } from './live.ts';
import { startPair } from './pair.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

interface Status {
  readonly secrets: readonly {
    readonly name: string;
    readonly current: number;
    readonly held: string | null;
  }[];
}

describeLive('a rotation on a live swarm, through the program', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test(
    'two secrets rotate in one update that no client notices, a refused value goes back by itself, and no value is seen anywhere',
    { timeout: 240_000 },
    async () => {
      const canary = makeCanary();
      const pair = await startPair(lab, 'api', 1);
      const project = await sandboxedProject(pair.stack('Duration.seconds(30)'), lab.endpoint);
      const watch = watchProcesses((text) => canary.foundIn(text).length > 0);
      const apply = async (writer: string, reader: string): Promise<Run> => {
        const file = await project.valueFile(`${canary.value(writer)}\n`);
        const values = ['--value', 'writer=-', '--value', `reader=file:${file}`];
        return project.keyturn(['apply', '--auto-approve', ...values], { stdin: canary.value(reader) });
      };

      const first = await apply('good-1', 'good-2');
      expect(first).toMatchObject({ code: 0 });
      expect(await pair.references()).toEqual(pair.at(1));

      // One update, both secrets, nobody notices.
      const [before, updatesBefore] = [await pair.asked(), await pair.updates()];
      const rotated = await apply('good-3', 'good-4');
      expect(rotated.err).not.toContain('error');
      expect(rotated).toMatchObject({ code: 0 });
      expect(rotated.out).toContain('2 to rotate, 1 consumer to flip (3 tasks restart)');
      expect(await pair.references()).toEqual(pair.at(2));
      expect(await pair.previousReferences()).toEqual(pair.at(1));
      expect(await pair.everMounted()).toEqual(
        expect.not.arrayContaining([expect.stringMatching(/_v1 .*_v2|_v2 .*_v1/)]),
      );
      if (updatesBefore !== null) expect(await pair.updates()).toBe(updatesBefore + 1);
      const after = await pair.asked();
      expect(after).toMatchObject({ failed: 0, failures: [] });
      expect(after.requests - before.requests).toBeGreaterThan(200);
      report(`one update, ${after.requests - before.requests} requests meanwhile, ${after.failed} failed`);

      // The second plan.
      const second = await project.keyturn(['plan']);
      expect(second).toMatchObject({ code: 0, out: expect.stringMatching(NO_CHANGES) as string });
      expect(await project.keyturn(['plan', '--detailed-exitcode'])).toMatchObject({ code: 0 });
      expect((await project.versions('writer')).map(({ enabled }) => enabled)).toEqual([true, true]);

      // Settle, retire and prune, once the soak is over.
      const tasks = await pair.taskIds();
      await planUntilChanges(project);
      const retired = await project.keyturn(['apply', '--auto-approve']);
      expect(retired).toMatchObject({ code: 0 });
      expect(await pair.taskIds()).toEqual(tasks);
      expect(await pair.copies()).toEqual(Object.values(pair.at(2)));
      expect(await pair.previousReferences()).toEqual(pair.at(2));
      for (const secret of ['writer', 'reader']) {
        expect(await project.versions(secret)).toEqual([
          { ordinal: '1', enabled: false },
          { ordinal: '2', enabled: true },
        ]);
      }
      const third = await project.keyturn(['plan', '--detailed-exitcode']);
      expect(third).toMatchObject({ code: 0, out: expect.stringMatching(NO_CHANGES) as string });

      // A value that the health check refuses.
      const healthy = await pair.asked();
      const refused = await apply('good-5', 'bad');
      expect(refused).toMatchObject({ code: 10 });
      expect(await pair.references()).toEqual(pair.at(2));
      expect(await pair.copies()).toEqual(Object.values(pair.at(2)));
      const back = await pair.asked();
      expect(back).toMatchObject({ failed: 0, failures: [] });
      expect(back.requests).toBeGreaterThan(healthy.requests + 200);
      report(`refused value: exit 10, ${back.requests - healthy.requests} requests meanwhile, 0 failed`);
      const { out } = await project.keyturn(['status', '--format', 'json']);
      const { secrets: rows } = JSON.parse(out) as Status;
      expect(rows.map(({ name, current, held }) => [name, current, held !== null])).toEqual([
        ['reader', 2, true],
        ['writer', 2, true],
      ]);
      expect((await project.keyturn(['status'])).out).toContain('held: since');
      for (const secret of ['writer', 'reader']) {
        const versions = await project.versions(secret);
        expect(versions.filter(({ ordinal }) => ordinal === '3')).toEqual([{ ordinal: '3', enabled: false }]);
        expect(versions.filter(({ ordinal, enabled }) => ordinal === '2' && enabled)).not.toEqual([]);
      }

      for (const args of [['history', 'list'], ['history', 'show', '2'], ['output'], ['state', 'list']]) {
        expect(await project.keyturn(args)).toMatchObject({ code: 0 });
      }
      expect(await project.keyturn(['plan', '--detailed-exitcode'])).toMatchObject({ code: 0 });
      watch.stop();

      expect(watch.sightings).toEqual([]);
      // The watch saw the program and the app's own process, so it would have seen a value in them.
      const seen = [...watch.commands].join('\n');
      expect(seen).toContain('keyturn.js apply');
      expect(seen).toContain('jiti-cli.mjs main.ts');
      await expectNowhere(canary, project);
      expectReadersReadNothing(project);
    },
  );
});

/** Asks for a plan until it has something to do: the soak's end is a date, and each plan takes a second. */
async function planUntilChanges(project: Project): Promise<void> {
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    const { code, out, err } = await project.keyturn(['plan', '--detailed-exitcode']);
    if (code === 2) return;
    expect(code, out + err).toBe(0);
  }
  expect.fail('the soak did not end');
}
