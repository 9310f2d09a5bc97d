import { randomUUID } from 'node:crypto';
import { relative, resolve } from 'node:path';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import type { Migrated } from '../../record/migrate.ts';
import { foresee, migrate } from '../../record/migrate.ts';
import type { Move } from '../../record/moved.ts';
import type { StackRecord } from '../../record/record.ts';
import type { MigratedOrder } from '../../report/transfer-text.ts';
import { renderMigrated, renderMigration } from '../../report/transfer-text.ts';
import { actorOf } from '../actor.ts';
import { ask, requireApprover } from '../approve.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, exitCodeOf, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import type { Interrupt } from '../interrupt.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { LeaseArgs, Run } from '../lease.ts';
import { Gate, underLease } from '../lease.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { openRecord, placeOf, recordsOf, requireLasting } from '../records.ts';
import { eachStack } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';

export interface MigrateArgs extends GeneralArgs, WritesArgs, LeaseArgs, ProjectArgs {
  readonly to: 'declared' | 'local';
  readonly dryRun: boolean;
  readonly autoApprove: boolean;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

interface Context {
  readonly argv: MigrateArgs;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
  readonly run: Run;
}

/** Moves the record of each stack from the local directory to where it is declared, or back. */
export async function run(argv: MigrateArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  if (!argv.dryRun) requireApprover(terminal, argv.autoApprove, 'state migrate');
  const interrupt = watchInterrupts(terminal);
  try {
    const stacks = await readDeclared(argv, terminal, interrupt.signal);
    const actor = await actorOf(process.env, argv.directory);
    const run: Run = { id: randomUUID(), actor, purpose: 'state migrate' };
    const codes = await eachStack(
      stacks,
      (declared) => migrateStack(declared, { argv, terminal, interrupt, run }),
      (fault) => {
        if (terminal.json) terminal.printJson({ type: 'error', error: fault.toJSON() }, 'stream');
        reportFault(terminal, fault);
        return exitCodeOf(fault.code);
      },
    );
    return worst(codes);
  } finally {
    interrupt.stop();
  }
}

async function migrateStack(declared: Declared, context: Context): Promise<ExitCode> {
  const { argv, terminal, interrupt, run } = context;
  const { stack } = declared;
  if (placeOf(argv, declared) === null) throw nowhereElse(stack, argv);
  const local = await openRecord(argv, { stack, record: null });
  const remote = await openRecord(argv, declared);
  const isHome = argv.to === 'local';
  if (isHome && !argv.dryRun) requireLasting(argv, { stack, record: null }, process.env);
  const [from, to] = isHome ? [remote, local] : [local, remote];
  const [fromName, toName] = [from, to].map((record) =>
    record === local ? relative(resolve(argv.directory), `${recordsOf(argv)}/${stack}`) : record.store.place,
  ) as [string, string];
  const { actor } = run;
  const move: Move = {
    id: randomUUID(),
    from: fromName,
    to: toName,
    at: now(),
    actor,
    reason: argv.reason ?? null,
    ticket: argv.ticket ?? null,
  };
  const source = await from.look();
  if (source.stored === null) {
    say(terminal, `${stack}: nothing is recorded in ${fromName}.`, { stack, moved: false });
    return EXIT.done;
  }
  const foreseen = foresee(source, await to.look(), move);
  if (foreseen.isOld || argv.dryRun) return tell(foreseen, stack, false, context);
  if (!terminal.json) terminal.print(renderMigration(orderOf(foreseen, stack)));
  if (!argv.autoApprove && !(await ask(terminal, interrupt.signal, 'Move it?'))) {
    terminal.print('\nMigration cancelled.');
    return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
  return tell(await underBoth(from, to, move, context), stack, true, context);
}

/** The old place first: two migrations of one record to different places then meet there. */
function underBoth(from: StackRecord, to: StackRecord, move: Move, context: Context): Promise<Migrated> {
  const { argv, run, terminal, interrupt } = context;
  const claiming = { argv, run, terminal, signal: interrupt.signal };
  return underLease(from, { ...claiming, gate: new Gate() }, (source) =>
    underLease(to, { ...claiming, gate: new Gate() }, (target) => migrate(source, target, move)),
  );
}

function tell(migrated: Migrated, stack: string, isMoved: boolean, { terminal }: Context): ExitCode {
  const { isOld, move, recorded, entries } = migrated;
  const facts = { stack, from: move.from, to: move.to, serial: recorded.serial, entries };
  const text = isOld
    ? `${stack}: the record is in ${move.to} since ${move.at}, moved by ${move.actor.name}.`
    : isMoved
      ? renderMigrated(facts)
      : `${renderMigration(facts)}\nNothing was moved.`;
  say(terminal, text, { ...facts, moved: isMoved });
  return EXIT.done;
}

function orderOf({ move, recorded, entries }: Migrated, stack: string): MigratedOrder {
  return { stack, from: move.from, to: move.to, serial: recorded.serial, entries };
}

function say(terminal: Terminal, text: string, facts: object): void {
  if (terminal.json) terminal.printJson({ format: 1, ...facts }, 'stream');
  else terminal.print(text);
}

function nowhereElse(stack: string, { sandbox }: MigrateArgs): Fault {
  return new Fault({
    code: 'bad-usage',
    what:
      sandbox === undefined
        ? `${stack} declares no other place for its record than the local directory`
        : 'the sandbox keeps every record to itself: there is no other place to move one to',
    where: `stack ${stack}`,
    live: 'nothing was changed',
    next:
      sandbox === undefined
        ? "declare cdktf's AzurermBackend in the stack, then move the record there"
        : 'leave --sandbox out',
  });
}
