import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project } from './project.ts';

/** A service whose probe says that it has begun, and then waits until it is told to end. */
const PROBED = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
    });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [key.at('key')], settle: Duration.seconds(0),
      probe: Probe.command(['sh', '-c', 'test -e free && exit 0; echo > begun; read go < go'], {
        timeout: Duration.seconds(120),
      }),
    });`;

test('an apply that is unlocked from another process stops before its next act, and the next one ends it', async () => {
  const cwd = await project(PROBED);
  execFileSync('sh', ['-c', 'mkfifo begun go'], { cwd });
  const applying = keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  await readFile(join(cwd, 'begun'));

  const refused = await keyturn(['state', 'unlock', '--sandbox'], { cwd });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.out).toContain('keyturn apply');
  expect(refused.out).toContain('still runs on this host');
  expect(refused.err).toContain('--auto-approve');
  const unlocked = await keyturn(['state', 'unlock', '--sandbox', '--auto-approve', '--format', 'json'], {
    cwd,
  });
  expect(unlocked).toMatchObject({ code: 0 });
  expect(JSON.parse(unlocked.out)).toMatchObject({
    stack: 'shop',
    holder: { purpose: 'keyturn apply' },
    unlocked: true,
    interrupted: true,
  });
  await writeFile(join(cwd, 'go'), 'now\n');

  const stopped = await applying;
  expect(stopped).toMatchObject({ code: 11 });
  expect(stopped.err).toContain('(lease-lost)');
  expect(stopped.err).toContain('someone else took it');
  const journal = await readFile(join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'journal.jsonl'), 'utf8');
  expect(journal.trim().split('\n').at(-1)).toContain('"type":"fence"');

  await writeFile(join(cwd, 'free'), '');
  const next = await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  expect(next.err).toContain('the lease was unlocked by');
  expect(next).toMatchObject({ code: 0 });
  const plan = await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd });
  expect(plan).toMatchObject({ code: 0 });
  const history = await keyturn(['history', 'show', '1', '--sandbox'], { cwd });
  expect(history.out).toMatch(/^ +unlock +\S/m);

  const none = await keyturn(['state', 'unlock', '--sandbox'], { cwd });
  expect(none).toMatchObject({ code: 0, out: 'No lease is held.\n' });
}, 240_000);
