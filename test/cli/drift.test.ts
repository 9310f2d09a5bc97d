import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { FLIP, openGate } from '../live/gate.ts';
import { dockerWords } from '../support/docker-words.ts';
import {
  drift,
  driftStack,
  expectEveryKindToBeMended,
  labelsOf,
  serious,
  succeeds,
} from '../support/drift-ground.ts';
import type { Ground } from '../support/drift-ground.ts';
import { sandboxedProject } from '../support/project.ts';
import { assertSarif } from '../support/sarif.ts';
import { put, temporaryFolder } from './project.ts';

const LONG = { timeout: 900_000 };
const [API, WORKER] = ['shop_api', 'shop_worker'];

/** The embedded swarm behind a gate, and the program on it. */
async function openGround(): Promise<Ground> {
  const socketPath = join(await temporaryFolder(), 'swarm.sock');
  const swarm = await startSwarm({
    name: 'lab',
    directory: null,
    listen: { socketPath },
    timeScale: 0.02,
  });
  onTestFinished(() => swarm.close());
  for (const name of [API, WORKER]) {
    swarm.createService({ name, replicas: 2, order: 'start-first', failureAction: 'pause', monitorMs: 20 });
  }
  const gate = await openGate(`unix://${socketPath}`);
  onTestFinished(() => gate.close());
  const project = await sandboxedProject(driftStack(API, WORKER, 'lab'), gate.endpoint);
  const engine = new Docker({ socketPath });
  return {
    project,
    api: API,
    worker: WORKER,
    docker: (args) => dockerWords(socketPath, args),
    settled: async (service) => {
      const state = async (): Promise<unknown> => {
        const found = (await engine.getService(service).inspect()) as { UpdateStatus?: { State: string } };
        return found.UpdateStatus?.State ?? 'completed';
      };
      const still = ['completed', 'paused', 'rollback_completed', 'rollback_paused'];
      await expect.poll(state, { timeout: 20_000 }).toBeOneOf(still);
    },
    copy: async (name, labels) => {
      const order = { _query: {}, _body: { Name: name, Labels: labels, Data: 'eA==' } };
      await engine.createSecret(order);
    },
    killed: async (args) => {
      let kill = (): void => {};
      gate.after(FLIP, async () => kill());
      const ran = await project.keyturn(args, { onStart: (how) => (kill = how) });
      gate.assertPassed();
      expect(ran.code).toBeNull();
    },
  };
}

describe('drift', () => {
  test('each kind is found, alone, and mended by the command that is named', LONG, async () => {
    await expectEveryKindToBeMended(await openGround());
  });
});
