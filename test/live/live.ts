import { describe, expect, it } from 'vitest';

/** Where the engine of the lab listens, as `test/live/lab/up.sh` says it; null: no lab was started. */
export function liveDockerHost(): string | null {
  return process.env['KEYTURN_LIVE_DOCKER_HOST'] || null;
}

/**
 * Tests that need the lab's real Docker Swarm. Without one they are left out, loudly; where KEYTURN_LIVE is
 * `required`, as in CI, that is a failure.
 */
export function describeLive(name: string, fn: () => void): void {
  if (liveDockerHost() !== null) {
    describe(name, fn);
    return;
  }
  if (process.env['KEYTURN_LIVE'] === 'required') {
    describe(name, () => {
      it('has a live Docker Swarm', () => {
        expect.fail('KEYTURN_LIVE=required, but KEYTURN_LIVE_DOCKER_HOST is not set: test/live/lab/up.sh 3');
      });
    });
    return;
  }
  // To a person who reads the run: a skipped suite must not look like a passed one.
  console.warn(`LEFT OUT: "${name}" needs a live Docker Swarm: eval "$(test/live/lab/up.sh 3)"`);
  describe.skip(name, fn);
}
