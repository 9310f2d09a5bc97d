import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/model/secret-value.ts';
import { Budget } from '../../src/providers/key-vault-budget.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';

/** A clock that jumps to whoever waits the shortest, once nobody has anything else to do. */
class Clock {
  #now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  readonly ticks = (): number => this.#now;
  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('stopped')));
      this.#sleepers.push({ at: this.#now + ms, wake: resolve });
    });

  async run(until: Promise<unknown>): Promise<void> {
    const end = { isReached: false };
    void until.finally(() => (end.isReached = true));
    while (!end.isReached) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers.shift();
      if (next === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    await until;
  }
}

describe('a budget of requests', () => {
  it('lets no window of the vault see more than it takes, wherever on its way each request arrives', async () => {
    const request = fc.record({
      gap: fc.nat(400),
      tripMs: fc.integer({ min: 1, max: 900 }),
      arrives: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 6 }),
        async (requests, most) => {
          const clock = new Clock();
          const budget = new Budget(most, 1_000, clock);
          const arrivals: number[] = [];
          const send = async (
            { gap, tripMs, arrives }: (typeof requests)[number],
            index: number,
          ): Promise<void> => {
            await clock.sleep(gap * index);
            await budget.enter();
            const sent = clock.ticks();
            await clock.sleep(tripMs);
            arrivals.push(sent + arrives * tripMs);
            budget.leave();
          };
          await clock.run(Promise.all(requests.map(send)));
          expect(arrivals).toHaveLength(requests.length);
          for (const from of arrivals) {
            const seen = arrivals.filter((at) => at >= from && at < from + 1_000);
            expect(seen.length).toBeLessThanOrEqual(most);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('uses all that there is: a window after the first answers the next ones leave', async () => {
    const clock = new Clock();
    const budget = new Budget(3, 1_000, clock);
    const sent: number[] = [];
    const send = async (): Promise<void> => {
      await budget.enter();
      sent.push(clock.ticks());
      await clock.sleep(10);
      budget.leave();
    };
    await clock.run(Promise.all(Array.from({ length: 9 }, send)));
    expect(sent).toEqual([0, 0, 0, 1_010, 1_010, 1_010, 2_020, 2_020, 2_020]);
  });

  it('goes on for those behind one that gave up', async () => {
    const clock = new Clock();
    const budget = new Budget(1, 1_000, clock);
    await budget.enter();
    const stop = new AbortController();
    const given = budget.enter(stop.signal);
    const behind = budget.enter();
    const up = expect(given).rejects.toThrow('stopped');
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await up;
    budget.leave();
    await clock.run(behind);
    expect(clock.ticks()).toBeGreaterThanOrEqual(1_000);
  });
});

describe('a vault that throttles as Key Vault does', () => {
  it('never has to, however many versions are made at once', async () => {
    const clock = new Clock();
    const limits = { creates: 300, others: 4_000, windowMs: 10_000 };
    const vault = await startVault({
      name: 'shop',
      directory: null,
      limits,
      clock: () => 1_700_000_000_000 + clock.ticks(),
    });
    const { sleep, ticks } = clock;
    const client = connectKeyVault({
      name: 'shop',
      uri: vault.url,
      auth: 'default',
      tenantId: null,
      sandboxToken: 'applier',
      pace: { sleep, ticks },
    });
    const write = (index: number) =>
      client.write(`key-${index}`, new SecretValue(`value-${index}`), {
        ordinal: 1,
        operation: `op-${index}`,
        stack: 'shop',
        contentType: null,
        tags: {},
      });
    await clock.run(Promise.all(Array.from({ length: 700 }, (_, index) => write(index))));
    const sets = vault.requests.filter(({ operation }) => operation === 'SecretSet');
    expect(sets).toHaveLength(700);
    expect(vault.requests.filter(({ status }) => status === 429)).toEqual([]);
    // Three windows have begun, two have passed.
    expect(clock.ticks()).toBeGreaterThanOrEqual(20_000);
    expect(clock.ticks()).toBeLessThan(21_000);
    await vault.close();
  }, 60_000);

  it('answers 429 to the one that is too many, and to none once the window has passed', async () => {
    let now = 1_700_000_000_000;
    const vault = await startVault({
      name: 'shop',
      directory: null,
      limits: { creates: 1, others: 2, windowMs: 1_000 },
      clock: () => now,
    });
    const list = async () => {
      const url = `${vault.url}/secrets?api-version=7.6`;
      const { status } = await fetch(url, { headers: { authorization: 'Bearer planner' } });
      return status;
    };
    expect([await list(), await list(), await list()]).toEqual([200, 200, 429]);
    now += 1_000;
    expect(await list()).toBe(200);
    await vault.close();
  });
});
