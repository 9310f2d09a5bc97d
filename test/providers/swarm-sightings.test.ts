import { describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/providers/swarm-connection.ts';
import type { Engine } from '../../src/providers/swarm-connection.ts';
import { Sightings } from '../../src/providers/swarm-sightings.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';

const NAMES = ['ada', 'bob', 'cyd', 'dan', 'eve'];

interface Scene {
  readonly swarm: RunningSwarm;
  readonly engine: Engine;
  readonly sightings: Sightings;
  readonly ids: readonly string[];
  readonly close: () => Promise<void>;
}

async function open(): Promise<Scene> {
  const swarm = await startSwarm({
    name: 'prod',
    directory: null,
    listen: 'tcp://127.0.0.1:0',
    timeScale: 0.01,
  });
  for (const name of NAMES) swarm.createService({ name });
  const engine = connectEngine({ endpoint: swarm.endpoint, environment: {} });
  const services = await engine.services({});
  const ids = NAMES.map((name) => services.find(({ Spec }) => Spec.Name === name)?.ID ?? '');
  const sightings = new Sightings(engine, { ticks: () => performance.now() });
  for (const id of ids) sightings.watch(id);
  const close = async (): Promise<void> => {
    await engine.close();
    await swarm.close();
  };
  return { swarm, engine, sightings, ids, close };
}

const asked = ({ requests }: RunningSwarm, operation: string): number =>
  requests.filter((request) => request.operation === operation).length;

describe('looks at services that are verified', () => {
  it('are three lists for all who ask at one time, each of whom gets its own service', async () => {
    const { swarm, sightings, ids, close } = await open();
    const before = asked(swarm, 'ServiceList');
    const seen = await Promise.all(ids.map((id) => sightings.of(id)));
    expect(seen.map(({ service }) => service.Spec.Name)).toEqual(NAMES);
    for (const [index, { tasks }] of seen.entries())
      expect(tasks.every(({ ServiceID }) => ServiceID === ids[index])).toBe(true);
    expect([
      asked(swarm, 'ServiceList') - before,
      asked(swarm, 'TaskList'),
      asked(swarm, 'NodeList'),
    ]).toEqual([1, 1, 1]);
    await close();
  });

  it('begin after they were asked for: who comes while one is under way gets the next', async () => {
    const { swarm, sightings, ids, close } = await open();
    const [first = ''] = ids;
    let isHeld = true;
    swarm.fault({ match: { operation: 'TaskList' }, action: 'delay', ms: 50 });
    const early = sightings.of(first).finally(() => (isHeld = false));
    await new Promise((resolve) => setImmediate(resolve));
    const late = [sightings.of(first), sightings.of(first)];
    expect(isHeld).toBe(true);
    const [one, two] = await Promise.all(late);
    expect(one?.at).toBe(two?.at);
    expect(one?.at).toBeGreaterThan((await early).at);
    expect(asked(swarm, 'TaskList')).toBe(2);
    await close();
  });

  it('that fail are told to all who share them, and the next one is made all the same', async () => {
    const { swarm, sightings, ids, close } = await open();
    swarm.fault({ match: { operation: 'NodeList' }, action: 'fail', status: 500, message: 'no leader' });
    const [a = '', b = ''] = ids;
    const ended = await Promise.allSettled([sightings.of(a), sightings.of(b)]);
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await sightings.of(a)).service.ID).toBe(a);
    await close();
  });

  it('tell of a service that was removed to who looks for it alone, and stop for one that gives up alone', async () => {
    const { engine, sightings, ids, close } = await open();
    const [a = '', b = '', c = ''] = ids;
    await engine.removeService(a);
    const stop = new AbortController();
    const looks = [sightings.of(a), sightings.of(b), sightings.of(c, stop.signal)];
    stop.abort();
    const ended = await Promise.allSettled(looks);
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(ended[0]).toMatchObject({ reason: { code: 'service-absent' } });
    await close();
  });
});
