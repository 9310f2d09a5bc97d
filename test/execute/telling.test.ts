import { afterEach, describe, expect, it } from 'vitest';
import type { DeclaredNotification } from '../../src/model/declared.ts';
import { NOTICE_KINDS } from '../../src/model/declared.ts';
import type { Delivery } from '../../src/model/journal.ts';
import type { Occurrence } from '../../src/model/notice.ts';
import { makeCompromisePlan } from '../../src/plan/compromise.ts';
import { connectReceivers } from '../../src/providers/notify.ts';
import { noticesOf } from '../../src/report/notices.ts';
import { killedBeforeHistory } from '../support/killed.ts';
import { nowhere, startReceiver } from '../support/receiver.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const at = '2026-11-22T03:00:00Z';
const delivery = (failure: string | null, event: Delivery['event'] = 'rotated'): Delivery => ({
  to: 'alerts',
  event,
  about: null,
  at,
  failure,
});

async function open(): Promise<World> {
  world = await World.open(
    declare([secret('key', { source: { kind: 'manual', instructions: null } })], [service('api', ['key'])]),
  );
  return world;
}

describe('an emergency rotation', () => {
  it('tells its beginning at once, and waits with no step until that was taken', async () => {
    world = await World.open(declare([secret('key')], [service('api', ['key'])]));
    await world.apply();
    const { declared, now } = world;
    const plan = makeCompromisePlan({
      declared,
      observed: await world.observe(),
      recorded: await world.record.read(),
      now,
      addresses: ['vault://prod-vault/key'],
      incident: 'INC-7',
      only: false,
      revokeFirst: false,
      discoveredAt: now,
      deadline: '2026-11-22T05:00:00Z',
      values: [],
    });
    let promoted = (): void => {};
    const untilPromoted = new Promise<void>((resolve) => (promoted = resolve));
    const told: string[] = [];
    world.notify = async (occurrence) => {
      told.push(...noticesOf(occurrence, new Set()).map(({ event }) => event));
      if (occurrence.type === 'begun') await untilPromoted;
      return [delivery(null, occurrence.type === 'begun' ? 'compromise-started' : 'compromise-finished')];
    };
    const { entry, outcome } = await world.perform(plan, {}, undefined, (event) => {
      if (event.type === 'step_end' && event.step.kind === 'promote') promoted();
    });
    expect(outcome).toBe('done');
    expect(told).toEqual(['compromise-started', 'compromise-finished']);
    expect(entry.notified).toEqual([
      delivery(null, 'compromise-started'),
      delivery(null, 'compromise-finished'),
    ]);
  });
});

describe('an apply', () => {
  it('writes down who was told, in its entry and in its events', async () => {
    await open();
    const occurrences: Occurrence[] = [];
    world.notify = async (occurrence) => {
      occurrences.push(occurrence);
      return [delivery(null), delivery('answered 404', 'held')];
    };
    const { entry, events, outcome } = await world.apply({}, { key: 'good-1' });
    expect(outcome).toBe('done');
    expect(entry.notified).toEqual([delivery(null), delivery('answered 404', 'held')]);
    expect(await world.record.history.show(1)).toEqual(entry);
    expect(events.filter(({ type }) => type === 'notified')).toHaveLength(2);
    expect(occurrences).toMatchObject([
      {
        type: 'ended',
        entry: { outcome: 'done', versions: { 'vault://prod-vault/key': { before: null, after: 1 } } },
        told: [],
      },
    ]);
  });

  it('comes to the same end where nobody answers, and its entry says so', async () => {
    await open();
    const to: DeclaredNotification = {
      kind: 'slack',
      name: 'alerts',
      path: 'shop/alerts',
      events: NOTICE_KINDS,
      url: { env: 'URL' },
    };
    const [receiver] = connectReceivers(
      [to],
      { URL: await nowhere() },
      { withinMs: 1_000, tries: 2, backoffMs: 1 },
    );
    world.notify = async (occurrence) => {
      const notices = noticesOf(occurrence, new Set());
      const { signal } = new AbortController();
      return Promise.all(
        notices.map(async (notice) => ({
          ...delivery((await receiver?.tell(notice, signal)) ?? null, notice.event),
        })),
      );
    };
    const { entry, outcome } = await world.apply({}, { key: 'good-1' });
    expect(outcome).toBe('done');
    expect(entry.notified).toEqual([delivery('did not answer (ECONNREFUSED)')]);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('comes to the same end where whoever tells breaks its word and throws', async () => {
    await open();
    world.notify = () => Promise.reject(new Error('no word was kept'));
    const { entry, outcome } = await world.apply({}, { key: 'good-1' });
    expect(outcome).toBe('done');
    expect(entry).not.toHaveProperty('notified');
  });

  it('holds its end in the journal before anybody is told of it', async () => {
    await open();
    let outcomes: unknown[] = [];
    world.notify = async () => {
      const lines = (await world.record.interrupted()) ?? [];
      outcomes = lines.flatMap((line) => (line.type === 'end' ? [line.outcome] : []));
      return [];
    };
    await world.apply({}, { key: 'good-1' });
    expect(outcomes).toEqual(['done']);
  });

  it('that was cut off behind its telling is recorded by the next one, which knows who was told', async () => {
    await open();
    world.notify = async () => [delivery(null), delivery('answered 503', 'held')];
    await killedBeforeHistory(world, await world.plan({ values: ['vault://prod-vault/key'] }), {
      key: 'good-1',
    });
    const told: (readonly Delivery[])[] = [];
    world.notify = async (occurrence) => {
      if (occurrence.type === 'ended') told.push(occurrence.told);
      return [delivery(null, 'held')];
    };
    const resumed = await world.resume();
    expect(told).toEqual([[delivery(null), delivery('answered 503', 'held')]]);
    expect(resumed?.entry.notified).toEqual([
      delivery(null),
      delivery('answered 503', 'held'),
      delivery(null, 'held'),
    ]);
  });

  it('that failed tells what it came to and what is held, and no receiver sees a value of it', async () => {
    await open();
    await world.apply({}, { key: 'good-1' });
    world.later(80);
    await world.apply();
    const { url, received } = await startReceiver();
    const to = { name: 'alerts', path: 'shop/alerts', events: NOTICE_KINDS };
    const receivers = connectReceivers(
      [
        { ...to, kind: 'slack', url: { env: 'URL' } },
        { ...to, kind: 'webhook', url: { env: 'URL' }, signedWith: null },
        { ...to, kind: 'github-issue', repository: 'a/b', token: { env: 'TOKEN' }, labels: [], api: url },
      ],
      { URL: url, TOKEN: 'token' },
    );
    const { signal } = new AbortController();
    world.notify = async (occurrence) => {
      for (const notice of noticesOf(occurrence, new Set()))
        for (const { tell } of receivers) expect(await tell(notice, signal)).toBeNull();
      return [];
    };
    const { outcome } = await world.apply({}, { key: 'bad-canary-2' });
    expect(outcome).toBe('rolled-back');
    // Two notices: the issue is looked for and then opened.
    expect(received).toHaveLength(2 * 4);
    const bodies = received.map(({ body }) => body).join('\n');
    expect(bodies).toContain('failed and was rolled back');
    expect(bodies).toContain('held until a person acts');
    expect(bodies).not.toContain('canary');
  });
});
