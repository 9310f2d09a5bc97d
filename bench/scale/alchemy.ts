import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cost } from './commands.ts';
import { measured } from './commands.ts';
import { expectDone } from './project.ts';

const VERSION = '0.94.0';

/** As many resources of a kind that asks nobody anything, in the state store on disk. */
const PROGRAM = `import alchemy, { Resource } from 'alchemy';
const Thing = Resource('bench::Thing', async function (id, props) {
  return this.phase === 'delete' ? this.destroy() : this.create({ ...props });
});
const app = await alchemy('bench', { phase: 'up', quiet: true, noTrack: true, stage: process.argv[2] });
await Promise.all(Array.from({ length: Number(process.argv[2]) }, (_, n) => Thing('o' + n, { input: String(n) })));
await app.finalize();
`;

/** Installs alchemy into that folder, half a gigabyte of it. Null, or why it could not be installed. */
export async function installAlchemy(folder: string): Promise<string | null> {
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  await writeFile(join(folder, 'run.js'), PROGRAM);
  try {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `alchemy@${VERSION}`];
    await promisify(execFile)('npm', args, { cwd: folder, timeout: 600_000 });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 500) : String(error);
  }
}

/** Deploys so many resources, and then again so many times with nothing to do: what those cost. */
export async function deployAgain(folder: string, objects: number, rounds: number): Promise<Cost[]> {
  const deploy = () => measured(['run.js', String(objects)], folder, { DO_NOT_TRACK: '1' });
  expectDone(await deploy());
  const costs: Cost[] = [];
  for (let round = 0; round < rounds; round += 1) costs.push(expectDone(await deploy()));
  return costs;
}
