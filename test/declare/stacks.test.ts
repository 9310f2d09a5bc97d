import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdktf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCadence } from '../../src/calendar/calendar.ts';
import type { Declared } from '../../src/model/declared.ts';
import { parseManifest } from '../../src/record/manifest.ts';
import { BusflowStack } from '../../stacks/busflow.ts';
import { TrackerStack } from '../../stacks/tracker.ts';

let outdir: string;

beforeAll(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-stacks-'));
  const app = new App({ outdir });
  new BusflowStack(app, 'busflow');
  new TrackerStack(app, 'tracker');
  app.synth();
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

function declared(stack: string): Declared {
  const file = join(outdir, 'stacks', stack, 'keyturn.json');
  return parseManifest(readFileSync(file, 'utf8'), file);
}

/** One line a secret: what an operator compares with the runbook. */
function table(stack: string): string[] {
  return declared(stack).secrets.map(
    ({ name, owner, source, soak, cadence }) =>
      `${name} | ${owner} | ${source.kind} | ${soak} | ${describeCadence(cadence)}`,
  );
}

describe('the stack of busflow', () => {
  it('declares every infrastructure secret of the runbook, quarterly on the first monday, 72 hours of soak', () => {
    const quarterly = 'PT72H | quarterly, first monday 03:00 Europe/Berlin';
    expect(table('busflow')).toEqual([
      `db-reader | platform | manual | ${quarterly}`,
      `db-writer | platform | manual | ${quarterly}`,
      `github-deploy-token | platform | manual | ${quarterly}`,
      `grafana-sso | observability | random | ${quarterly}`,
      `hcloud-token | platform | manual | ${quarterly}`,
      `slack-ops-webhook | platform | manual | ${quarterly}`,
      `slack-security-alerts-webhook | platform | manual | ${quarterly}`,
      `ubicloud-token | platform | manual | ${quarterly}`,
    ]);
  });

  it('rotates the pair of api together and mounts both where the service reads them', () => {
    const { secrets, consumers } = declared('busflow');
    const api = consumers.find(({ service }) => service === 'busflow_api');
    expect(api?.mounts.map(({ target, base }) => [target, base])).toEqual([
      ['busflow_db_reader', 'busflow_db_reader'],
      ['busflow_db_writer', 'busflow_db_writer'],
    ]);
    expect(secrets.find(({ name }) => name === 'db-reader')?.together).toEqual([
      'vault://busflow-prod/db-writer',
    ]);
    expect(api?.probe).toMatchObject({ kind: 'http', path: '/healthz', status: 200 });
  });

  it('tells a person where each manual value comes from', () => {
    const silent = declared('busflow').secrets.filter(
      ({ source }) => source.kind === 'manual' && (source.instructions ?? '') === '',
    );
    expect(silent).toEqual([]);
  });
});

describe('the access that a stack declares', () => {
  const table = (stack: string): string[] =>
    (declared(stack).access ?? []).map(
      ({ principal, role, can, secret }) => `${principal} | ${role} | ${can.join(' ')} | ${secret ?? 'all'}`,
    );

  it('of busflow is that of planner and applier, and of the workflows that deploy', () => {
    expect(table('busflow')).toEqual([
      '${var.github_actions_principal_id} | Key Vault Secrets User | list read | github-deploy-token',
      '${var.applier_principal_id} | keyturn applier (busflow-prod) | list read set | all',
      '${var.planner_principal_id} | keyturn planner (busflow-prod) | list | all',
    ]);
  });

  it('of tracker is that of planner and applier, and of the service that reads its master keys', () => {
    expect(table('tracker')).toEqual([
      '${var.tracker_service_principal_id} | Key Vault Secrets User | list read | tracker-mek-notelett',
      '${var.tracker_service_principal_id} | Key Vault Secrets User | list read | tracker-mek-tracker',
      '${var.applier_principal_id} | keyturn applier (bytelyst-prod) | list read set | all',
      '${var.planner_principal_id} | keyturn planner (bytelyst-prod) | list | all',
    ]);
  });
});

describe('the stack of tracker', () => {
  it('declares every row of the inventory, 24 hours of soak', () => {
    const quarterly = 'PT24H | quarterly, first monday 03:00 UTC';
    const onCompromise = 'PT24H | on compromise';
    expect(table('tracker')).toEqual([
      `bytelyst-cosmos-conn | platform | manual | ${onCompromise}`,
      `bytelyst-jwt-secret | platform | random | ${quarterly}`,
      `bytelyst-valkey-password | platform | manual | ${quarterly}`,
      'tracker-agent-api-keys | platform | manual | PT24H | user-managed',
      `tracker-gh-webhook-secret | platform | manual | ${onCompromise}`,
      `tracker-gitea-webhook-secret | platform | manual | ${onCompromise}`,
      `tracker-mek-notelett | platform | keyPair | ${quarterly}`,
      `tracker-mek-tracker | platform | keyPair | ${quarterly}`,
      `tracker-posthog-key | platform | manual | ${onCompromise}`,
      `tracker-turnstile-secret | platform | manual | ${onCompromise}`,
    ]);
  });

  it('says of each row who reads it, where and as what', () => {
    const { consumers } = declared('tracker');
    const rows = consumers.flatMap(({ address, mounts }) =>
      mounts.map(
        ({ target, base, build }) =>
          `${base} | ${target}${build === undefined ? '' : ' (built)'} | ${address}`,
      ),
    );
    const on = (hosts: string, path: string, ...reads: string[]): string[] =>
      [1, 2].flatMap((at) => reads.map((read) => `${read} | host://${hosts}-${at}${path}`));
    const expected = [
      ...on(
        'api',
        '/etc/bytelyst/platform-service.env',
        'bytelyst-jwt-secret | JWT_SECRET',
        'bytelyst-cosmos-conn | COSMOS_CONNECTION_STRING',
        'bytelyst-valkey-password | VALKEY_PASSWORD',
      ),
      ...on(
        'api',
        '/etc/tracker/tracker-service.env',
        'tracker-mek-tracker | TRACKER_MEK_ID_TRACKER',
        'tracker-mek-notelett | TRACKER_MEK_ID_NOTELETT',
        'tracker-gh-webhook-secret | GITHUB_WEBHOOK_SECRET',
        'tracker-gitea-webhook-secret | GITEA_WEBHOOK_SECRET',
      ),
      ...on(
        'web',
        '/srv/tracker-web/.env',
        'bytelyst-jwt-secret | JWT_SECRET',
        'tracker-turnstile-secret | TURNSTILE_SECRET',
        'tracker-posthog-key | POSTHOG_KEY',
        'tracker-posthog-key | NEXT_PUBLIC_POSTHOG_KEY (built)',
      ),
    ];
    expect(new Set(rows)).toEqual(new Set(expected));
    expect(rows).toHaveLength(expected.length);
  });

  it('bakes in what is public and nothing else', () => {
    const { consumers, secrets } = declared('tracker');
    const baked = new Set(
      consumers.flatMap(({ mounts }) =>
        mounts.flatMap(({ secret, build }) => (build === undefined ? [] : [secret])),
      ),
    );
    const open = secrets.filter(({ classification }) => classification === 'public');
    expect([...baked]).toEqual(open.map(({ address }) => address));
  });

  it('restarts one host after the other, a canary first, and tries all of them together', () => {
    const { platforms, consumers, smokeTests } = declared('tracker');
    expect(platforms.map(({ name, restarts }) => [name, restarts?.atOnce])).toEqual(
      ['api-1', 'api-2', 'web-1', 'web-2'].map((name) => [name, 1]),
    );
    expect(new Set(consumers.filter(({ canary }) => canary).map(({ platform }) => platform))).toEqual(
      new Set(['api-1', 'web-1']),
    );
    expect(smokeTests).toMatchObject([{ argv: ['pnpm', 'run', 'smoke:local'] }]);
    expect(smokeTests?.[0]?.consumers).toEqual(consumers.map(({ address }) => address));
  });
});
