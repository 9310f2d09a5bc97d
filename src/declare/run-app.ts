import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { parseManifest } from '../record/manifest.ts';
import { appFault } from './app-fault.ts';
import { MANIFEST_FILE, PROBLEMS_FILE } from './declaration.ts';
import { forgetEarlierRun, inOwnFolder, publish } from './outdir.ts';

export interface RunAppOptions {
  /** The project: where cdktf.json is, and where the app runs. */
  readonly directory: string;
  readonly outdir: string;
  /** All that the app may see of our environment; TF_VAR_* is taken out in any case. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Called once the app runs, which takes a while. */
  readonly meanwhile?: () => void;
}

export interface SynthesizedStack {
  readonly name: string;
  readonly manifestPath: string;
  readonly declared: Declared;
}

export interface Synthesized {
  /** In order of name; only stacks that declare something for keyturn. */
  readonly stacks: readonly SynthesizedStack[];
  readonly warnings: readonly string[];
}

/** Of what the app prints, enough for its first error. */
const MAX_SAID = 200_000;

const configSchema = z.object({
  app: z.string().min(1),
  context: z.record(z.string(), z.unknown()).optional(),
});
const problemsSchema = z.object({
  format: z.literal(1),
  problems: z.array(z.object({ what: z.string(), where: z.string(), next: z.string().optional() })),
});
const assemblySchema = z.object({
  stacks: z.record(
    z.string(),
    z.object({
      workingDirectory: z.string(),
      annotations: z.array(z.object({ constructPath: z.string(), level: z.string(), message: z.string() })),
    }),
  ),
});
type Assembly = z.infer<typeof assemblySchema>;

/**
 * Runs the `app` command of cdktf.json as cdktf's own CLI does, in a child process, and reads what it declared.
 *
 * Holds afterwards: `outdir` has exactly the stacks of this run. A stack that throws is `synth-failed` with what
 * the app said; one that declares what cannot be is `bad-declaration` with every problem. The manifests of an
 * earlier run are gone in both cases, so that nobody plans from them. Runs of one project at one time do not disturb
 * each other: each reads what it wrote itself, and `outdir` is as the last of them left it.
 *
 * The child runs the project's code with the rights of this process: the environment is no boundary against
 * hostile code, only against carelessness.
 */
export async function runApp(options: RunAppOptions): Promise<Synthesized> {
  const directory = resolve(options.directory);
  const outdir = resolve(directory, options.outdir);
  const config = await readConfig(directory);
  await forgetEarlierRun(outdir);
  return inOwnFolder(outdir, (own) => synthesize(config, directory, { own, outdir }, options));
}

interface Folders {
  /** Of this run alone. */
  readonly own: string;
  readonly outdir: string;
}

async function synthesize(
  config: z.infer<typeof configSchema>,
  directory: string,
  { own, outdir }: Folders,
  options: RunAppOptions,
): Promise<Synthesized> {
  const running = runCommand(config.app, directory, options.signal, {
    ...withoutTerraformVariables(options.environment),
    CDKTF_OUTDIR: own,
    CDKTF_CONTEXT_JSON: JSON.stringify(config.context ?? {}),
    // All error annotations then come in manifest.json, instead of one in an exception.
    CDKTF_CONTINUE_SYNTH_ON_ERROR_ANNOTATIONS: 'true',
  });
  options.meanwhile?.();
  const run = await running;
  if (run.status !== 0) {
    await refuseDeclared(own);
    throw appFault(run, directory);
  }
  const assembly = await readAssembly(own, outdir);
  refuseAnnotations(assembly);
  const stacks = await readManifests({ own, outdir }, assembly);
  await publish(own, outdir, Object.keys(assembly.stacks));
  const warnings = annotationsOf(assembly, 'warn').map(({ where, what }) => `${where}: ${what}`);
  if (stacks.length === 0) warnings.push('no stack declares a secret, a consumer or a vault');
  return { stacks, warnings };
}

async function readConfig(directory: string): Promise<z.infer<typeof configSchema>> {
  const file = join(directory, 'cdktf.json');
  const text = await readIfThere(file);
  if (text === null) {
    throw new Fault({
      code: 'bad-usage',
      what: `no cdktf.json in "${directory}"`,
      where: file,
      next: 'run keyturn init; or go to the folder of your stacks, or name it with --directory',
    });
  }
  const config = configSchema.safeParse(parseJson(text));
  if (config.success) return config.data;
  throw new Fault({
    code: 'bad-file',
    what: 'cdktf.json names no app',
    where: file,
    next: 'give "app" the command that runs main.ts, for instance "node node_modules/jiti/lib/jiti-cli.mjs main.ts"',
  });
}

function withoutTerraformVariables(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TF_VAR_')));
}

interface Run {
  /** Exit code, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly said: string;
}

async function runCommand(
  command: string,
  directory: string,
  signal: AbortSignal | undefined,
  env: Record<string, string>,
): Promise<Run> {
  return new Promise((done, fail) => {
    const child = spawn(command, {
      cwd: directory,
      env,
      shell: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += out.length < MAX_SAID ? text : ''));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += err.length < MAX_SAID ? text : ''));
    child.on('error', (cause) => {
      const interrupted = signal?.aborted === true;
      fail(
        new Fault({
          code: interrupted ? 'interrupted' : 'synth-failed',
          what: interrupted ? 'the synth was interrupted' : 'the app command could not be started',
          where: `cdktf.json, app "${command}"`,
          next: interrupted ? 'run it again' : 'try the command in a shell',
          cause,
        }),
      );
    });
    child.on('close', (code, name) =>
      done({ status: code ?? name ?? 1, said: err.trim() === '' ? out : err }),
    );
  });
}

/** Throws what our own validation left behind, if it did. */
async function refuseDeclared(own: string): Promise<void> {
  const left = problemsSchema.safeParse(parseJson((await readIfThere(join(own, PROBLEMS_FILE))) ?? ''));
  if (!left.success) return;
  throw badDeclaration(
    left.data.problems.map(({ what, where, next }) => ({
      what,
      where,
      ...(next === undefined ? {} : { next }),
    })),
  );
}

function refuseAnnotations(assembly: Assembly): void {
  const errors = annotationsOf(assembly, 'error');
  if (errors.length > 0) throw badDeclaration(errors);
}

function annotationsOf(assembly: Assembly, level: 'warn' | 'error'): Problem[] {
  return Object.values(assembly.stacks).flatMap(({ annotations }) =>
    annotations
      .filter((annotation) => annotation.level === `@cdktf/${level}`)
      .map(({ constructPath, message }) => ({ what: message, where: constructPath })),
  );
}

function badDeclaration(problems: readonly Problem[]): Fault {
  return new Fault({
    code: 'bad-declaration',
    what: `${problems.length === 1 ? 'a problem' : `${problems.length} problems`} in what the stacks declare`,
    live: 'nothing was changed',
    next: 'change what is said below and run it again',
    problems,
  });
}

async function readAssembly(own: string, outdir: string): Promise<Assembly> {
  const file = join(outdir, 'manifest.json');
  const text = await readIfThere(join(own, 'manifest.json'));
  const assembly = assemblySchema.safeParse(parseJson(text ?? ''));
  if (assembly.success) return assembly.data;
  throw new Fault({
    code: 'synth-failed',
    what: text === null ? 'the app wrote no manifest.json' : 'manifest.json is not what cdktf writes',
    where: file,
    live: 'nothing was changed',
    next: 'end main.ts with app.synth(), and give App no outdir of its own',
  });
}

async function readManifests({ own, outdir }: Folders, assembly: Assembly): Promise<SynthesizedStack[]> {
  const names = Object.keys(assembly.stacks).sort();
  const read = names.map(async (name): Promise<SynthesizedStack[]> => {
    const place = join(assembly.stacks[name]?.workingDirectory ?? '', MANIFEST_FILE);
    const manifestPath = join(outdir, place);
    const text = await readIfThere(join(own, place));
    return text === null ? [] : [{ name, manifestPath, declared: parseManifest(text, manifestPath) }];
  });
  return (await Promise.all(read)).flat();
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw new Fault({ code: 'bad-file', what: 'the file cannot be read', where: file, cause: thrown });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
