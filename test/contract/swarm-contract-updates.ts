import { expect } from 'vitest';
import { idsOf, referenceTo, refusal, running, secretNames, withSecrets } from './swarm-world.ts';
import type { MadeSecret, On, SeenTask, ServiceWish, World } from './swarm-world.ts';

const ENDED = ['complete', 'shutdown', 'failed', 'rejected'];

export function describeQuietUpdates(on: On): void {
  const changes: [string, (spec: object) => object][] = [
    ['an identical spec', (spec) => spec],
    ['a changed UpdateConfig', (spec) => ({ ...spec, UpdateConfig: { FailureAction: 'rollback' } })],
    ['changed labels', (spec) => ({ ...spec, Labels: { changed: 'yes' } })],
  ];
  for (const [what, change] of changes)
    on(`restarts no task for ${what}, and moves the previous spec on`, async (world) => {
      const one = await world.secret('one', 'good-1');
      const two = await world.secret('two', 'good-2');
      const { service } = await world.started('app', [referenceTo(one, 't')]);
      await world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
      const flipped = await world.untilState(service.ID, 'completed');
      expect(secretNames(flipped.service.PreviousSpec)).toEqual([one.name]);
      await world.update(service.ID, change);
      const { service: after, tasks, updateStates } = await world.afterAWhile(service.ID);
      expect(secretNames(after.PreviousSpec)).toEqual([two.name]);
      expect(after.PreviousSpec).toEqual(flipped.service.Spec);
      expect(after.Version.Index).toBeGreaterThan(flipped.service.Version.Index);
      expect(updateStates).toEqual(['absent']);
      expect(idsOf(running(tasks))).toEqual(idsOf(running(flipped.tasks)));
    });

  on('flips a service of zero replicas at once, without an UpdateStatus', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const id = await world.service('app', [referenceTo(one, 't')], { replicas: 0 });
    await world.update(id, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    const { service, everSeen, updateStates } = await world.afterAWhile(id);
    expect(secretNames(service.Spec)).toEqual([two.name]);
    expect(secretNames(service.PreviousSpec)).toEqual([one.name]);
    expect(updateStates).toEqual(['absent']);
    expect(everSeen).toEqual([]);
  });
}

export function describeFlips(on: On): void {
  on('changes two secrets in one update, start-first, without a moment of too few tasks', async (world) => {
    const [a1, b1, a2, b2] = [
      await world.secret('a1', 'good-1'),
      await world.secret('b1', 'good-2'),
      await world.secret('a2', 'good-3'),
      await world.secret('b2', 'good-4'),
    ];
    const before = await world.started('app', [referenceTo(a1, 'a'), referenceTo(b1, 'b')]);
    await world.update(before.service.ID, (spec) =>
      withSecrets(spec, [referenceTo(a2, 'a'), referenceTo(b2, 'b')]),
    );
    const { service, updateStates, fewestRunning, everSeen } = await world.until(
      before.service.ID,
      'completed, and the old tasks ended',
      (sight) =>
        sight.service.UpdateStatus?.State === 'completed' &&
        before.tasks.every(({ ID }) =>
          sight.tasks.every((task) => task.ID !== ID || ENDED.includes(task.Status.State)),
        ),
    );
    expect(secretNames(service.Spec)).toEqual([a2.name, b2.name]);
    expect(service.PreviousSpec).toEqual(before.service.Spec);
    expect(service.UpdateStatus).toMatchObject({ State: 'completed', Message: 'update completed' });
    expect(service.UpdateStatus?.CompletedAt).toBeTruthy();
    expect(updateStates.filter((state) => state !== 'absent')).toEqual(['updating', 'completed']);
    expect(fewestRunning).toBeGreaterThanOrEqual(2);
    // Each task has both new values or both old ones, never one of each.
    const pairs = new Set(everSeen.map((task) => secretNames(task.Spec).join()));
    expect([...pairs].sort()).toEqual([[a1.name, b1.name].join(), [a2.name, b2.name].join()]);
    const fresh = running(await world.tasks(service.ID));
    expect(fresh).toHaveLength(2);
    expect(fresh.map((task) => secretNames(task.Spec))).toEqual([
      secretNames(service.Spec),
      secretNames(service.Spec),
    ]);
    expect(idsOf(fresh).some((id) => idsOf(before.tasks).includes(id))).toBe(false);
  });

  on(
    'stops the old task before it starts the new one, one slot after the other, stop-first',
    async (world) => {
      const one = await world.secret('one', 'good-1');
      const two = await world.secret('two', 'good-2');
      const update = { Order: 'stop-first', Parallelism: 1 };
      const { service } = await world.started('app', [referenceTo(one, 't')], { update });
      await world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
      const { tasks } = await world.untilState(service.ID, 'completed');
      expect(running(tasks).map((task) => secretNames(task.Spec))).toEqual([[two.name], [two.name]]);
      // By what the tasks say of themselves: whoever looks from time to time may miss the moment with one task.
      const [first, second] = [1, 2]
        .map((slot) => changeOf(tasks.filter(({ Slot }) => Slot === slot)))
        .sort((a, b) => a.stopped - b.stopped);
      expect(first?.stopped).toBeLessThanOrEqual(first?.started ?? 0);
      expect(first?.started).toBeLessThanOrEqual(second?.stopped ?? 0);
      expect(second?.stopped).toBeLessThanOrEqual(second?.started ?? 0);
    },
  );

  on('restarts everything when references are only put into another order', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const before = await world.started('app', [referenceTo(one, 'a'), referenceTo(two, 'b')]);
    const reversed = [referenceTo(two, 'b'), referenceTo(one, 'a')];
    await world.update(before.service.ID, (spec) => withSecrets(spec, reversed));
    const { tasks } = await world.untilState(before.service.ID, 'completed');
    expect(running(tasks)).toHaveLength(2);
    expect(idsOf(running(tasks)).some((id) => idsOf(before.tasks).includes(id))).toBe(false);
  });

  on('runs a global service once on each node, and flips it there', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const before = await world.started('app', [referenceTo(one, 't')], { mode: { Global: {} } });
    await world.update(before.service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    const { service, tasks } = await world.untilState(before.service.ID, 'completed');
    const fresh = running(tasks);
    expect(new Set(fresh.map((task) => task.NodeID)).size).toBe(3);
    expect(new Set(fresh.map((task) => task.NodeID))).toEqual(
      new Set(before.tasks.map((task) => task.NodeID)),
    );
    expect(fresh.every((task) => task.Slot === undefined)).toBe(true);
    expect(secretNames(service.PreviousSpec)).toEqual([one.name]);
  });

  on('forgets what went before when someone else updates the service during a flip', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const { service } = await world.started('app', [referenceTo(one, 't')]);
    await world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    await world.until(service.ID, 'updating', (sight) => sight.service.UpdateStatus?.State === 'updating');
    await world.update(service.ID, (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 3 } } }));
    const after = await world.until(
      service.ID,
      'three new tasks run',
      ({ tasks }) => running(tasks).filter((task) => secretNames(task.Spec)[0] === two.name).length >= 3,
    );
    expect(secretNames(after.service.PreviousSpec)).toEqual([two.name]);
  });
}

/** When the old task of a slot had ended, and when its new one ran. */
function changeOf(tasks: readonly SeenTask[]): { readonly stopped: number; readonly started: number } {
  const at = (task: SeenTask | undefined): number => Date.parse(task?.Status.Timestamp ?? '');
  return {
    stopped: at(tasks.find(({ Status }) => ENDED.includes(Status.State))),
    started: at(tasks.find(({ Status }) => Status.State === 'running')),
  };
}

function toldOf({ ID, NodeID, DesiredState, Status }: SeenTask): object {
  return { ID, NodeID, DesiredState, Status };
}

export function describeFailures(on: On): void {
  const flipTo = async (world: World, value: string, wish: ServiceWish, state: string) => {
    const good = await world.secret('good', 'good-1');
    const next = await world.secret('next', value);
    const before = await world.started('app', [referenceTo(good, 't')], wish);
    await world.update(before.service.ID, (spec) => withSecrets(spec, [referenceTo(next, 't')]));
    const after = await world.untilState(before.service.ID, state);
    const fresh = after.everSeen.filter((task) => secretNames(task.Spec)[0] === next.name);
    return { before, after, fresh, good, next };
  };

  on('pauses when the health check refuses a value; start-first keeps the old tasks', async (world) => {
    const { before, after, fresh, good, next } = await flipTo(world, 'bad', {}, 'paused');
    expect(after.service.UpdateStatus?.Message).toMatch(
      /^update paused due to failure or early termination of task [0-9a-z]{25}$/,
    );
    expect(after.service.UpdateStatus?.CompletedAt).toBeUndefined();
    expect(secretNames(after.service.Spec)).toEqual([next.name]);
    expect(secretNames(after.service.PreviousSpec)).toEqual([good.name]);
    expect(fresh.some((task) => after.service.UpdateStatus?.Message.endsWith(task.ID))).toBe(true);
    expect(after.fewestRunning).toBeGreaterThanOrEqual(2);
    const kept = running(after.tasks).filter((task) => secretNames(task.Spec)[0] === good.name);
    // Seen once with one of them told to shut down: what swarm had to say of it is not in a list of ids.
    expect(idsOf(kept), JSON.stringify(after.tasks.map(toldOf))).toEqual(idsOf(before.tasks));
  });

  on('shows a refused task that stops cleanly as complete, without an error', async (world) => {
    const { fresh } = await flipTo(world, 'bad', {}, 'paused');
    const ended = fresh.find((task) => ENDED.includes(task.Status.State));
    expect(ended?.Status).toMatchObject({ State: 'complete', Message: 'finished' });
    expect(ended?.Status.Err).toBeUndefined();
    expect(ended?.Status.ContainerStatus?.ExitCode).toBe(0);
    expect(ended?.DesiredState).toBe('shutdown');
  });

  on('shows a refused task that has to be killed as failed', async (world) => {
    const { fresh } = await flipTo(world, 'bad', { env: ['TERMMODE=ignore'] }, 'paused');
    const ended = fresh.find((task) => ENDED.includes(task.Status.State));
    expect(ended?.Status).toMatchObject({
      State: 'failed',
      Err: 'task: non-zero exit (137): dockerexec: unhealthy container',
      ContainerStatus: { ExitCode: 137 },
    });
  });

  on('pauses when a task ends at its start, and tells its exit code', async (world) => {
    const { fresh } = await flipTo(world, 'crash', {}, 'paused');
    const ended = fresh.find((task) => ENDED.includes(task.Status.State));
    expect(ended?.Status).toMatchObject({
      State: 'failed',
      Err: 'task: non-zero exit (7)',
      ContainerStatus: { ExitCode: 7 },
    });
  });

  on('calls a flip completed while every new task crashes, when told to continue', async (world) => {
    const update = { FailureAction: 'continue', Order: 'stop-first' };
    const { after } = await flipTo(world, 'crash', { update }, 'completed');
    expect(running(after.tasks)).toEqual([]);
  });

  on('calls a flip completed and does nothing about a task that ends after the monitor', async (world) => {
    const { after, next } = await flipTo(world, 'late', { env: ['LATE=3'] }, 'completed');
    const later = await world.until(after.service.ID, 'one ended', ({ everSeen }) =>
      everSeen.some((task) => secretNames(task.Spec)[0] === next.name && task.Status.State === 'failed'),
    );
    expect(later.service.UpdateStatus?.State).toBe('completed');
    expect(secretNames(later.service.Spec)).toEqual([next.name]);
  });

  on('waits for ever, with the old tasks, for a node that meets the constraints', async (world) => {
    const one = await world.secret('one', 'good-1');
    const before = await world.started('app', [referenceTo(one, 't')]);
    await world.update(before.service.ID, (spec) => ({
      ...spec,
      TaskTemplate: { ...spec.TaskTemplate, Placement: { Constraints: ['node.labels.no==such'] } },
    }));
    const { service, tasks } = await world.until(before.service.ID, 'pending', (sight) =>
      sight.tasks.some((task) => task.Status.Err !== undefined),
    );
    const stuck = tasks.find((task) => task.Status.Err !== undefined);
    expect(stuck?.Status).toMatchObject({
      State: 'pending',
      Err: 'no suitable node (scheduling constraints not satisfied on 3 nodes)',
    });
    expect(service.UpdateStatus?.State).toBe('updating');
    expect(idsOf(running(tasks))).toEqual(idsOf(before.tasks));
  });

  on('rejects a task whose image is not there', async (world) => {
    const id = await world.service('app', [], { image: 'missing/x:1' });
    const { everSeen } = await world.until(id, 'rejected', (sight) =>
      sight.everSeen.some((task) => task.Status.State === 'rejected'),
    );
    const rejected = everSeen.find((task) => task.Status.State === 'rejected');
    expect(rejected?.Status.Err).toBe('No such image: missing/x:1');
  });

  on('takes a paused service on with any new update', async (world) => {
    const { after, good } = await flipTo(world, 'bad', {}, 'paused');
    await world.update(after.service.ID, (spec) => withSecrets(spec, [referenceTo(good, 't')]));
    const back = await world.untilState(after.service.ID, 'completed');
    expect(
      running(back.tasks).filter((task) => secretNames(task.Spec)[0] === good.name).length,
    ).toBeGreaterThanOrEqual(2);
  });
}

export function describeRollbacks(on: On): void {
  const rollback = { Parallelism: 0, Monitor: 5e8, FailureAction: 'pause', Order: 'stop-first' };

  for (const order of ['start-first', 'stop-first'])
    on(`rolls back by itself, ${order}, and then has no previous spec`, async (world) => {
      const good = await world.secret('good', 'good-1');
      const bad = await world.secret('bad', 'bad');
      const update = { FailureAction: 'rollback', Order: order, Parallelism: 1 };
      const before = await world.started('app', [referenceTo(good, 't')], { update, rollback });
      const { ID } = before.service;
      await world.update(ID, (spec) => withSecrets(spec, [referenceTo(bad, 't')]));
      // Its monitor is over in half a second, which a look on a busy machine may miss.
      const turned = await world.until(ID, 'UpdateStatus rollback_started, or over', ({ service }) =>
        (service.UpdateStatus?.State ?? '').startsWith('rollback_'),
      );
      if (turned.service.UpdateStatus?.State === 'rollback_started')
        expect(turned.service.UpdateStatus.Message).toMatch(
          /^update rolled back due to failure or early termination of task [0-9a-z]{25}$/,
        );
      const { service } = await world.untilState(ID, 'rollback_completed');
      expect(service.UpdateStatus?.Message).toBe('rollback completed');
      expect(service.Spec).toEqual(before.service.Spec);
      expect(service.PreviousSpec).toBeUndefined();
      const manual = await refusal(world.update(ID, (spec) => spec, { rollback: 'previous' }));
      expect(manual).toEqual({
        status: 400,
        message: `rpc error: code = FailedPrecondition desc = service ${ID} does not have a previous spec`,
      });
      await world.until(ID, 'the old value runs', ({ tasks }) => {
        const up = running(tasks);
        return up.length === 2 && up.every((task) => secretNames(task.Spec)[0] === good.name);
      });
    });

  on('toggles between two specs when it is told to roll back twice', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const { service } = await world.started('app', [referenceTo(one, 't')], { rollback });
    await world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    await world.untilState(service.ID, 'completed');
    for (const [now, before] of [
      [one, two],
      [two, one],
    ] as [MadeSecret, MadeSecret][]) {
      await world.update(service.ID, (spec) => spec, { rollback: 'previous' });
      const at = (await world.inspect(service.ID)).UpdateStatus;
      expect(at).toMatchObject({ State: 'rollback_started', Message: 'manually requested rollback' });
      const after = await world.untilState(service.ID, 'rollback_completed');
      expect(secretNames(after.service.Spec)).toEqual([now.name]);
      expect(secretNames(after.service.PreviousSpec)).toEqual([before.name]);
    }
  });

  on(
    'accepts a rollback to a secret that is gone, and then runs nothing in its first slot',
    async (world) => {
      const one = await world.secret('one', 'good-1');
      const two = await world.secret('two', 'good-2');
      const { service } = await world.started('app', [referenceTo(one, 't')], { replicas: 1, rollback });
      await world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
      // While an old task still stops, its node has the secret, and a task that starts there gets it.
      await world.until(
        service.ID,
        'completed, and the old task ended',
        (sight) =>
          sight.service.UpdateStatus?.State === 'completed' &&
          sight.tasks.some((task) => task.Status.State === 'shutdown'),
      );
      await world.docker.getSecret(one.id).remove();
      await world.update(service.ID, (spec) => spec, { rollback: 'previous' });
      const after = await world.untilState(service.ID, 'rollback_paused');
      expect(after.service.UpdateStatus?.Message).toContain('update paused due to failure');
      const failed = after.everSeen.find((task) => task.Status.State === 'failed');
      expect(failed?.Status.Err).toBe(
        `starting container failed: unable to get secret from secret store: secret ${one.id} not found`,
      );
      expect(running(after.tasks)).toEqual([]);
    },
  );
}
