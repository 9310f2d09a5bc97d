import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more would only make the live tests wait for each other.
    maxWorkers: 2,
    sequence: { shuffle: { tests: true } },
    reporters: ['default'],
  },
});
