import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import { Fault } from '../model/fault.ts';
import { dependsOnTimeZone, parseInterval } from '../report/schedule-interval.ts';
import type { LocalOrder, ProjectFacts, ScheduleOrder } from '../report/schedule-order.ts';
import { isPlainName } from '../report/schedule-order.ts';
import type { WorldArgs } from './connect.ts';
import type { ProjectArgs } from './project.ts';
import { readLastSynth } from './project.ts';
import type { GeneralArgs, Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

export interface ScheduleArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  readonly interval: string;
  readonly name: string;
  readonly out: string | undefined;
  readonly force: boolean;
}

const INSTALLED = 'node_modules/keyturn/bin/keyturn.js';

/** What the command line says, and what is known of the project without running its code. */
export async function scheduleOrder(argv: ScheduleArgs, terminal: Terminal): Promise<ScheduleOrder> {
  const root = resolve(argv.directory);
  if (!existsSync(join(root, 'cdktf.json'))) {
    throw refusal(
      `no cdktf.json in "${root}"`,
      'go to the folder of your stacks, or name it with --directory',
    );
  }
  const { sandbox } = argv;
  const own = await readPackage(root);
  return {
    name: plainName(argv.name, '--name'),
    interval: parseInterval(argv.interval),
    stacks: argv.stack.map((stack) => plainName(stack, 'a stack')),
    sandbox:
      sandbox === undefined
        ? null
        : [sandbox.vault && 'vault', sandbox.swarm && 'swarm'].filter(Boolean).join(','),
    out: argv.out === undefined ? null : normalize(argv.out),
    program: own.name === 'keyturn' && !existsSync(join(root, INSTALLED)) ? 'bin/keyturn.js' : INSTALLED,
    project: {
      declared: await lastSynth(argv, terminal),
      hasLock: existsSync(join(root, 'package-lock.json')),
      devOnly: devOnly(own),
    },
  };
}

/** The same for a schedule on this machine: the paths are those of here. */
export async function localOrder(
  argv: ScheduleArgs,
  timeZone: string | undefined,
  terminal: Terminal,
): Promise<LocalOrder> {
  const order = await scheduleOrder(argv, terminal);
  const directory = absolutePath(argv.directory);
  const program = join(directory, order.program);
  const running = await realpath(process.argv[1] ?? program);
  if (timeZone !== undefined && !dependsOnTimeZone(order.interval)) {
    throw refusal(`every ${argv.interval} is the same in each time zone`, 'leave --time-zone out');
  }
  return {
    ...order,
    directory,
    programPath: existsSync(program) ? program : running,
    node: process.execPath,
    timeZone: knownZone(timeZone ?? 'UTC'),
  };
}

/** Where the project lies in its git repository; empty: at its root, or in none. */
export function folderInRepository(directory: string): string {
  const root = resolve(directory);
  for (let at = root; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return relative(at, root).replaceAll('\\', '/');
    if (at === dirname(at)) return '';
  }
}

export function plainName(name: string, what: string): string {
  if (isPlainName(name)) return name;
  throw refusal(`"${name}" cannot be ${what} in a schedule`, 'use letters, digits, ".", "_" and "-"');
}

/** One that stands on a line of its own in each of the files. */
export function absolutePath(path: string): string {
  const absolute = resolve(path);
  // oxlint-disable-next-line no-control-regex -- these are what it looks for
  if (!/[\u0000-\u001f\u007f]/.test(absolute)) return absolute;
  throw refusal(`a path has a control character: ${JSON.stringify(absolute)}`, 'rename that folder');
}

function knownZone(name: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    if (/^[A-Za-z]/.test(name)) return name;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw refusal(`there is no time zone "${name}"`, 'take a name of the IANA database, such as Europe/Berlin');
}

async function lastSynth(argv: ScheduleArgs, terminal: Terminal): Promise<ProjectFacts['declared']> {
  const all = await readLastSynth(argv.directory);
  if (all.length === 0) {
    remark(
      terminal,
      'not synthesized yet: after keyturn synth this also looks at records, engines and sign-ins',
    );
    return null;
  }
  const unknown = argv.stack.filter((name) => !all.some(({ stack }) => stack === name));
  if (unknown.length > 0) {
    remark(
      terminal,
      `warning: the last synth has no stack ${unknown.join(', ')}; it has ${all.map(({ stack }) => stack).join(', ')}`,
    );
  }
  return argv.stack.length === 0 ? all : all.filter(({ stack }) => argv.stack.includes(stack));
}

interface PackageJson {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function readPackage(root: string): Promise<PackageJson> {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(await readFile(path, 'utf8')) as PackageJson;
  } catch (cause) {
    throw new Fault({
      code: 'bad-file',
      what: 'package.json cannot be read',
      where: path,
      next: 'mend it',
      cause,
    });
  }
}

/** What a project's stacks import, and what synthesizes them. */
const NEEDED = ['@cdktf/provider-azurerm', 'cdktf', 'constructs', 'jiti', 'keyturn'];

function devOnly({ dependencies = {}, devDependencies = {} }: PackageJson): string[] {
  return NEEDED.filter((name) => name in devDependencies && !(name in dependencies));
}

function refusal(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing was written', next });
}
