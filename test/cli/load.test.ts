import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtPackage } from './built-package.ts';
import { REPOSITORY, keyturn, temporaryFolder } from './project.ts';

/** What yargs itself is made of. */
const YARGS = [
  'ansi-regex',
  'ansi-styles',
  'cliui',
  'emoji-regex',
  'escalade',
  'get-caller-file',
  'get-east-asian-width',
  'string-width',
  'strip-ansi',
  'wrap-ansi',
  'y18n',
  'yargs',
  'yargs-parser',
];

/** Every file that a run of the program loaded: V8's coverage names them all, whatever loaded them. */
async function loadedBy(
  args: readonly string[],
  root = REPOSITORY,
): Promise<{ own: string[]; packages: string[] }> {
  const folder = await temporaryFolder();
  const env = { NODE_V8_COVERAGE: join(folder, 'coverage') };
  await keyturn(args, { cwd: folder, env, bin: join(root, 'bin', 'keyturn.js') });
  const files: string[] = [];
  for (const name of await readdir(join(folder, 'coverage'))) {
    const report = JSON.parse(await readFile(join(folder, 'coverage', name), 'utf8')) as {
      result: { url: string }[];
    };
    const urls = report.result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    files.push(...urls.map((url) => relative(root, fileURLToPath(url))));
  }
  const packages = files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  const own = files.filter((file) => !file.includes('node_modules'));
  return { own: own.sort(), packages: [...new Set(packages)].sort() };
}

test('--help of the built package loads the same, and no jiti', async () => {
  const { own, packages } = await loadedBy(['--help'], await builtPackage());

  expect(own).toEqual([
    'bin/keyturn.js',
    'dist/cli/exit-code.js',
    'dist/cli/main.js',
    'dist/cli/options.js',
    'dist/cli/usage-check.js',
    'dist/cli/usage-drift.js',
    'dist/cli/usage-import.js',
    'dist/cli/usage-record.js',
    'dist/cli/usage-report.js',
    'dist/cli/usage-schedule.js',
    'dist/cli/usage.js',
    'dist/cli/version.js',
    'dist/cli/yargs.js',
    // A fault's words pass the guard.
    'dist/model/address.js',
    'dist/model/fault.js',
    'dist/model/guard-forms.js',
    'dist/model/guard.js',
    'dist/model/readings.js',
  ]);
  expect(packages).toEqual([]);
});

test('--help loads yargs, the words of the commands, and nothing that they need to run', async () => {
  const { own, packages } = await loadedBy(['--help']);

  expect(own).toEqual([
    'bin/keyturn.js',
    'src/cli/exit-code.ts',
    'src/cli/main.ts',
    'src/cli/options.ts',
    'src/cli/usage-check.ts',
    'src/cli/usage-drift.ts',
    'src/cli/usage-import.ts',
    'src/cli/usage-record.ts',
    'src/cli/usage-report.ts',
    'src/cli/usage-schedule.ts',
    'src/cli/usage.ts',
    'src/cli/version.ts',
    // A fault's words pass the guard.
    'src/model/address.ts',
    'src/model/fault.ts',
    'src/model/guard-forms.ts',
    'src/model/guard.ts',
    'src/model/readings.ts',
  ]);
  expect(packages.filter((name) => name !== 'jiti' && !YARGS.includes(name))).toEqual([]);
});

test('the help of one command loads no more', async () => {
  const { own, packages } = await loadedBy(['apply', '--help']);

  expect(own.filter((file) => file.startsWith('src/cli/commands'))).toEqual([]);
  expect(packages.filter((name) => name !== 'jiti' && !YARGS.includes(name))).toEqual([]);
});

test('a question about the record loads no SDK and no cdktf', async () => {
  const { packages } = await loadedBy(['history', 'list']);

  expect(packages.filter((name) => /azure|docker|cdktf|constructs/.test(name))).toEqual([]);
});
