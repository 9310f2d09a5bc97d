import { expect, test } from 'vitest';
import { keyturn, project } from './project.ts';

test('an engine without TLS on another host is asked by plan and status, and refused by apply', async () => {
  const cwd = await project();
  // Every address of this machine, but no loopback address: nobody listens there.
  const env = { DOCKER_HOST: 'tcp://0.0.0.0:1' };
  const unencrypted = 'is neither encrypted nor on this machine';
  const told = async (args: readonly string[]): Promise<string> => {
    const { out, err } = await keyturn([...args, '--sandbox=vault'], { cwd, env });
    return `${out}\n${err}`.replaceAll(/\s+/g, ' ');
  };

  const plan = await told(['plan']);
  expect(plan).toContain('tcp://0.0.0.0:1');
  expect(plan).toContain('ECONNREFUSED');
  expect(plan).not.toContain(unencrypted);
  expect(await told(['status'])).not.toContain(unencrypted);
  expect(await told(['apply', '--auto-approve'])).toContain(unencrypted);
});
