import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Fault } from '../../model/fault.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { present, writeNew } from '../new-files.ts';
import type { OwnPackage, ScaffoldFile } from '../scaffold.ts';
import { IGNORED, SCAFFOLD, packageJson } from '../scaffold.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';
import { ownPackage } from '../version.ts';

/**
 * Writes a project that synthesizes. A file of the scaffold that exists stops it before anything is written; a
 * package.json of one's own is kept, and a .gitignore gets the lines that it lacks.
 */
export async function run(argv: GeneralArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const root = resolve(argv.directory);
  const existing = await present(
    root,
    SCAFFOLD.map(({ path }) => path),
  );
  if (existing.length > 0) throw alreadyThere(root, existing);
  const files = [...SCAFFOLD, ...(await ownPackageJson(root))];
  for (const file of files) await writeNew(root, file);
  const ignored = await ignore(root);
  const written = [...files.map(({ path }) => path), ...(ignored ? ['.gitignore'] : [])];
  if (terminal.json) {
    terminal.printJson({ format: 1, directory: root, written });
    return EXIT.done;
  }
  for (const path of written) terminal.print(`wrote ${path}`);
  const into = argv.directory === '.' ? '' : `cd ${argv.directory} && `;
  terminal.print(`\nNext: ${into}npm install, then npx keyturn plan --sandbox, which touches nothing real.`);
  return EXIT.done;
}

async function ownPackageJson(root: string): Promise<ScaffoldFile[]> {
  const path = 'package.json';
  if ((await present(root, [path])).length > 0) return [];
  const own = JSON.parse(ownPackage()) as OwnPackage;
  const name = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return [{ path, text: packageJson(name === '' ? 'secrets' : name, own) }];
}

async function ignore(root: string): Promise<boolean> {
  const path = join(root, '.gitignore');
  const before = await readFile(path, 'utf8').catch(() => '');
  const lines = before.split(/\r?\n/).map((line) => line.trim());
  const missing = IGNORED.filter((line) => !lines.includes(line) && !lines.includes(line.replace(/\/$/, '')));
  if (missing.length === 0) return false;
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  await writeFile(path, `${gap}${missing.join('\n')}\n`, { flag: 'a' });
  return true;
}

function alreadyThere(root: string, existing: readonly string[]): Fault {
  return new Fault({
    code: 'bad-usage',
    what: `${existing.length === 1 ? 'a file exists' : `${existing.length} files exist`} that init would write`,
    where: root,
    live: 'nothing was written',
    next: 'run it in an empty folder, or name one with --directory',
    problems: existing.map((path) => ({ what: 'it exists', where: path })),
  });
}
