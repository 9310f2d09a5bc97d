import type { Argv, Options } from 'yargs';

/**
 * The options of the commands. This file is on the `--help` path: it may import yargs' types and nothing else.
 */

const GENERAL = 'General:';
const SANDBOX = 'Sandbox:';
const SELECT = 'What:';
const APPROVE = 'Approval and record:';

const general = {
  'directory': {
    alias: 'C',
    type: 'string',
    requiresArg: true,
    default: '.',
    group: GENERAL,
    describe: 'the project: where cdktf.json is',
  },
  'no-color': {
    type: 'boolean',
    default: false,
    group: GENERAL,
    describe: 'plain text; NO_COLOR does the same',
  },
  'debug': {
    type: 'boolean',
    default: false,
    group: GENERAL,
    describe: 'stack traces behind errors; never a value',
  },
} as const satisfies Record<string, Options>;

const format = {
  format: {
    choices: ['text', 'json'] as const,
    default: 'text' as const,
    requiresArg: true,
    group: GENERAL,
    describe: 'for people or for programs',
  },
} as const satisfies Record<string, Options>;

const sandbox = {
  'sandbox': {
    type: 'string',
    group: SANDBOX,
    describe:
      'use the embedded vault, swarm and hosts under .keyturn/sandbox; =vault or =swarm for one of the first two, with real-hosts to write files where the stack declares them',
  },
  'sandbox-empty': {
    type: 'boolean',
    default: false,
    group: SANDBOX,
    describe: 'start without the declared services and without values for manual secrets',
  },
  'sandbox-outside': {
    type: 'boolean',
    default: false,
    group: SANDBOX,
    describe:
      'run the declared revocations, negative probes and effects, which the sandbox otherwise leaves out',
  },
} as const satisfies Record<string, Options>;

const select = {
  'target': {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    requiresArg: true,
    group: SELECT,
    describe: 'only this secret or consumer and what it moves with; may be repeated',
  },
  'rotate': {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    requiresArg: true,
    group: SELECT,
    describe: 'rotate this secret although it is not due; may be repeated',
  },
  'due': {
    type: 'boolean',
    default: false,
    group: SELECT,
    describe: 'only what is due by date: rotations, and settle, retire and prune of earlier ones',
  },
  'prune-platform-only': {
    type: 'boolean',
    default: false,
    group: SELECT,
    describe: 'remove copies of retired versions that are in no vault: the only ones in the world',
  },
} as const satisfies Record<string, Options>;

const approve = {
  'auto-approve': { type: 'boolean', default: false, group: APPROVE, describe: 'do not ask' },
  'reason': { type: 'string', requiresArg: true, group: APPROVE, describe: 'why, for the history' },
  'ticket': {
    type: 'string',
    requiresArg: true,
    group: APPROVE,
    describe: 'the ticket that asked for it, for the history',
  },
  'lock-timeout': {
    type: 'string',
    requiresArg: true,
    default: '0s',
    group: APPROVE,
    describe: 'how long to wait for whoever holds the lease: 90s, 10m',
  },
  'local-record': {
    type: 'boolean',
    default: false,
    group: APPROVE,
    describe: 'in a CI: write a record that is local, because the directory is kept',
  },
  'parallelism': {
    type: 'number',
    requiresArg: true,
    default: 8,
    group: APPROVE,
    describe: 'steps that may run side by side, verifications apart',
  },
  'no-notify': {
    type: 'boolean',
    default: false,
    group: APPROVE,
    describe: 'tell none of the declared notifications',
  },
  'notify': {
    type: 'boolean',
    default: false,
    group: APPROVE,
    describe: 'in the sandbox: tell them all the same, which else happens outside of it only',
  },
} as const satisfies Record<string, Options>;

/** A person's values, for commands that mint. */
export const VALUE = {
  type: 'string',
  array: true,
  nargs: 1,
  default: [] as string[],
  requiresArg: true,
  describe:
    "a manual secret's new value: ADDR=- (standard input), ADDR=file:PATH, ADDR=env:NAME; a terminal is asked without it",
} as const;

export const EVENTS = {
  type: 'string',
  requiresArg: true,
  describe: 'also write the events to this file, as JSON lines',
} as const;

/** For commands that write a job summary and annotations where GitHub runs them. */
export const NO_GITHUB = {
  type: 'boolean',
  default: false,
  describe: 'in GitHub Actions: write neither a job summary nor annotations',
} as const;

/** For commands that need what is declared. */
export const MANIFEST = {
  type: 'string',
  requiresArg: true,
  describe: 'read this keyturn.json and run no code of the project',
} as const;

/* Each returns its argument with the options added, so that yargs infers the handler's arguments. */

export const withGeneral = <T>(yargs: Argv<T>) => yargs.options(general);

export const withFormat = <T>(yargs: Argv<T>) => withGeneral(yargs).options(format);

export const withSandbox = <T>(yargs: Argv<T>) =>
  yargs
    .options(sandbox)
    .coerce('sandbox', sandboxParts)
    .check((argv) => partsNeedSandbox(argv));

export const withSelect = <T>(yargs: Argv<T>) => yargs.options(select);

export const withApproval = <T>(yargs: Argv<T>) =>
  yargs.options(approve).coerce('lock-timeout', milliseconds).check(parallelismIsACount);

/** For commands that write the record alone, under its lease. */
export const withLease = <T>(yargs: Argv<T>) =>
  yargs
    .options({ 'lock-timeout': approve['lock-timeout'], 'local-record': approve['local-record'] })
    .coerce('lock-timeout', milliseconds);

/** The same for those that ask first and say why in the history. */
export const withRecordChange = <T>(yargs: Argv<T>) =>
  withLease(yargs).options({
    'auto-approve': approve['auto-approve'],
    'reason': approve.reason,
    'ticket': approve.ticket,
  });

export const withDryRun = <T>(yargs: Argv<T>) =>
  yargs.options({
    'dry-run': { type: 'boolean', default: false, group: APPROVE, describe: 'show it and write nothing' },
  });

export const withConsent = <T>(yargs: Argv<T>) =>
  yargs.options({
    'auto-approve': approve['auto-approve'],
    'reason': approve.reason,
    'ticket': approve.ticket,
  });

/** For commands that look at records and run no code of the project. */
export const withRecords = <T>(yargs: Argv<T>) =>
  withSandbox(yargs).options({
    manifest: {
      type: 'string',
      requiresArg: true,
      group: SELECT,
      describe: 'this keyturn.json says where the record is; default: state/ and the last synth',
    },
  });

export const withStacks = <T>(yargs: Argv<T>) =>
  yargs.positional('stack', {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'default: every stack',
  });

/** What is embedded. */
export interface SandboxParts {
  readonly vault: boolean;
  readonly swarm: boolean;
  readonly hosts: boolean;
}

/** What a bare `--due` of status stands for: what is due now. */
export const DUE_NOW = 'now';

/**
 * Gives options whose value may be left away the one that they then have, because yargs would take the next word
 * for it: `plan --sandbox busflow` means the stack busflow in the whole sandbox, `status --due busflow` what is due
 * in it. Only a word that looks like a length of time is what `--due` of status takes.
 */
export function spellOut(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const isStatus = wordsIn(args.slice(0, end))[0] === 'status';
  const words: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    const next = index + 1 < end ? (args[index + 1] ?? '') : '';
    if (index < end && arg === '--sandbox') words.push('--sandbox=vault,swarm');
    else if (index < end && arg === '--due' && isStatus) {
      const hasTime = /^(\d|P(\d|T\d))/.test(next);
      words.push(`--due=${hasTime ? next : DUE_NOW}`);
      if (hasTime) index += 1;
    } else words.push(arg);
  }
  return words;
}

/** The words that are neither options nor values of those that may stand before the command: it comes first. */
export function wordsIn(args: readonly string[]): string[] {
  const takesNext = ['-C', '--directory', '--format'];
  return args.filter((arg, index) => !arg.startsWith('-') && !takesNext.includes(args[index - 1] ?? ''));
}

function sandboxParts(text: string | undefined): SandboxParts | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',');
  const wrong = parts.find((part) => !['vault', 'swarm', 'real-hosts'].includes(part));
  if (wrong !== undefined)
    throw new Error(`--sandbox takes vault, swarm or both, and real-hosts, not "${wrong}"`);
  return {
    vault: parts.includes('vault'),
    swarm: parts.includes('swarm'),
    hosts: !parts.includes('real-hosts'),
  };
}

function partsNeedSandbox(argv: Readonly<Record<string, unknown>>): true {
  if (argv['sandboxEmpty'] === true && argv['sandbox'] === undefined)
    throw new Error('--sandbox-empty needs --sandbox');
  if (argv['sandboxOutside'] === true && argv['sandbox'] === undefined)
    throw new Error('--sandbox-outside needs --sandbox');
  return true;
}

/** `90s`, `10m`, `1h`, or a number of seconds, as Terraform's flag takes them. */
function milliseconds(text: string): number {
  const [, count, unit] = /^(\d{1,5})(s|m|h)?$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`--lock-timeout takes a time such as 90s or 10m, not "${text}"`);
  return Number(count) * (unit === 'h' ? 3_600_000 : unit === 'm' ? 60_000 : 1_000);
}

function parallelismIsACount(argv: { readonly parallelism: number }): true {
  if (!Number.isInteger(argv.parallelism) || argv.parallelism < 1 || argv.parallelism > 64) {
    throw new Error('--parallelism takes a whole number from 1 to 64');
  }
  return true;
}
