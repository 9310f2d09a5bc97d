import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { SHOP, keyturn, project } from './project.ts';

const COMPOSE = new URL('../../examples/socket-proxy/compose.yaml', import.meta.url);

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** The allowlists of the example, as the proxy reads them: by method, anchored, and the path without its query. */
function allowlists(): ReadonlyMap<string, RegExp> {
  const { services } = parse(readFileSync(COMPOSE, 'utf8')) as {
    services: Record<string, { command: string[] }>;
  };
  const lists = (services['keyturn-proxy']?.command ?? []).flatMap((argument) => {
    const [, method = '', pattern = ''] = /^-allow([A-Z]+)=(.*)$/.exec(argument) ?? [];
    return method === '' ? [] : [[method, new RegExp(`^(?:${pattern})$`)] as const];
  });
  return new Map(lists);
}

/** A swarm behind what the example lets through. */
async function proxied(): Promise<{ readonly endpoint: string; readonly asked: Asked[] }> {
  const swarm = await startSwarm({
    name: 'shop',
    directory: null,
    listen: 'tcp://127.0.0.1:0',
    timeScale: 0.05,
  });
  swarm.createService({ name: 'shop_web', replicas: 2, healthCheck: true });
  const behind = new URL(swarm.endpoint.replace(/^tcp:/, 'http:'));
  const allowed = allowlists();
  const asked: Asked[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    const path = new URL(url, behind).pathname;
    const note = (status: number): void => void asked.push({ method, path, status });
    const pattern = allowed.get(method);
    if (pattern?.test(path) !== true) {
      note(pattern === undefined ? 405 : 403);
      outgoing.writeHead(pattern === undefined ? 405 : 403).end();
      return;
    }
    const onward = request(new URL(url, behind), { method, headers: incoming.headers }, (answer) => {
      note(answer.statusCode ?? 0);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await swarm.close();
  });
  return { endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a planner gets all that it asks through the proxy of the example, and an apply gets nowhere', async () => {
  const { endpoint, asked } = await proxied();
  const cwd = await project(SHOP);
  const run = (args: readonly string[]) =>
    keyturn([...args, '--sandbox=vault'], { cwd, env: { DOCKER_HOST: endpoint } });

  // Nothing was applied yet, so that drift has something to find.
  for (const [command, code] of [
    ['plan', 0],
    ['status', 0],
    ['drift', 2],
  ] as const)
    expect(await run([command])).toMatchObject({ code });
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.filter(({ status }) => status !== 200)).toEqual([]);
  // The example lets nothing through that nobody needs.
  const used = new Set(asked.map(({ path }) => path.replace(/^\/v1\.\d+/, '')));
  expect([...used].sort()).toEqual(['/info', '/secrets', '/services', '/tasks']);

  const refused = await run(['apply', '--auto-approve', '--value', 'token=env:T']);
  expect(refused.code).not.toBe(0);
  expect(asked.filter(({ method, status }) => method !== 'GET' && status < 400)).toEqual([]);
});

test('the example lets no method but GET through, and no path that shows a log, an environment of a container or a file', () => {
  const allowed = allowlists();
  expect([...allowed.keys()]).toEqual(['GET']);
  const get = allowed.get('GET');
  for (const path of ['/services', '/v1.47/tasks', '/v1.47/nodes', '/info'])
    expect(get?.test(path)).toBe(true);
  const wrong = [
    '/services/web/logs',
    '/containers/json',
    '/v1.47/exec/1/json',
    '/secrets/../containers/json',
    '/events',
  ];
  for (const path of wrong) expect(get?.test(path)).toBe(false);
});
