import { basename, dirname, resolve } from 'node:path';
import type { Declared } from '../../model/declared.ts';
import { Fault, asFault } from '../../model/fault.ts';
import type { Finding } from '../../model/finding.ts';
import { levelCounts } from '../../model/finding.ts';
import { composeFindings } from '../../plan/mounted.ts';
import type { Listed } from '../../plan/present.ts';
import { presenceFindings } from '../../plan/present.ts';
import { readComposeFiles } from '../../providers/compose.ts';
import type { PlaintextScan } from '../../providers/plaintext.ts';
import { LARGEST_BYTES } from '../../providers/plaintext.ts';
import { countText } from '../../report/cause-text.ts';
import { findingsJson, renderFindings } from '../../report/findings-text.ts';
import { renderSarif } from '../../report/sarif.ts';
import { wrap } from '../../report/table.ts';
import { scanFindings, scanText, scanTree } from '../check-tree.ts';
import type { World, WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, worst } from '../exit-code.ts';
import { findingsOf } from '../fault-findings.ts';
import { watchInterrupts } from '../interrupt.ts';
import { writeNew } from '../new-files.ts';
import type { ProjectArgs } from '../project.ts';
import { choose, readDeclared } from '../project.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';
import { version } from '../version.ts';

export interface CheckArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  readonly compose: readonly string[];
  readonly offline: boolean;
  readonly strict: boolean;
  readonly sarif: string | undefined;
  readonly format: 'text' | 'json' | 'sarif';
}

/** What was looked at: findings alone do not tell a clean project from one that nobody saw. */
interface Checked {
  /** Null: what the project declares could not be read. */
  readonly stacks: readonly Declared[] | null;
  /** Whether the vaults were asked. */
  readonly asked: boolean;
  /** How many compose files. */
  readonly compose: number;
  readonly scan: PlaintextScan;
}

/**
 * Tells all that is wrong with a project before anything is planned: its declarations, its compose files, its tree, and
 * secrets that its vaults do not have. Changes nothing, takes no lease and reads neither a record nor a value.
 */
export async function run(argv: CheckArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const interrupt = watchInterrupts(terminal);
  try {
    const { findings, checked } = await look(argv, terminal, interrupt.signal);
    if (interrupt.signal.aborted) {
      throw new Fault({
        code: 'interrupted',
        what: 'interrupted while checking',
        live: 'nothing was changed',
      });
    }
    if (argv.sarif !== undefined) await writeSarif(argv.sarif, findings);
    show(findings, checked, argv, terminal);
    return exitCodeFor(findings, argv.strict);
  } finally {
    interrupt.stop();
  }
}

async function look(
  argv: CheckArgs,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; checked: Checked }> {
  const findings: Finding[] = [];
  const or = <T>(fallback: T, reading: Promise<T>): Promise<T> =>
    reading.catch((thrown: unknown) => {
      findings.push(...told(asFault(thrown)));
      return fallback;
    });
  const folder = resolve(argv.directory);
  const files = argv.compose.map((file) => resolve(file));
  // Of all stacks: another one may declare what a compose file mounts.
  const all = await or(null, readDeclared({ ...argv, stack: [] }, terminal, signal));
  const chosen = all === null ? [] : choose(all, argv.stack);
  const compose = await or([], readComposeFiles({ folder, files }));
  if (all !== null) findings.push(...composeFindings(all, compose));
  if (!argv.offline) findings.push(...(await inVaults(chosen, argv, terminal, signal)));
  const scan = await scanTree(folder, all ?? [], terminal, signal);
  findings.push(...scanFindings(scan));
  const asked = !argv.offline && all !== null;
  return {
    findings,
    checked: { stacks: all === null ? null : chosen, asked, compose: compose.length, scan },
  };
}

/** What is somebody's mistake in the project is found; what is not ends the check. */
function told(fault: Fault): Finding[] {
  const findings = findingsOf(fault);
  if (findings === null) throw fault;
  return findings;
}

async function inVaults(
  stacks: readonly Declared[],
  argv: CheckArgs,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Finding[]> {
  const world = await openWorld(argv, stacks, 'planner', terminal);
  try {
    const found: Finding[] = [];
    for (const declared of stacks) {
      found.push(...presenceFindings(declared, await listAll(declared, world, signal)));
    }
    return found;
  } finally {
    await world.close();
  }
}

/** Only vaults of which the stack declares a secret are asked; one that cannot even be connected did not answer. */
async function listAll(
  declared: Declared,
  world: World,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Listed>> {
  const names = new Set(declared.secrets.map(({ vault }) => vault));
  try {
    const vaults = [...(await world.vaultsOf(declared))].filter(([name]) => names.has(name));
    const lists = vaults.map(async ([name, vault]): Promise<[string, Listed]> => [
      name,
      await vault.list(signal).catch((thrown: unknown) => asFault(thrown).toJSON()),
    ]);
    return new Map(await Promise.all(lists));
  } catch (thrown) {
    const fault = asFault(thrown).toJSON();
    return new Map([...names].map((name) => [name, fault]));
  }
}

/** Its folder is made where need be; a file of an earlier check is replaced. */
async function writeSarif(path: string, findings: readonly Finding[]): Promise<void> {
  const file = resolve(path);
  const text = `${JSON.stringify(renderSarif(findings, { version: version() }), null, 2)}\n`;
  try {
    await writeNew(dirname(file), { path: basename(file), text }, true);
  } catch (cause) {
    throw new Fault({
      code: 'bad-usage',
      what: `the SARIF file "${path}" cannot be written`,
      where: '--sarif',
      live: 'nothing was changed',
      next: 'name a file in a folder that can be written to',
      cause,
    });
  }
}

function show(findings: readonly Finding[], checked: Checked, argv: CheckArgs, terminal: Terminal): void {
  if (argv.format === 'sarif') terminal.printJson(renderSarif(findings, { version: version() }));
  else if (argv.format === 'json')
    terminal.printJson({ ...findingsJson(findings), checked: checkedJson(checked) });
  else {
    const none = terminal.page.paint('green', 'Nothing found.');
    terminal.print(renderFindings(findings, terminal.page, none));
    terminal.print(`\n${wrap(checkedText(checked), terminal.page.width).join('\n')}`);
  }
}

function checkedText({ stacks, asked, compose, scan }: Checked): string {
  const secrets = stacks?.reduce((sum, declared) => sum + declared.secrets.length, 0) ?? 0;
  const vaults = asked ? 'looked for in the vaults' : 'not looked for in the vaults (--offline)';
  const declared =
    stacks === null
      ? 'what is declared could not be read, so neither vaults nor compose files were compared with it'
      : `${countText(stacks.length, 'stack')}; ${countText(secrets, 'secret')} ${vaults}`;
  return `Checked: ${declared}; ${countText(compose, 'compose file')}; ${scanText(scan, LARGEST_BYTES)}.`;
}

function checkedJson({ stacks, asked, compose, scan }: Checked): object {
  const { scanned, binary, large, unseen, by } = scan;
  return {
    stacks: stacks?.map(({ stack }) => stack) ?? null,
    vaults: asked,
    compose,
    files: { scanned, binary, large, unseen, by },
  };
}

/** What could not be seen outranks what was found: nothing is proven then. */
function exitCodeFor(findings: readonly Finding[], strict: boolean): ExitCode {
  const counts = levelCounts(findings);
  const isBad = counts.error > 0 || (strict && counts.warning > 0);
  const isUnseen = findings.some(({ rule, level }) => rule === 'unknown' && level === 'error');
  return worst([isBad ? EXIT.pending : EXIT.done, isUnseen ? EXIT.failed : EXIT.done]);
}
