import { expect, onTestFinished, test } from 'vitest';
import type { Connections, World as Connected } from '../../src/cli/connect.ts';
import { Gate } from '../../src/cli/lease.ts';
import type { Session } from '../../src/cli/session.ts';
import { whole } from '../../src/cli/project.ts';
import { isOfOneTime, openSessions } from '../../src/cli/session.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import type { SeenPlatform } from '../../src/model/observed.ts';
import type { Platform } from '../../src/model/platform.ts';
import { secretAddress } from '../../src/model/address.ts';
import { observe } from '../../src/observe/observe.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { sandboxHooks } from '../../src/sandbox/hooks.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { temporaryFolder } from './project.ts';
import { VAULT, World, declare, secret, service } from '../support/world.ts';

async function opened(): Promise<World> {
  const world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  onTestFinished(() => world.close());
  return world;
}

test('what is recorded and what is observed are of two times where another apply ended in between', async () => {
  const world = await opened();
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
  const world = await opened();
  await world.apply();
  const before = await world.record.read();
  const read = await world.record.fetch();
  await world.apply({ rotate: [secretAddress(VAULT, 'key')] });
  expect(await read()).toEqual(before);
  expect(await (await world.record.fetch())()).toEqual(await world.record.read());
});

test('they are of two times where another apply is under way', async () => {
  const world = await opened();
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
  let letGo = (): void => undefined;
  const four = new Promise<void>((resolve) => (letGo = resolve));
  let looking = 0;
  let most = 0;
  const connected = await connectedBy(async (stack) => {
    looking += 1;
    most = Math.max(most, looking);
    if (looking === 4) letGo();
    await four;
    looking -= 1;
    if (stack === 'b')
      throw new Fault({ code: 'platform-unreachable', what: 'nobody is there', next: 'wait' });
  });
  const stacks = ['a', 'b', 'c', 'd', 'e', 'f'].map(oneSwarm);
  const sessions = openSessions(connected.world, stacks.map(whole), new AbortController().signal);
  const ends = [];
  for (const declared of stacks) {
    const { recorded, observed } = await sessions.of(declared);
    const [swarm] = Object.values(observed.platforms);
    ends.push(`${recorded.stack} ${swarm?.status === 'unknown' ? swarm.fault.code : 'seen'}`);
  }
  expect(ends).toEqual(['a seen', 'b platform-unreachable', 'c seen', 'd seen', 'e seen', 'f seen']);
  expect(most).toBe(4);
  expect(connected.atOnce()).toBe(1);
});

test('after an interrupt no further stack is looked at, and what was begun has ended before anything is closed', async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  let letGo = (): void => undefined;
  const late = new Promise<void>((resolve) => (letGo = resolve));
  let allBegun = (): void => undefined;
  const four = new Promise<void>((resolve) => (allBegun = resolve));
  const interrupt = new AbortController();
  const interrupted = new Promise((resolve) => interrupt.signal.addEventListener('abort', resolve));
  const { world: connected } = await connectedBy(async (stack) => {
    begun.push(stack);
    if (begun.length === 4) allBegun();
    await (stack === 'a' ? interrupted : late);
    ended.push(stack);
  });
  const stacks = ['a', 'b', 'c', 'd', 'e', 'f'].map(oneSwarm);
  const sessions = openSessions(connected, stacks.map(whole), interrupt.signal);
  await four;
  interrupt.abort();
  const [first] = stacks;
  await expect(sessions.of(first ?? oneSwarm('a'))).rejects.toMatchObject({ code: 'interrupted' });
  const end = sessions.end();
  letGo();
  await end;
  expect(begun.sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(ended.sort()).toEqual(begun);
});

test('what is declared is read through while the vault is listed, which does not wait for it', async () => {
  const world = await opened();
  await world.apply();
  const { vaults, platforms, hooks } = world.outside();
  const { world: connected } = await connectedBy(() => Promise.resolve());
  const of = (): Promise<Connections> => Promise.resolve({ vaults, platforms, hooks });
  let asked = (): void => undefined;
  const listed = new Promise<void>((resolve) => (asked = resolve));
  const [vault] = vaults.values();
  if (vault === undefined) throw new Error('there is no vault');
  const list = vault.list.bind(vault);
  vault.list = (signal) => {
    asked();
    return list(signal);
  };
  const { declared } = world;
  const head = { ...declared, secrets: [], consumers: [] };
  const declaring = { head, whole: () => listed.then(() => declared) };
  const sessions = openSessions({ ...connected, of }, [declaring], new AbortController().signal);
  const session = await sessions.of(head);
  expect(session.declared).toBe(declared);
  expect(session.observed).toMatchObject({ vaults: { [VAULT]: { secrets: { key: { ordinal: 1 } } } } });
});

test('what is wrong with a declaration ends the look at once, whoever does not answer', async () => {
  let ended = false;
  let begun = (): void => undefined;
  const { world: connected } = await connectedBy(async (_stack, signal) => {
    begun();
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    ended = true;
  });
  const head = oneSwarm('a');
  const wrong = new Fault({ code: 'bad-file', what: 'the manifest contradicts itself', next: 'synth again' });
  // Only once somebody is asked.
  const asked = new Promise<void>((resolve) => (begun = resolve));
  const declaring = { head, whole: () => asked.then(() => Promise.reject(wrong)) };
  const sessions = openSessions(connected, [declaring], new AbortController().signal);
  await expect(sessions.of(head)).rejects.toBe(wrong);
  expect(ended).toBe(true);
});

/** A stack with one swarm and nothing on it. */
function oneSwarm(stack: string): Declared {
  return { ...declare([], []), vaults: [], stack };
}

/** Stacks whose swarm is looked at by `look`; and how many were connected at one time, at most. */
async function connectedBy(
  look: (stack: string, signal?: AbortSignal) => Promise<void>,
): Promise<{ readonly world: Connected; readonly atOnce: () => number }> {
  let [connecting, most] = [0, 0];
  const of = async ({ stack, platforms }: Declared): Promise<Connections> => {
    connecting += 1;
    most = Math.max(most, connecting);
    await new Promise(setImmediate);
    connecting -= 1;
    const swarms = platforms.map(
      ({ name }) => [name, swarmOf(name, (signal) => look(stack, signal))] as const,
    );
    return { vaults: new Map(), platforms: new Map(swarms), hooks: sandboxHooks() };
  };
  const world: Connected = {
    argv: { directory: await temporaryFolder() },
    gate: new Gate(),
    sandbox: null,
    of,
    vaultsOf: () => Promise.resolve(new Map()),
    close: () => Promise.resolve(),
  };
  return { world, atOnce: () => most };
}

function swarmOf(name: string, look: (signal?: AbortSignal) => Promise<void>): Platform {
  const never = (): Promise<never> => Promise.reject(new Error('nobody asks for that'));
  const observe = async (signal?: AbortSignal): Promise<SeenPlatform> => {
    await look(signal);
    return { clusterId: 'one', copies: [], services: {} };
  };
  return {
    name,
    kind: 'swarm',
    observe,
    stage: never,
    remove: never,
    flip: never,
    verify: never,
    settle: never,
    close: never,
  };
}
