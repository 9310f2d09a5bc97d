import { afterEach, expect, test, vi } from 'vitest';
import { openEventLog } from '../../src/cli/event-log.ts';
import { resumeInterrupted } from '../../src/cli/perform.ts';
import type { Session } from '../../src/cli/session.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { digestOf } from '../../src/model/canonical.ts';
import { claimed } from '../support/lease.ts';
import { World, declare, secret, service } from '../support/world.ts';

let world: World;

afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

test('an interrupted apply of which nothing had to be taken back does not end this one with 130', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  const plan = await world.plan();
  const actor = { name: 'tester', knownBy: 'os-user', host: 'here', run: null } as const;
  const { lineage, serial } = plan.basis;
  const begin = {
    type: 'begin',
    format: 1,
    apply: 'a',
    lineage,
    serial,
    planDigest: digestOf(plan),
  } as const;
  const held = await claimed(world.record);
  await held.begin({ ...begin, plan, actor, reason: null, ticket: null }, () => world.now);
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);

  const { declared, record } = world;
  const { vaults, platforms, hooks } = world.outside();
  const session: Session = {
    declared,
    record,
    vaults,
    platforms,
    hooks,
    listed: new Set(),
    recorded: await record.read(),
    observed: await world.observe(),
  };
  const terminal = openTerminal({ directory: '.', noColor: true, debug: false });
  const code = await resumeInterrupted(session, held, {
    argv: { directory: '.', parallelism: 1, lockTimeout: 0, notify: false, noNotify: false },
    run: { id: 'b', actor, purpose: 'apply' },
    events: openEventLog(undefined, terminal),
    terminal,
    interrupt: { signal: new AbortController().signal, begun: () => {}, stop: () => {} },
  });

  expect(code).toEqual({ code: 0, tookBack: false });
  expect(printed.mock.calls.flat().join('')).toContain('Result: ');
  expect(await record.interrupted()).toBeNull();
});
