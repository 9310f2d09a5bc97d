import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack } from 'cdktf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromEnvironment, Notification, Receiver } from '../../src/declare/declare.ts';
import type { Declaration } from '../../src/declare/declaration.ts';
import type { DeclaredNotification } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import { parseManifest } from '../../src/record/manifest.ts';
import { said } from './declarations.ts';

let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-notify-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

const env = fromEnvironment;

function synth(declare: (stack: TerraformStack) => void): string {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, 'shop');
  declare(stack);
  app.synth();
  return readFileSync(join(outdir, 'stacks', 'shop', 'keyturn.json'), 'utf8');
}

function everyKind(stack: TerraformStack): void {
  new Notification(stack, 'on-call', {
    to: Receiver.slack(env('ON_CALL_URL')),
    events: ['held', 'rolled-back'],
  });
  new Notification(stack, 'audit', {
    to: Receiver.webhook({ url: 'https://audit.example.org/keyturn', signedWith: env('AUDIT_SECRET') }),
  });
  new Notification(stack, 'tickets', {
    to: Receiver.githubIssue({ repository: 'acme/ops', token: env('GITHUB_TOKEN') }),
  });
}

describe('a notification', () => {
  it('stands in the manifest by its name, with its events in one order and no secret', () => {
    const { notifications } = parseManifest(synth(everyKind), 'keyturn.json');
    expect(notifications).toEqual([
      {
        kind: 'webhook',
        name: 'audit',
        path: 'shop/audit',
        url: { text: 'https://audit.example.org/keyturn' },
        signedWith: { env: 'AUDIT_SECRET' },
        events: [
          'rotated',
          'rolled-back',
          'held',
          'parked',
          'overdue',
          'awaiting',
          'drift',
          'compromise-started',
          'compromise-finished',
        ],
      },
      {
        kind: 'slack',
        name: 'on-call',
        path: 'shop/on-call',
        url: { env: 'ON_CALL_URL' },
        events: ['rolled-back', 'held'],
      },
      {
        kind: 'github-issue',
        name: 'tickets',
        path: 'shop/tickets',
        repository: 'acme/ops',
        token: { env: 'GITHUB_TOKEN' },
        labels: ['keyturn'],
        api: 'https://api.github.com',
        events: ['held', 'parked', 'overdue', 'awaiting', 'drift'],
      },
    ]);
  });

  it('is refused with everything that is wrong with it, and no word of what lets somebody in', () => {
    const secret = 'hooks.slack.com/services/T0/B0/hidden';
    const wrong: Given[] = [
      { kind: 'slack', url: { text: `https://${secret}` }, events: [] },
      { kind: 'slack', url: { text: secret }, events: ['rotated', 'rolledback' as 'rotated'] },
      { kind: 'slack', url: { text: 'https://chat.example.org/hooks/hidden' } },
      { kind: 'webhook', url: { text: 'http://audit.example.org' }, signedWith: { env: 'whsec_hidden=' } },
      { kind: 'webhook', url: { text: 'https://audit.example.org/?token=hidden' }, signedWith: null },
      // secretlint-disable-next-line -- it opens nothing
      { kind: 'webhook', url: { text: 'https://ada:hidden@audit.example.org' }, signedWith: null },
      {
        kind: 'github-issue',
        repository: 'https://github.com/acme/ops',
        token: { env: 'ghp-hidden' },
        labels: ['', 'x'.repeat(51), 'fine'],
        api: 'http://github.example.org',
      },
    ];
    const named = wrong.map((given, index) => at(given, `alerts-${index}`));
    const lines = said(...named, at({ kind: 'slack', url: { env: 'URL' } }, 'a name'));
    const problems = lines.map((line) => line.replace(/^shop\/[^:]+: /, ''));
    expect(problems).toEqual([
      'a notification of nothing: events is empty',
      'the url looks as if it held a token, and a manifest is read by many',
      'there is no event "rolledback"',
      'the url is no address',
      'the url stands in the stack, and whoever knows it may write there',
      'the url goes to another machine without TLS',
      'signedWith names no environment variable',
      'the url looks as if it held a token, and a manifest is read by many',
      'the url has a user or a password in it',
      'the token names no environment variable',
      '"https://github.com/acme/ops" is no repository on GitHub',
      '"" is no label of an issue',
      `"${'x'.repeat(51)}" is no label of an issue`,
      'api goes to another machine without TLS',
      '"a name" cannot name a notification',
    ]);
    expect(problems.join()).not.toContain('hidden');
  });

  it('may speak plain http to a receiver on this machine', () => {
    expect(said(at({ kind: 'slack', url: { text: 'http://127.0.0.1:8080/hook' } }))).toEqual([]);
  });

  it('shares its name with no other of its stack', () => {
    const two = [at({ kind: 'slack', url: { env: 'ONE' } }), at({ kind: 'slack', url: { env: 'TWO' } })];
    expect(said(...two)).toEqual([
      'shop/alerts: two notifications of the stack have one id, the first is shop/alerts',
    ]);
  });
});

describe('a manifest with notifications', () => {
  it('that was edited is refused with every problem: it may come from a pull request', () => {
    const manifest = JSON.parse(synth(everyKind)) as { notifications: Record<string, unknown>[] };
    const [audit, onCall, tickets] = manifest.notifications;
    Object.assign(audit ?? {}, { url: { text: 'https://u:p@audit.example.org' } });
    // secretlint-disable-next-line -- it opens nothing
    Object.assign(onCall ?? {}, { url: { text: 'https://hooks.slack.com/services/T0/B0/x' } });
    Object.assign(tickets ?? {}, {
      repository: '../..',
      token: { env: 'AZURE_CLIENT_SECRET' },
      labels: ['a,b'],
    });
    expect(refusal(JSON.stringify(manifest)).problems.map(({ where, what }) => `${where}: ${what}`)).toEqual([
      'shop/audit: the url has a user or a password in it',
      'shop/on-call: the url looks as if it held a token, and a manifest is read by many',
      'shop/tickets: the token names AZURE_CLIENT_SECRET, which is how keyturn itself is let in',
      'shop/tickets: "../.." is no repository on GitHub',
      'shop/tickets: "a,b" is no label of an issue',
    ]);
  });

  it('of another shape is refused with every place of it', () => {
    const manifest = JSON.parse(synth(everyKind)) as { notifications: Record<string, unknown>[] };
    const [audit, onCall, tickets] = manifest.notifications;
    Object.assign(audit ?? {}, { events: ['everything'] });
    Object.assign(onCall ?? {}, { more: true });
    Object.assign(tickets ?? {}, { token: { text: 'ghp' } });
    const { problems } = refusal(JSON.stringify(manifest));
    expect([...new Set(problems.map(({ where }) => where))].sort()).toEqual([
      'notifications.0.events.0',
      'notifications.1',
      'notifications.2.token',
      'notifications.2.token.env',
    ]);
  });

  it('that names one twice contradicts itself', () => {
    const manifest = JSON.parse(synth(everyKind)) as { notifications: { name: string }[] };
    for (const notification of manifest.notifications) notification.name = 'same';
    expect(refusal(JSON.stringify(manifest)).problems).toEqual([
      { where: '(the whole file)', what: 'notification "same" is declared twice' },
    ]);
  });
});

type Given = DeclaredNotification extends infer Each
  ? Each extends DeclaredNotification
    ? Omit<Each, 'name' | 'path' | 'events'> & Partial<Pick<Each, 'events'>>
    : never
  : never;

function at(given: Given, name = 'alerts'): Declaration {
  const path = `shop/${name}`;
  const notification: DeclaredNotification = { events: ['rotated'], ...given, name, path };
  return {
    stack: 'shop',
    path,
    position: null,
    item: { kind: 'notification', notification },
    references: [],
    unresolved: [],
  };
}

function refusal(text: string): Fault {
  try {
    parseManifest(text, 'keyturn.json');
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
  }
  throw new Error('not refused');
}
