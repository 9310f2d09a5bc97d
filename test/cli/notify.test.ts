import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nowhere, startReceiver } from '../support/receiver.ts';
import type { ReceiverServer } from '../support/receiver.ts';
import { keyturn, project, put, REPOSITORY } from './project.ts';

/* The real program, in the sandbox, with receivers of this test's own on loopback. */

const DECLARED = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.seconds(0) });
    new Secret(this, 'token', { vault, source: Source.manual(), cadence: Cadence.onRequest() });
    new Notification(this, 'alerts', { to: Receiver.slack(fromEnvironment('ALERTS_URL')) });
    new Notification(this, 'audit', {
      to: Receiver.webhook({ url: fromEnvironment('AUDIT_URL') }), events: ['rotated'],
    });`;

async function told(): Promise<string> {
  const folder = await project(DECLARED);
  const main = await readFile(join(folder, 'main.ts'), 'utf8');
  const door = `import { Notification, Receiver, fromEnvironment } from '${REPOSITORY}/src/declare/declare.ts';\n`;
  await put(join(folder, 'main.ts'), door + main);
  return folder;
}

const SANDBOX = ['--sandbox', '--sandbox-empty', '--notify'];
const APPLY = ['apply', ...SANDBOX, '--auto-approve'];
const DUE = [...APPLY, '--due'];

function titles({ received }: ReceiverServer): string[] {
  return received.map(({ body }) => (JSON.parse(body) as { text: string }).text.split('\n')[0] ?? '');
}

describe('an apply with somebody to tell', () => {
  it('tells each what it asked for, and its history shows who was told and who was not', async () => {
    const cwd = await told();
    const alerts = await startReceiver();
    const env = { ALERTS_URL: alerts.url, AUDIT_URL: await nowhere() };
    const applied = await keyturn([...APPLY, '--target', 'key'], { cwd, env });
    expect(applied, applied.err).toMatchObject({ code: 0 });
    expect(titles(alerts)[0]).toBe('*key rotated* (stack shop)');
    expect(applied.out).toContain('Not told: audit of rotated (did not answer (ECONNREFUSED))');
    expect(applied.out).toContain('Apply complete!');

    const shown = await keyturn(['history', 'show', '1', '--sandbox'], { cwd });
    expect(shown.out).toMatch(/alerts +rotated +vault:\/\/shop-secrets\/key +\S+ \S+ +told/);
    expect(shown.out).toMatch(/audit +rotated .* did not answer \(ECONNREFUSED\)/);
    const json = await keyturn(['history', 'show', '1', '--sandbox', '--format', 'json'], { cwd });
    const { notified } = JSON.parse(json.out) as { notified: unknown };
    expect(notified).toMatchObject([
      { to: 'alerts', event: 'rotated', failure: null },
      { to: 'audit', event: 'rotated', failure: 'did not answer (ECONNREFUSED)' },
    ]);
    expect(shown.out + json.out + applied.out + applied.err).not.toContain('127.0.0.1');
  }, 60_000);

  it('tells nobody in the sandbox without --notify, nor anywhere with --no-notify', async () => {
    const cwd = await told();
    const alerts = await startReceiver();
    const env = { ALERTS_URL: alerts.url, AUDIT_URL: alerts.url };
    const quiet = APPLY.filter((word) => word !== '--notify');
    expect(await keyturn([...quiet, '--target', 'key'], { cwd, env })).toMatchObject({ code: 0 });
    const never = [...APPLY, '--no-notify', '--rotate', 'key', '--target', 'key'];
    expect((await keyturn(never, { cwd, env })).out).toContain('Apply complete!');
    expect(alerts.received).toEqual([]);
  }, 60_000);
});

describe('what stands', () => {
  it('is told once by all runs of a schedule, also by those at one time, and not by a plan', async () => {
    const cwd = await told();
    const alerts = await startReceiver();
    const env = { ALERTS_URL: alerts.url, AUDIT_URL: alerts.url };
    await keyturn(['plan', '--sandbox', '--sandbox-empty'], { cwd, env });
    expect(alerts.received).toEqual([]);
    const first = await keyturn(DUE, { cwd, env });
    expect(first, first.err).toMatchObject({ code: 0 });
    expect(first.err.replaceAll(/\s+/g, ' ')).toContain(
      'told alerts: awaiting of vault://shop-secrets/token',
    );
    expect(titles(alerts)).toEqual(["*token awaits a person's value* (stack shop)"]);
    const again = await Promise.all([keyturn(DUE, { cwd, env }), keyturn(DUE, { cwd, env })]);
    expect(again, again.map(({ out, err }) => out + err).join()).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(alerts.received).toHaveLength(1);
  }, 60_000);

  it('is told by one of two runs that find it at one time', async () => {
    const cwd = await told();
    const alerts = await startReceiver();
    const env = { ALERTS_URL: alerts.url, AUDIT_URL: alerts.url };
    const runs = await Promise.all([keyturn(DUE, { cwd, env }), keyturn(DUE, { cwd, env })]);
    expect(runs, runs.map(({ out, err }) => out + err).join()).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(alerts.received).toHaveLength(1);
  }, 60_000);

  it('that nobody took is told by the next run, and changes no exit code', async () => {
    const cwd = await told();
    const dead = { ALERTS_URL: await nowhere(), AUDIT_URL: 'http://nowhere.example' };
    const failed = await keyturn(DUE, { cwd, env: dead });
    expect(failed.code).toBe(0);
    expect(failed.err.replaceAll(/\s+/g, ' ')).toContain(
      'could not tell alerts: awaiting of vault://shop-secrets/token: did not answer (ECONNREFUSED)',
    );
    const folder = join(cwd, '.keyturn/sandbox/state/shop/notices');
    const [claim = ''] = await readdir(folder);
    expect(JSON.parse(await readFile(join(folder, claim), 'utf8'))).toMatchObject({
      to: 'alerts',
      isTold: false,
      failure: 'did not answer (ECONNREFUSED)',
    });
    const alerts = await startReceiver();
    const env = { ALERTS_URL: alerts.url, AUDIT_URL: alerts.url };
    const json = await keyturn([...DUE, '--format', 'json'], { cwd, env });
    const lines = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.filter(({ type }) => type === 'notified')).toMatchObject([
      { stack: 'shop', delivery: { to: 'alerts', event: 'awaiting', failure: null } },
    ]);
    expect(alerts.received).toHaveLength(1);
  }, 60_000);
});
