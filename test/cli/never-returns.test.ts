import { it } from 'vitest';
import { expectNeverToReturn, neverReturnsStack } from '../support/never-returns.ts';
import { keyturn, project } from './project.ts';

it('a retired version is brought back by nothing that is documented, each with the reason', async () => {
  const folder = await project(neverReturnsStack('shop_web', 'shop'));
  const ground = {
    folder,
    keyturn: (args: readonly string[]) => keyturn([...args, '--sandbox'], { cwd: folder }),
    reads: () => Promise.resolve(null),
  };
  await expectNeverToReturn(ground, 'shop_web');
}, 480_000);
