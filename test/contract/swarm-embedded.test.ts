import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { describeSwarmContract } from './swarm-contract.ts';

describeSwarmContract('the embedded swarm', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-swarm-'));
  const socketPath = join(folder, 'engine.sock');
  // Specs' durations at a fifth, so tasks fail fast: a long history keeps each for the next look.
  const swarm = await startSwarm({
    name: 'contract',
    directory: null,
    listen: { socketPath },
    taskHistory: 50,
    timeScale: 0.2,
  });
  return {
    // DOCKER_HOST in the environment would win over the socket.
    docker: new Dockerode({ host: undefined, socketPath }),
    close: async () => {
      await swarm.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
