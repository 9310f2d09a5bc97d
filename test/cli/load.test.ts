import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtPackage } from './built-package.ts';
import { REPOSITORY, keyturn, project, temporaryFolder } from './project.ts';

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

/** What `--help` is made of: the words of the commands, and a fault's, which pass the guard. */
const WORDS = [
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
  'src/model/address.ts',
  'src/model/fault.ts',
  'src/model/guard-forms.ts',
  'src/model/guard.ts',
  'src/model/readings.ts',
];

/** The files that the build put into these: it names them above their code, most of the time. */
async function madeOf(files: readonly string[], root: string): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/^\/\/ ((?:src|node_modules)\/\S+)$/gm)].map(([, name = '']) => name),
  );
  return [...new Set(names)].sort();
}

function packagesIn(files: readonly string[]): string[] {
  const names = files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort();
}

test('--help loads yargs, the words of the commands, and nothing that they need to run', async () => {
  const { own, packages } = await loadedBy(['--help']);

  expect(own).toEqual(['bin/keyturn.js', ...WORDS]);
  expect(packages.filter((name) => name !== 'jiti' && !YARGS.includes(name))).toEqual([]);
});

/** The packages that stand in the files of a built package. */
async function packagesInside(root: string): Promise<string[]> {
  const files = await readdir(join(root, 'dist'), { recursive: true });
  const code = files.filter((name) => name.endsWith('.js')).map((name) => join('dist', name));
  return packagesIn(await madeOf(code, root));
}

test('--help of the built package loads the same, in few files, and no jiti', async () => {
  const root = await builtPackage();
  const { own, packages } = await loadedBy(['--help'], root);
  const sources = await madeOf(own, root);

  expect(sources).toContain('src/cli/usage.ts');
  expect(sources.filter((name) => name.startsWith('src/') && !WORDS.includes(name))).toEqual([]);
  expect(packagesIn(sources).filter((name) => !YARGS.includes(name))).toEqual([]);
  expect(packages).toEqual([]);
  expect(own.length).toBeLessThan(12);
});

test('the built package has no part in it that nothing comes to or that signs in to Azure, and says all licences', async () => {
  const root = await builtPackage();
  const inside = await packagesInside(root);
  const licences = await readFile(join(root, 'dist', 'LICENSES.txt'), 'utf8');

  expect(inside).toEqual(expect.arrayContaining(['docker-modem', 'dockerode', 'yargs', 'zod']));
  expect(inside.filter((name) => /azure|grpc|protobuf|ssh2|tar-|cdktf|constructs|jiti/.test(name))).toEqual(
    [],
  );
  expect(inside.filter((name) => !`\n${licences}`.includes(`\n${name} `))).toEqual([]);
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

test.each(['plan', 'status'])(
  '%s loads nothing that is needed behind the app before it runs',
  async (command) => {
    // There is no cdktf.json, which is the last thing that is looked at before the app is started.
    const { own, packages } = await loadedBy([command]);

    expect(
      own.filter((file) => /^src\/(plan|observe|record|calendar|providers|sandbox)\//.test(file)),
    ).toEqual([]);
    expect(packages.filter((name) => name !== 'jiti' && !YARGS.includes(name))).toEqual([]);
  },
);

test('a plan asks a vault and a swarm without Node loading its own fetch', async () => {
  const cwd = await project(`
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const key = new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });
    new SwarmService(this, 'web', { swarm, service: 'shop_web', mounts: [key.at('key')], probe: Probe.none() });`);
  const hook = join(cwd, 'at-exit.mjs');
  await writeFile(
    hook,
    `import { writeFileSync } from 'node:fs';
     if (process.argv[1]?.endsWith('keyturn.js'))
       process.on('exit', () => writeFileSync('loaded.txt', process.moduleLoadList.join('\\n')));`,
  );
  const ran = await keyturn(['plan', '--sandbox'], { cwd, env: { NODE_OPTIONS: `--import ${hook}` } });
  expect(ran.out, ran.err).toContain('1 to rotate');
  const loaded = await readFile(join(cwd, 'loaded.txt'), 'utf8');
  expect(loaded).toContain('NativeModule http');
  expect(loaded).not.toContain('undici');
});

test('a command that runs does not lay out the help of all commands, as yargs would for each', async () => {
  const folder = await temporaryFolder();
  const env = { NODE_V8_COVERAGE: join(folder, 'coverage') };
  expect(await keyturn(['history', 'list'], { cwd: folder, env })).toMatchObject({ code: 0 });
  const [name = ''] = await readdir(join(folder, 'coverage'));
  const { result } = JSON.parse(await readFile(join(folder, 'coverage', name), 'utf8')) as {
    result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[];
  };
  const usage = result.find(({ url }) => url.endsWith('/yargs/build/lib/usage.js'));
  const help = usage?.functions.find(({ functionName }) => functionName === 'help');
  expect(help?.ranges[0]?.count).toBe(0);
});
