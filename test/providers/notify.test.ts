import { createHmac } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import type { DeclaredNotification } from '../../src/model/declared.ts';
import { NOTICE_KINDS } from '../../src/model/declared.ts';
import type { Notice } from '../../src/model/notice.ts';
import { connectReceivers } from '../../src/providers/notify.ts';
import type { Received } from '../support/receiver.ts';
import { nowhere, startReceiver } from '../support/receiver.ts';

const notice: Notice = {
  event: 'rolled-back',
  stack: 'busflow',
  about: 'vault://busflow-prod/db-writer',
  at: '2026-11-22T03:13:21Z',
  title: 'the apply of db-writer failed and was rolled back',
  lines: [
    'verify of swarm://prod/busflow_api failed (verify-failed)',
    'vault://busflow-prod/db-writer is at v3',
  ],
  key: 'rolled-back busflow a1',
  stands: false,
};

const QUICK = { withinMs: 5_000, tries: 3, backoffMs: 1 };
const to = { name: 'alerts', path: 'busflow/alerts', events: NOTICE_KINDS };

function slack(env = 'URL'): DeclaredNotification {
  return { ...to, kind: 'slack', url: { env } };
}

function webhook(env: string, signedWith: string | null = null): DeclaredNotification {
  return {
    ...to,
    kind: 'webhook',
    url: { env },
    signedWith: signedWith === null ? null : { env: signedWith },
  };
}

function issue(api: string): DeclaredNotification {
  return {
    ...to,
    kind: 'github-issue',
    repository: 'acme/ops',
    token: { env: 'TOKEN' },
    labels: ['keyturn'],
    api,
  };
}

/** Tells one receiver; what came of it. */
async function tell(
  declared: DeclaredNotification,
  environment: Readonly<Record<string, string>>,
  pace = QUICK,
  about = notice,
): Promise<string | null> {
  const [receiver] = connectReceivers([declared], environment, pace);
  if (receiver === undefined) throw new Error('nobody is connected');
  return receiver.tell(about, new AbortController().signal);
}

function only(received: readonly Received[]): Received {
  const [one] = received;
  if (one === undefined || received.length > 1) throw new Error(`${received.length} requests, not one`);
  return one;
}

describe('a Slack-compatible webhook', () => {
  it('gets the notice as text, with what Slack would read as a link or a mention escaped', async () => {
    const { url, received } = await startReceiver();
    const title = 'emergency rotation for <!channel> & co began';
    expect(await tell(slack(), { URL: `${url}/services/T/B/x` }, QUICK, { ...notice, title })).toBeNull();
    expect(received).toMatchObject([{ method: 'POST', path: '/services/T/B/x' }]);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      text: [
        '*emergency rotation for &lt;!channel&gt; &amp; co began* (stack busflow)',
        'verify of swarm://prod/busflow_api failed (verify-failed)',
        'vault://busflow-prod/db-writer is at v3',
      ].join('\n'),
    });
  });
});

describe('a signed webhook', () => {
  it('gets JSON whose signature its receiver can verify with the shared secret', async () => {
    const { url, received } = await startReceiver();
    const key = Buffer.from('a secret of at least 24 bytes');
    const secret = `whsec_${key.toString('base64')}`;
    expect(await tell(webhook('URL', 'SIGNING'), { URL: url, SIGNING: secret })).toBeNull();
    const { headers, body } = only(received);
    const id = String(headers['webhook-id']);
    const timestamp = String(headers['webhook-timestamp']);
    expect(id).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(Math.abs(Date.now() / 1_000 - Number(timestamp))).toBeLessThan(300);
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    expect(JSON.parse(body)).toEqual({
      type: 'keyturn.rolled-back',
      timestamp: notice.at,
      data: {
        event: 'rolled-back',
        stack: 'busflow',
        about: notice.about,
        title: notice.title,
        lines: notice.lines,
        key: notice.key,
      },
    });
  });

  it('takes a secret that is no whsec_ as the bytes that it is', async () => {
    const { url, received } = await startReceiver();
    await tell(webhook('URL', 'SIGNING'), { URL: url, SIGNING: 'plain secret' });
    const { headers, body } = only(received);
    const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', 'plain secret').update(content).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  });

  it('has one id for every try of a notice, and another for another notice', async () => {
    const { url, received } = await startReceiver((_, count) => ({ status: count === 1 ? 503 : 200 }));
    expect(await tell(webhook('URL'), { URL: url })).toBeNull();
    expect(await tell(webhook('URL'), { URL: url }, QUICK, { ...notice, key: 'another' })).toBeNull();
    const ids = received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(3);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(received[0]?.headers).not.toHaveProperty('webhook-signature');
  });
});

describe('a GitHub issue', () => {
  const TOKEN = 'ghp_token';

  it('is opened with its labels and a mark of what it is about', async () => {
    const { url, received } = await startReceiver(({ method }) =>
      method === 'GET' ? { status: 200, body: '[]' } : { status: 201, body: '{}' },
    );
    expect(await tell(issue(url), { TOKEN })).toBeNull();
    expect(received).toMatchObject([
      { method: 'GET', path: '/repos/acme/ops/issues?state=open&sort=created&per_page=100' },
      { method: 'POST', path: '/repos/acme/ops/issues', headers: { authorization: 'Bearer ghp_token' } },
    ]);
    const made = JSON.parse(received[1]?.body ?? '') as { title: string; body: string; labels: string[] };
    expect(made.title).toMatch(
      /^the apply of db-writer failed and was rolled back \[keyturn [0-9a-f]{12}\]$/,
    );
    expect(made.labels).toEqual(['keyturn']);
    expect(made.body).toContain('Stack `busflow`, rolled-back, 2026-11-22T03:13:21Z');
    expect(made.body).toContain('```\nverify of swarm://prod/busflow_api failed (verify-failed)\n');
  });

  it('is not opened again while one of the same is open', async () => {
    const opened: { title: string }[] = [];
    const { url } = await startReceiver(({ method, body }) => {
      if (method === 'GET') return { status: 200, body: JSON.stringify(opened) };
      opened.push(JSON.parse(body) as { title: string });
      return { status: 201 };
    });
    expect(await tell(issue(url), { TOKEN })).toBeNull();
    expect(await tell(issue(url), { TOKEN })).toBeNull();
    expect(opened).toHaveLength(1);
    expect(await tell(issue(url), { TOKEN }, QUICK, { ...notice, key: 'another' })).toBeNull();
    expect(opened).toHaveLength(2);
  });

  it('that the token may not open is a failure with what was answered', async () => {
    const { url } = await startReceiver(() => ({ status: 404, body: '{"message":"Not Found"}' }));
    expect(await tell(issue(url), { TOKEN })).toBe('answered 404');
  });
});

describe('a receiver that does not take it', () => {
  it('is asked again after a 429, a 5xx and a dropped connection, and at most thrice', async () => {
    const answers = ['cut', { status: 429, headers: { 'retry-after': '0' } }, { status: 200 }] as const;
    const patient = await startReceiver((_, count) => answers[count - 1] ?? 'cut');
    expect(await tell(slack(), { URL: patient.url })).toBeNull();
    const broken = await startReceiver(() => ({ status: 500 }));
    expect(await tell(slack(), { URL: broken.url })).toBe('answered 500');
    expect([patient.received.length, broken.received.length]).toEqual([3, 3]);
  });

  it('is asked once where asking again changes nothing', async () => {
    const { url, received } = await startReceiver(() => ({ status: 403, body: 'invalid_token' }));
    expect(await tell(slack(), { URL: url })).toBe('answered 403');
    expect(received).toHaveLength(1);
  });

  it('sends nothing on to where a redirect points', async () => {
    const elsewhere = await startReceiver();
    const { url } = await startReceiver(() => ({ status: 307, headers: { location: elsewhere.url } }));
    expect(await tell(slack(), { URL: url })).toBe('answered 307, and redirects are not followed');
    expect(elsewhere.received).toEqual([]);
  });

  it('that never answers takes no longer than it may', async () => {
    const { url } = await startReceiver(() => 'hang');
    expect(await tell(slack(), { URL: url }, { ...QUICK, withinMs: 50 })).toBe('did not answer in time');
  });

  it('that never answers is given up although memory is cleared meanwhile', async () => {
    // Node 20 forgets a timeout within AbortSignal.any() when it collects garbage (nodejs/node#57736).
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { url, received } = await startReceiver(() => 'hang');
    const told = tell(slack(), { URL: url }, { ...QUICK, withinMs: 1_000 });
    await vi.waitFor(() => expect(received).toHaveLength(1));
    for (let times = 0; times < 5; times += 1) {
      collect();
      await setImmediate();
    }
    expect(await told).toBe('did not answer in time');
  });

  it('is not waited for longer than all may take, whatever it asks for', async () => {
    const { url, received } = await startReceiver(() => ({
      status: 429,
      headers: { 'retry-after': '3600' },
    }));
    expect(await tell(slack(), { URL: url })).toBe('answered 429');
    expect(received).toHaveLength(1);
  });

  it('is told of without its address, its token or its secret', async () => {
    const dead = `${await nowhere()}/services/T0/B0/hidden-path`;
    const token = 'ghp_hidden\nno header';
    const said = [
      await tell(slack(), { URL: dead }),
      await tell(slack(), { URL: 'hidden.example/hidden' }),
      await tell(slack(), { URL: 'http://hidden.example/hidden' }),
      await tell(slack(), {}),
      await tell(webhook('URL', 'SIGNING'), { URL: dead, SIGNING: 'whsec_hidden!' }),
      await tell(issue(dead), { TOKEN: token }),
    ];
    expect(said).toEqual([
      'did not answer (ECONNREFUSED)',
      'what URL holds is no address',
      'what URL holds goes to another machine without TLS',
      'the variable URL is not set',
      'what SIGNING holds is no signing secret',
      'could not be asked',
    ]);
    expect(said.join()).not.toMatch(/hidden|127\.0\.0\.1/);
  });
});
