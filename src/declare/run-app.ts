import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Fault } from '../model/fault.ts';
import { appFault } from './app-fault.ts';
import { parseJson, readIfThere } from './app-files.ts';
import type { Folders, Known, SynthesizedStack } from './assembly.ts';
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
  /** Manifests that were checked before, by their text: one that comes out the same is not checked again. Absent: none. */
  readonly known?: Known;
}

export interface Synthesized {
  /** In order of name; only stacks that declare something for keyturn. */
  readonly stacks: readonly SynthesizedStack[];
  readonly warnings: readonly string[];
}

/** Of what the app prints, enough for its first error. */
const MAX_SAID = 200_000;

/** What is used of cdktf.json. */
interface Config {
  readonly app: string;
  readonly context: object;
}

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

async function synthesize(
  config: Config,
  directory: string,
  { own, outdir }: Folders,
  options: RunAppOptions,
): Promise<Synthesized> {
  const running = runCommand(config.app, directory, options.signal, {
    ...withoutTerraformVariables(options.environment),
    CDKTF_OUTDIR: own,
    CDKTF_CONTEXT_JSON: JSON.stringify(config.context),
    // All error annotations then come in manifest.json, instead of one in an exception.
    CDKTF_CONTINUE_SYNTH_ON_ERROR_ANNOTATIONS: 'true',
  });
  // It is heard below, and may end before.
  running.catch(() => undefined);
  // What reads manifests takes as long to load as the app takes to begin.
  const { readLeft, refuseDeclared } = await import('./assembly.ts');
  options.meanwhile?.();
  const run = await running;
  if (run.status !== 0) {
    await refuseDeclared(own);
    throw appFault(run, directory);
  }
  const { stacks, warnings, names } = await readLeft({ own, outdir }, options.known ?? new Map());
  await publish(own, outdir, names);
  return { stacks, warnings };
}

async function readConfig(directory: string): Promise<Config> {
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
  const config = configIn(parseJson(text));
  if (config !== null) return config;
  throw new Fault({
    code: 'bad-file',
    what: 'cdktf.json names no app',
    where: file,
    next: 'give "app" the command that runs main.ts, for instance "node node_modules/jiti/lib/jiti-cli.mjs main.ts"',
  });
}

/** Read without a schema: this comes before the app, and loading what checks schemas takes longer than all of it. */
function configIn(json: unknown): Config | null {
  if (typeof json !== 'object' || json === null || !('app' in json)) return null;
  const { app, context = {} } = json as { readonly app: unknown; readonly context?: unknown };
  if (typeof app !== 'string' || app === '') return null;
  const isObject = typeof context === 'object' && context !== null && !Array.isArray(context);
  return isObject ? { app, context } : null;
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
