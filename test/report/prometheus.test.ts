import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import type { Observed } from '../../src/model/observed.ts';
import { makeStatus } from '../../src/plan/status.ts';
import type { MeteredStack } from '../../src/report/prometheus.ts';
import { renderPrometheus, SERIES } from '../../src/report/prometheus.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { manySecrets } from './many-secrets.ts';
import { parseExposition } from '../support/exposition.ts';
import { declare, secret, service, World } from '../support/world.ts';
import { DASHBOARD, exprsIn, RULES, versionsInUse } from '../support/panels.ts';
import { namesIn } from '../support/exposition.ts';

const NOW = '2026-11-22T03:00:00Z';
const EMPTY: Observed = { at: NOW, vaults: {}, platforms: {} };
const bare: MeteredStack = {
  declared: declare([], []),
  observed: EMPTY,
  recorded: emptyRecord('shop', 'none'),
  rows: [],
  entries: 0,
  newest: null,
};

const valueOf = (text: string, name: string, labels: Readonly<Record<string, string>> = {}): number[] =>
  parseExposition(text)
    .filter(
      (each) =>
        each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value),
    )
    .map(({ value }) => value);

/** The metrics of a world as `status` makes them. */
async function metricsOf(world: World, more: Partial<MeteredStack> = {}): Promise<string> {
  const { declared, now } = world;
  const observed = await world.observe();
  const recorded = await world.record.read();
  const { history } = world.record;
  const [newest = null] = await history.list(1);
  const entries = (await history.numbers()).length;
  const rows = makeStatus({ declared, observed, recorded, now });
  return renderPrometheus([{ declared, observed, recorded, rows, entries, newest, ...more }], now);
}

async function shop(more: Partial<Declared> = {}, probe?: readonly string[]): Promise<World> {
  const first = service('shop_api', ['key'], {
    canary: true,
    ...(probe === undefined ? {} : { probe: { kind: 'command', argv: probe, timeout: 'PT20S' } }),
  });
  const declared = declare([secret('key')], [first, service('shop_web', ['key'])]);
  const world = await World.open({ ...declared, ...more });
  onTestFinished(() => world.close());
  return world;
}

describe('the metrics', () => {
  it('are the text format to the letter, of a stack that has nothing yet', () => {
    expect(renderPrometheus([bare], NOW)).toBe(
      '# HELP keyturn_collected_timestamp_seconds When these metrics were made\n' +
        '# TYPE keyturn_collected_timestamp_seconds gauge\n' +
        'keyturn_collected_timestamp_seconds 1795316400\n' +
        '# HELP keyturn_history_entries How many entries the history holds\n' +
        '# TYPE keyturn_history_entries gauge\n' +
        'keyturn_history_entries{stack="shop"} 0\n',
    );
  });

  it('escape what a label may not hold', () => {
    const odd = 'a\\b"c\nd{e="f",g="h"} 1';
    const observed: Observed = { ...EMPTY, vaults: { [odd]: { status: 'seen', secrets: {} } } };
    const text = renderPrometheus([{ ...bare, observed }], NOW);
    expect(text).toContain('name="a\\\\b\\"c\\nd{e=\\"f\\",g=\\"h\\"} 1"} 1\n');
    expect(valueOf(text, 'keyturn_observed', { name: odd, kind: 'vault' })).toEqual([1]);
  });

  it('are the same whatever the order of what they are made from', () => {
    const rows = manySecrets;
    const there = renderPrometheus([{ ...bare, rows }], NOW);
    expect(renderPrometheus([{ ...bare, rows: rows.toReversed() }], NOW)).toBe(there);
    expect(parseExposition(there).length).toBeGreaterThan(300);
  });

  it('tell dates as timestamps, and how long it is until due', () => {
    const [row] = manySecrets;
    if (row === undefined) throw new Error('no row');
    const due = {
      ...row,
      nextDue: '2026-11-22T02:00:00Z',
      soakUntil: '2026-11-25T03:00:00Z',
      due: 'overdue' as const,
    };
    const text = renderPrometheus([{ ...bare, rows: [due] }], NOW);
    expect(valueOf(text, 'keyturn_secret_due_timestamp_seconds')).toEqual([1795312800]);
    expect(valueOf(text, 'keyturn_secret_due_seconds')).toEqual([-3600]);
    expect(valueOf(text, 'keyturn_secret_soak_end_timestamp_seconds')).toEqual([1795575600]);
    expect(valueOf(text, 'keyturn_secret_overdue')).toEqual([1]);
    expect(
      valueOf(
        renderPrometheus([{ ...bare, rows: [{ ...due, nextDue: null }] }], NOW),
        'keyturn_secret_due_seconds',
      ),
    ).toEqual([]);
  });

  it('tell the last outcome as one series each, and the verification only where there is one', () => {
    const newest = { outcome: 'rolled-back', endedAt: NOW } as const;
    const text = renderPrometheus([{ ...bare, entries: 3, newest }], NOW);
    const outcomes = parseExposition(text).filter(({ name }) => name === 'keyturn_history_last_outcome');
    expect(outcomes.map(({ labels, value }) => `${labels['outcome']} ${value}`)).toEqual([
      'done 0',
      'failed 0',
      'incomplete 0',
      'interrupted 0',
      'rolled-back 1',
      'stopped 0',
    ]);
    expect(text).not.toContain('keyturn_history_verified');
    const finding = { kind: 'edited', entry: 2, text: 'entry 2 was edited' } as const;
    const found = renderPrometheus([{ ...bare, verification: { findings: [finding] } }], NOW);
    expect(valueOf(found, 'keyturn_history_verified')).toEqual([0]);
    expect(valueOf(found, 'keyturn_history_findings')).toEqual([1]);
  });

  it('say of what could not be observed only that, and tell no number of it', async () => {
    const world = await shop();
    await world.apply();
    expect(valueOf(await metricsOf(world), 'keyturn_consumer_version')).toEqual([1, 1]);
    await world.swarm.close();
    const text = await metricsOf(world);
    expect(valueOf(text, 'keyturn_observed', { kind: 'platform' })).toEqual([0]);
    expect(valueOf(text, 'keyturn_observed', { kind: 'vault' })).toEqual([1]);
    expect(text).not.toMatch(/keyturn_consumer_(version|in_step)/);
    expect(valueOf(text, 'keyturn_secret_current_version')).toEqual([1]);
    await world.vault.close();
    expect(await metricsOf(world)).not.toMatch(/keyturn_secret_(vault_ok|awaiting)/);
  });
});

describe('the examples', () => {
  it('show the old version, both, and only the new one, as a rotation goes on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-gate-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const gate = join(folder, 'open');
    const world = await shop({}, ['sh', '-c', `until [ -e ${gate} ]; do sleep 0.02; done`]);
    await writeFile(gate, '');
    await world.apply();
    const [panel] = DASHBOARD.panels;
    expect(panel?.title).toBe('Swarm Secret Versions');
    const expr = panel?.targets[0]?.expr ?? '';
    expect(versionsInUse(expr, await metricsOf(world), 'shop')).toEqual({
      'vault://prod-vault/key': { 1: 2 },
    });

    await rm(gate);
    const plan = await world.plan({ rotate: ['vault://prod-vault/key'] });
    let isTried: () => void = () => undefined;
    const tried = new Promise<void>((resolve) => (isTried = resolve));
    const applying = world.perform(plan, {}, undefined, (event) => {
      if (event.type === 'step_start' && event.step.kind === 'verify') isTried();
    });
    await tried;
    const middle = await metricsOf(world);
    await writeFile(gate, '');
    expect((await applying).outcome).toBe('done');
    expect(versionsInUse(expr, middle, 'shop')).toEqual({ 'vault://prod-vault/key': { 1: 1, 2: 1 } });
    expect(versionsInUse(expr, await metricsOf(world), 'shop')).toEqual({
      'vault://prod-vault/key': { 2: 2 },
    });
  });

  it('ask only for metrics and labels that there are', async () => {
    const world = await shop();
    await world.apply();
    const plan = await world.plan({ rotate: ['vault://prod-vault/key'] });
    await world.perform(plan);
    const text = await metricsOf(world, { verification: { findings: [] } });
    const rows = manySecrets;
    const more = renderPrometheus([{ ...bare, rows }], NOW);
    const there = new Map<string, Set<string>>();
    for (const { name, labels } of [...parseExposition(text), ...parseExposition(more)]) {
      there.set(name, new Set([...(there.get(name) ?? []), ...Object.keys(labels)]));
    }
    expect([...there.keys()].sort()).toEqual([...SERIES].sort());
    const exprs = [
      ...exprsIn(DASHBOARD),
      ...RULES.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ];
    expect(exprs.length).toBeGreaterThan(20);
    for (const expr of exprs) {
      const { metrics, labels } = namesIn(expr);
      expect(metrics.length, expr).toBeGreaterThan(0);
      for (const metric of metrics) {
        expect([...there.keys()], expr).toContain(metric);
        for (const label of labels) expect([...(there.get(metric) ?? [])], expr).toContain(label);
      }
    }
  });
});
