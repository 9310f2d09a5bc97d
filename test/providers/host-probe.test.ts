import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { REAL_CLOCK } from '../../src/providers/host-clock.ts';
import { runProbe } from '../../src/providers/host-probe.ts';
import type { ProbeRoom } from '../../src/providers/host-probe.ts';

it('asks the port of the host that the shell dials, not the same port of this machine', async () => {
  const web = createServer((_, answer) => answer.end('ok'));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void web.close());
  const { port } = web.address() as AddressInfo;
  const dialled: number[] = [];
  const shell = {
    embedded: undefined,
    run: () => expect.fail('a port is asked without a script'),
    dial: async (asked: number) => {
      dialled.push(asked);
      return connect({ host: '127.0.0.1', port });
    },
    close: async () => {},
  };
  const room: ProbeRoom = {
    shell,
    place: (path) => path,
    fence: undefined,
    before: new Map(),
    masked: new Set(),
    where: 'host://web-1/etc/tracker/web.env',
    environment: {},
    stack: 'tracker',
    clock: REAL_CLOCK,
  };
  // Nobody listens on port 1 of this machine.
  const probe = { kind: 'http', path: '/healthz', port: 1, status: 200, image: '' } as const;
  const seen = await runProbe(room, { probe, service: '/etc/tracker/web.env' }, 0);
  expect(seen).toBe('GET :1/healthz answered 200');
  expect(dialled).toEqual([1]);
});
