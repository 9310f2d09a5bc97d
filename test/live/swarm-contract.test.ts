import Dockerode from 'dockerode';
import { describeSwarmContract } from '../contract/swarm-contract.ts';
import { describeLive, liveDockerHost } from './live.ts';

describeLive('the contract on a live engine', () => {
  describeSwarmContract('docker swarm', () => {
    const socketPath = (liveDockerHost() ?? '').replace(/^unix:\/\//, '');
    // DOCKER_HOST in the environment would win over the socket.
    const docker = new Dockerode({ host: undefined, socketPath });
    return Promise.resolve({ docker, close: () => Promise.resolve() });
  });
});
