import { afterEach, describe, expect, it } from 'vitest';
import type { ApplyEvent } from '../../src/model/event.ts';
import type { Restarts } from '../../src/model/declared.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

function restarting(declared: ReturnType<typeof declare>, restarts: Restarts): typeof declared {
  return { ...declared, platforms: declared.platforms.map((platform) => ({ ...platform, restarts })) };
}

/** The most consumers that were between the beginning of their flip and the end of their verify at once. */
function mostAtOnce(events: readonly ApplyEvent[]): number {
  const restarting = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type === 'step_start' && event.step.kind === 'flip') restarting.add(event.step.address);
    if (event.type === 'step_end' && event.step.kind === 'verify') restarting.delete(event.step.address);
    most = Math.max(most, restarting.size);
  }
  return most;
}

function orderOfFlips(events: readonly ApplyEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'step_start' && event.step.kind === 'flip' ? [event.step.address] : [],
  );
}

describe('the consumers of a platform that restarts few at once', () => {
  it('are flipped in waves within a group, the canary first', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const consumers = names.map((name) => service(name, ['key'], { canary: name === 'd' }));
    world = await World.open(
      restarting(declare([secret('key')], consumers), { atOnce: 2, pause: 'PT0.05S' }),
      1,
    );
    const applied = await world.apply();
    expect(applied.outcome).toBe('done');
    expect(mostAtOnce(applied.events)).toBe(2);
    const [first] = orderOfFlips(applied.events);
    expect(first).toBe('swarm://prod/d');
  });

  it('take turns over groups that have nothing to do with each other', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const declared = declare(
      names.map((name) => secret(name)),
      names.map((name) => service(`s-${name}`, [name])),
    );
    world = await World.open(restarting(declared, { atOnce: 2, pause: 'PT0S' }), 1);
    const applied = await world.apply();
    expect(applied.outcome).toBe('done');
    expect(mostAtOnce(applied.events)).toBe(2);
  });

  it('go on after a group that failed, which is nobody else’s failure', async () => {
    const bad = secret('a', { source: { kind: 'manual', instructions: null } });
    const declared = declare(
      [bad, secret('b'), secret('c')],
      ['a', 'b', 'c'].map((name) => service(`s-${name}`, [name])),
    );
    world = await World.open(restarting(declared, { atOnce: 1, pause: 'PT0S' }), 1);
    const applied = await world.apply({}, { a: 'bad-1' });
    expect(applied.outcome).toBe('rolled-back');
    expect(mostAtOnce(applied.events.filter(({ type }) => type !== 'rollback_start'))).toBeLessThanOrEqual(2);
    expect(await world.reads('s-b')).toEqual({ b: 'b_v1' });
    expect(await world.reads('s-c')).toEqual({ c: 'c_v1' });
  });
});
