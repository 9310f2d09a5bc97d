import { afterEach, expect, test } from 'vitest';
import type { Connections, World as Connected } from '../../src/cli/connect.ts';
import { Gate } from '../../src/cli/lease.ts';
import type { Session } from '../../src/cli/session.ts';
import { isOfOneTime, openSessions } from '../../src/cli/session.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import { secretAddress } from '../../src/model/address.ts';
import { observe } from '../../src/observe/observe.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { sandboxHooks } from '../../src/sandbox/hooks.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { temporaryFolder } from './project.ts';
import { VAULT, World, declare, secret, service } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

test('what is recorded and what is observed are of two times where another apply ended in between', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  await world.apply();
  world.later(80);
  const { declared, record } = world;
  const { vaults, platforms, hooks } = world.outside();
  const before = await record.read();
  await world.apply({ rotate: [secretAddress(VAULT, 'key')] });
  const observed = await observe({ declared, recorded: before, vaults, platforms, now: () => world.now });
  const connected = { declared, record, vaults, platforms, hooks, listed: new Set<SecretAddress>() };
  const torn: Session = { ...connected, recorded: before, observed };
  const plan = makePlan({ ...torn, now: world.now, options: { ...NO_OPTIONS, dueOnly: true } });
  expect(plan.blocked.map(({ fault }) => fault?.code)).toContain('not-ours');
  expect(await isOfOneTime(torn)).toBe(false);
  expect(await isOfOneTime({ ...torn, recorded: await record.read() })).toBe(true);
});

test('what was fetched of a record is what it was then, however late it is read through', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  await world.apply();
  const before = await world.record.read();
  const read = await world.record.fetch();
  await world.apply({ rotate: [secretAddress(VAULT, 'key')] });
  expect(await read()).toEqual(before);
  expect(await (await world.record.fetch())()).toEqual(await world.record.read());
});

test('they are of two times where another apply is under way', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  const { declared, record } = world;
  const { vaults, platforms, hooks } = world.outside();
  const connected = { declared, record, vaults, platforms, hooks, listed: new Set<SecretAddress>() };
  const plan = await world.plan();
  await killedBefore(world, plan, outcomeOf(plan, 'stage'));
  const recorded = await record.read();
  const observed = await world.observe();
  expect(await isOfOneTime({ ...connected, recorded, observed })).toBe(false);
});

test('stacks are looked at side by side, four at once, and what one of them cannot be is thrown for that one', async () => {
  const stacks = ['a', 'b', 'c', 'd', 'e', 'f'].map(nothingOf);
  let letGo = (): void => undefined;
  const four = new Promise<void>((resolve) => (letGo = resolve));
  let connecting = 0;
  let most = 0;
  const of = async ({ stack }: { readonly stack: string }): Promise<Connections> => {
    connecting += 1;
    most = Math.max(most, connecting);
    if (connecting === 4) letGo();
    await four;
    connecting -= 1;
    if (stack === 'b')
      throw new Fault({ code: 'vault-unreachable', what: 'no vault is there', next: 'wait' });
    return { vaults: new Map(), platforms: new Map(), hooks: sandboxHooks() };
  };
  const sessions = openSessions(await connectedBy(of), stacks, new AbortController().signal);
  const ends = [];
  for (const declared of stacks)
    ends.push(
      await sessions.of(declared).then(
        ({ recorded }) => recorded.stack,
        ({ code }: Fault) => code,
      ),
    );
  expect(ends).toEqual(['a', 'vault-unreachable', 'c', 'd', 'e', 'f']);
  expect(most).toBe(4);
});

test('after an interrupt no further stack is looked at, and what was begun has ended before anything is closed', async () => {
  const stacks = ['a', 'b', 'c', 'd', 'e', 'f'].map(nothingOf);
  const begun: string[] = [];
  const ended: string[] = [];
  let letGo = (): void => undefined;
  const late = new Promise<void>((resolve) => (letGo = resolve));
  const of = async ({ stack }: { readonly stack: string }): Promise<Connections> => {
    begun.push(stack);
    if (stack !== 'a') await late;
    ended.push(stack);
    return { vaults: new Map(), platforms: new Map(), hooks: sandboxHooks() };
  };
  const interrupt = new AbortController();
  const sessions = openSessions(await connectedBy(of), stacks, interrupt.signal);
  interrupt.abort();
  const [first] = stacks;
  await expect(sessions.of(first ?? nothingOf('a'))).rejects.toMatchObject({ code: 'interrupted' });
  const end = sessions.end();
  letGo();
  await end;
  expect(begun.sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(ended.sort()).toEqual(begun);
});

/** A stack that declares nothing. */
function nothingOf(stack: string): Declared {
  return { ...declare([], []), vaults: [], platforms: [], stack };
}

async function connectedBy(of: Connected['of']): Promise<Connected> {
  return {
    argv: { directory: await temporaryFolder() },
    gate: new Gate(),
    sandbox: null,
    of,
    vaultsOf: () => Promise.resolve(new Map()),
    close: () => Promise.resolve(),
  };
}
