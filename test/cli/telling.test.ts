import { expect, test } from 'vitest';
import { notifyOf } from '../../src/cli/notify.ts';
import type { DeclaredNotification } from '../../src/model/declared.ts';
import { NOTICE_KINDS } from '../../src/model/declared.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Occurrence } from '../../src/model/notice.ts';
import { openRecord } from '../../src/record/record.ts';
import { before, declaredWith, failure, pairPlan, returned, stopped } from '../report/record-fixture.ts';
import { nowhere, startReceiver } from '../support/receiver.ts';
import { temporaryFolder } from './project.ts';

function slack(name: string, url: string): DeclaredNotification {
  return { kind: 'slack', name, path: `busflow/${name}`, events: NOTICE_KINDS, url: { text: url } };
}

async function notifier(...notifications: readonly DeclaredNotification[]) {
  const record = openRecord({ directory: await temporaryFolder(), stack: 'busflow' });
  const declared = { ...declaredWith(), notifications };
  const notify = await notifyOf({ declared, record }, { notify: false, noNotify: false });
  return async (entry: HistoryEntry, more: Partial<Extract<Occurrence, { type: 'ended' }>> = {}) =>
    (await notify?.({ type: 'ended', plan: pairPlan, entry, before, after: returned, told: [], ...more })) ??
    [];
}

test('that an apply stopped is told once a day, however often it is tried again', async () => {
  const { url, received } = await startReceiver();
  const end = await notifier(slack('alerts', url));
  const first = await end(stopped);
  expect(first.map(({ event, failure }) => [event, failure])).toEqual([
    ['rolled-back', null],
    ['held', null],
  ]);
  expect(await end({ ...stopped, apply: 'the next one' })).toEqual([]);
  expect(received).toHaveLength(2);
  await end({ ...stopped, endedAt: '2026-11-23T03:13:21Z' });
  expect(received).toHaveLength(4);
});

test('whoever cannot be told keeps nobody else from being told, and is tried once', async () => {
  const { url, received } = await startReceiver();
  const end = await notifier(slack('dead', await nowhere()), slack('alerts', url));
  const deliveries = await end(failure);
  expect(deliveries.map(({ to, event, failure }) => [to, event, failure])).toEqual([
    ['dead', 'rolled-back', 'did not answer (ECONNREFUSED)'],
    ['dead', 'held', 'not tried: what came before it could not be told'],
    ['alerts', 'rolled-back', null],
    ['alerts', 'held', null],
  ]);
  expect(received).toHaveLength(2);
});

test('what the run before told of this very end is not told again', async () => {
  const { url, received } = await startReceiver();
  const end = await notifier(slack('alerts', url));
  const told = [
    { to: 'alerts', event: 'rolled-back', about: null, at: failure.endedAt, failure: null },
    { to: 'alerts', event: 'held', about: null, at: failure.endedAt, failure: 'answered 503' },
  ] as const;
  expect((await end(failure, { told })).map(({ event }) => event)).toEqual(['held']);
  expect(received).toHaveLength(1);
});

test('without anybody to tell there is nobody who tells', async () => {
  const record = openRecord({ directory: await temporaryFolder(), stack: 'busflow' });
  const argv = { notify: false, noNotify: false };
  expect(await notifyOf({ declared: declaredWith(), record }, argv)).toBeUndefined();
});
