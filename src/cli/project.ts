import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runApp } from '../declare/run-app.ts';
import type { Declared } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

export interface ProjectArgs {
  readonly directory: string;
  /** Names of stacks; empty: all. */
  readonly stack: readonly string[];
  readonly manifest?: string | undefined;
}

/** What is of use while the app runs. */
export interface Meanwhile {
  /** Called once it runs, and not where none does. */
  readonly begin: () => void;
  /** Manifests that are checked by then, by their text: one that comes out the same is not checked again. */
  readonly known: ReadonlyMap<string, Declared>;
  /** Begins nothing more, and waits for what was begun: it is needed next, and nothing may be loaded twice at once. */
  readonly end: () => Promise<void>;
}

/**
 * What the project declares: by running its app, or from one manifest file and without running anything.
 *
 * The stacks come in the order in which the app made them. A name that no stack has is refused with those that
 * there are.
 */
export async function readDeclared(
  argv: ProjectArgs,
  terminal: Terminal,
  signal?: AbortSignal,
  meanwhile?: Meanwhile,
): Promise<Declared[]> {
  if (argv.manifest !== undefined) return choose([await readManifest(argv.manifest)], argv.stack);
  const { stacks, warnings } = await synthesize(argv.directory, signal, meanwhile);
  await meanwhile?.end();
  for (const warning of warnings) remark(terminal, `warning: ${warning}`);
  return choose(
    stacks.map(({ declared }) => declared),
    argv.stack,
  );
}

export async function synthesize(
  directory: string,
  signal?: AbortSignal,
  meanwhile?: Meanwhile,
): ReturnType<typeof runApp> {
  const root = resolve(directory);
  return runApp({
    directory: root,
    outdir: join(root, 'cdktf.out'),
    environment: allowed(process.env),
    ...(signal === undefined ? {} : { signal }),
    ...(meanwhile === undefined ? {} : { meanwhile: meanwhile.begin, known: meanwhile.known }),
  });
}

/** A stack that is declared, and may still be read through. */
export interface Declaring {
  /** What is connected for it; its secrets and consumers may be missing. */
  readonly head: Declared;
  /** All of it. Begins to read it through where nobody did, in turns with other work; throws what is wrong with it. */
  readonly whole: () => Promise<Declared>;
}

/** The same as `readDeclared`, of which a large manifest file is read through while others are asked. */
export async function openDeclared(
  argv: ProjectArgs,
  terminal: Terminal,
  signal: AbortSignal,
  meanwhile: Meanwhile,
): Promise<Declaring[]> {
  const { manifest, stack } = argv;
  if (manifest === undefined)
    return (await readDeclared(argv, terminal, signal, meanwhile)).map((declared) => whole(declared));
  const opened = await openManifestFile(manifest);
  return stack.length === 0 ? [opened] : choose([await opened.whole()], stack).map(whole);
}

async function openManifestFile(path: string): Promise<Declaring> {
  const text = await manifestText(path);
  const { openManifest, parseManifest } = await import('../record/manifest.ts');
  const opened = openManifest(text, path);
  if (opened === null) return whole(parseManifest(text, path));
  // Not both: what is read is held by its check alone, and is as large as what comes out.
  let reading: Promise<Declared> | (() => Promise<Declared>) = opened.check;
  return {
    head: opened.head,
    whole: () => {
      if (typeof reading === 'function') reading = reading();
      return reading;
    },
  };
}

/** A stack that is read. */
export function whole(declared: Declared): Declaring {
  return { head: declared, whole: () => Promise.resolve(declared) };
}

/** A manifest file, checked. */
export async function readManifest(path: string): Promise<Declared> {
  const text = await manifestText(path);
  // Late: where the app is run, it reads its manifests itself.
  const { parseManifest } = await import('../record/manifest.ts');
  return parseManifest(text, path);
}

async function manifestText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Fault({
      code: 'bad-file',
      what: `the manifest "${path}" cannot be read`,
      where: path,
      live: 'nothing was changed',
      next: 'run keyturn synth; it writes cdktf.out/stacks/<stack>/keyturn.json',
      cause,
    });
  }
}

/** What the last synth of this project left, in order of folder; runs nothing, and is empty where there was none. */
export async function readLastSynth(directory: string): Promise<Declared[]> {
  const root = join(resolve(directory), 'cdktf.out', 'stacks');
  const paths = (await foldersIn(root)).map((folder) => join(root, folder, 'keyturn.json'));
  return Promise.all(paths.filter((path) => existsSync(path)).map(readManifest));
}

/** Empty for a directory that is not there. */
export async function foldersIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The stacks of these names, all for none; the order of the app. */
export function choose(stacks: readonly Declared[], names: readonly string[]): Declared[] {
  const unknown = names.filter((name) => !stacks.some(({ stack }) => stack === name));
  if (unknown.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `there is no stack "${unknown.join('", "')}"`,
      where: 'command line',
      live: 'nothing was changed',
      next:
        stacks.length === 0
          ? 'declare a stack in main.ts'
          : `the stacks are ${stacks.map(({ stack }) => stack).join(', ')}`,
    });
  }
  return names.length === 0 ? [...stacks] : stacks.filter(({ stack }) => names.includes(stack));
}

/**
 * What the app's process may see of our environment. It runs the project's code, which needs no credential to
 * declare something: nothing of Azure, Docker, Terraform or a CI passes.
 */
const ALLOWED =
  /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|TEMP|TMP|SystemRoot|ComSpec|PATHEXT|USERPROFILE|CDKTF_[A-Z_]+)$/;

export function allowed(environment: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(environment).flatMap(([name, value]): [string, string][] =>
    value !== undefined && ALLOWED.test(name) ? [[name, value]] : [],
  );
  return Object.fromEntries(entries);
}
