import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A live swarm shares the machine with the tests: what runs beside it would let its health checks time out.
    maxWorkers: process.env.KEYTURN_LIVE_DOCKER_HOST === undefined ? 2 : 1,
    sequence: { shuffle: { tests: true } },
    reporters: ['default'],
  },
});
