import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project, SHOP } from './project.ts';

/** Takes its time to forward, as over a network, and goes on until it is killed. */
const SSH = `#!${process.execPath}
const args = process.argv.slice(2);
const [local] = args[args.indexOf('-L') + 1].split(':');
setTimeout(() => require('node:net').createServer(() => undefined).listen(local), 500);
`;

test('a record that is found broken ends the command, and the way to the engine that is being opened with it', async () => {
  const cwd = await project(SHOP);
  await writeFile(join(cwd, 'ssh'), SSH);
  await chmod(join(cwd, 'ssh'), 0o755);
  const state = join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'state.json');
  await mkdir(dirname(state), { recursive: true });
  await writeFile(state, JSON.stringify({ format: 1, stack: 'shop', secrets: { nowhere: {} } }));

  const env = { DOCKER_HOST: 'ssh://deploy@manager-1', PATH: `${cwd}:${process.env['PATH'] ?? ''}` };
  const ran = await keyturn(['plan', '--sandbox=vault'], { cwd, env });

  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(ran.err).toContain('not what keyturn writes there');
});
