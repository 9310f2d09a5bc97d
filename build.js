// node build.js [folder]: makes dist/, the publishable package. tsc writes the types; rolldown makes the code: one file
// for each entry of the package, and chunks/ for what they share or load late. Packages that hold no credentials are in
// them, for loading their hundreds of files costs each run 0.2 s of CPU (docs/decisions/0050); their licences lie beside.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const dist = process.argv[2] ?? 'dist';
process.chdir(import.meta.dirname);

const ENTRIES = {
  'cli/main': 'src/cli/main.ts',
  'declare/declare': 'src/declare/declare.ts',
  'engine': 'src/engine.ts',
};

/** Stay packages: who signs in to Azure, who must be the same module in the user's own app, and what is seldom needed. */
const PACKAGES = [
  /^@azure\//,
  /^@cdktf\//,
  /^@secretlint\//,
  /^cdktf(\/|$)/,
  /^constructs(\/|$)/,
  /^jiti(\/|$)/,
];

/** Parts of packages that nothing of ours comes to: building images (gRPC, tar) and dockerode's own ssh. */
const UNUSED = [
  { of: 'dockerode', part: /^\.\/(session|buildkit)$/ },
  { of: 'dockerode', part: /^(tar-fs|@balena\/dockerignore)$/ },
  { of: 'docker-modem', part: /^ssh2$/ },
];

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', dist],
  { stdio: 'inherit' },
);

const bundle = await rolldown({
  input: ENTRIES,
  platform: 'node',
  external: PACKAGES,
  plugins: [{ name: 'unused', resolveId: (id, from) => (isUnused(id, from) ? '\0unused' : null), load }],
});
const { output } = await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  // As deep as the entry of the command line: package.json is found from both.
  chunkFileNames: 'chunks/[name].js',
  comments: { legal: true },
});
await bundle.close();
writeFileSync(join(dist, 'LICENSES.txt'), packagesIn(output).map(licenceOf).join('\n\n'));

function isUnused(id, from = '') {
  return UNUSED.some(({ of, part }) => part.test(id) && from.includes(`/node_modules/${of}/`));
}

function load(id) {
  return id === '\0unused' ? 'module.exports = {};' : null;
}

/** Folders of the packages that chunks are made of; one may lie in another's. */
function packagesIn(chunks) {
  const folders = chunks
    .flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []))
    .flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

function licenceOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const title = `${name} ${version} (${license})`;
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.(txt|md))?$/i.test(each));
  if (file !== undefined) return `${title}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
  if (license === undefined) throw new Error(`${name} says nowhere under which licence it is`);
  return `${title}\n\nBy ${author?.name ?? author}; it comes without a licence's text.\n`;
}
