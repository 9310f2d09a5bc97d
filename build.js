// node build.js [folder]: makes dist/, the publishable package: tsc for code and types, then the command line's parser
// in one file. Loading yargs from its many files costs 50 ms of CPU on each start, which a --help or a completion feels.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const dist = process.argv[2] ?? 'dist';
process.chdir(import.meta.dirname);

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', dist],
  { stdio: 'inherit' },
);

const bundle = await rolldown({ input: 'node_modules/yargs/index.mjs', platform: 'node' });
const { output } = await bundle.write({
  file: join(dist, 'cli', 'yargs.js'),
  format: 'esm',
  comments: { legal: true },
});
await bundle.close();

const packages = new Set(
  output
    .flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []))
    .flatMap((id) => {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
      return name === undefined ? [] : [name];
    }),
);
writeFileSync(join(dist, 'cli', 'yargs.LICENSES.txt'), [...packages].sort().map(licenceOf).join('\n\n'));

const main = join(dist, 'cli', 'main.js');
const text = readFileSync(main, 'utf8');
if (!text.includes("from 'yargs'")) throw new Error(`${main} does not import yargs`);
writeFileSync(main, text.replace("from 'yargs'", "from './yargs.js'"));

function licenceOf(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  for (const file of ['LICENSE', 'license', 'LICENSE.txt', 'LICENSE.md']) {
    try {
      return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} has no licence file`);
}
