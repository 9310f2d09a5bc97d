import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project, temporaryFolder } from './project.ts';

/** A secret whose revocation, negative probe and effect each write into a folder what they were given. */
function shop(folder: string): string {
  const writing = (name: string, exit: number): string =>
    JSON.stringify(['sh', '-c', `cat >>'${join(folder, name)}'; exit ${exit}`]);
  return `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
      revoke: Revoke.command(${writing('revoked', 0)}),
      refused: Probe.refused.command(${writing('tried', 9)}, { refused: 9, control: false }),
      onCompromise: [Effect.command('end all sessions', ${writing('told', 0)})],
    });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [key.at('key')], probe: Probe.none(), settle: Duration.seconds(0),
    });`;
}

const DRILL = ['compromise', 'key', '--incident', 'DRILL-1', '--sandbox', '--auto-approve', '--no-color'];

test('a drill in the sandbox revokes nothing, tries nothing and alarms nobody, and says so', async () => {
  const folder = await temporaryFolder();
  const cwd = await project(shop(folder));
  const drill = await keyturn(DRILL, { cwd });
  expect(drill).toMatchObject({ code: 0 });
  expect(await readdir(folder)).toEqual([]);
  const history = await keyturn(['history', 'show', '2', '--sandbox', '--format', 'json'], { cwd });
  expect(history.out).toContain('not done in the sandbox: \\"sh\\" would revoke it');
  expect(history.out).toContain('not done in the sandbox: it would be tried where it is checked');
  expect(history.out).toContain('not done in the sandbox: end all sessions');
});

test('--sandbox-outside does them as an apply would', async () => {
  const folder = await temporaryFolder();
  const cwd = await project(shop(folder));
  expect(await keyturn([...DRILL, '--sandbox-outside'], { cwd })).toMatchObject({ code: 0 });
  expect((await readdir(folder)).sort()).toEqual(['revoked', 'told', 'tried']);
  const [revoked, tried] = await Promise.all(
    ['revoked', 'tried'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  expect(revoked).toMatch(/^[0-9a-f]{64}$/);
  expect(tried).toBe(revoked);
  expect(JSON.parse(await readFile(join(folder, 'told'), 'utf8'))).toMatchObject({
    effect: 'end all sessions',
    secret: 'vault://shop-secrets/key',
    before: 1,
    now: 2,
    incident: 'DRILL-1',
  });
});

test('--sandbox-outside without a sandbox is refused', async () => {
  const cwd = await project();
  const ran = await keyturn(['apply', '--sandbox-outside'], { cwd });
  expect(ran.code).toBe(1);
  expect(ran.err).toContain('--sandbox-outside needs --sandbox');
});
