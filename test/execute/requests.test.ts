import { afterEach, describe, expect, it } from 'vitest';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

describe('a plan with nothing to do', () => {
  it('lists 60 secrets in 3 pages and looks at the swarm with 4 requests', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `s${index}`);
    world = await World.open(
      declare(
        names.map((name) => secret(name)),
        [service('api', names)],
      ),
      1,
    );
    await world.apply();
    world.later(100);
    await world.apply();
    await world.apply({ rotate: ['vault://prod-vault/s1'] });
    world.later(100);
    await world.apply();

    const before = { vault: world.vault.requests.length, swarm: world.swarm.requests.length };
    expect((await world.plan()).steps).toEqual([]);
    const asked = world.vault.requests.slice(before.vault).map(({ operation }) => operation);
    expect(asked).toEqual(['SecretList', 'SecretList', 'SecretList']);
    expect(world.swarm.requests.slice(before.swarm)).toHaveLength(4);
  });
});
