import { randomUUID } from 'node:crypto';
import type { SecretAddress } from '../../model/address.ts';
import { canonicalJson } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import type { Problem } from '../../model/fault.ts';
import { Fault } from '../../model/fault.ts';
import type { ConsumerMove, HistoryEntry } from '../../model/journal.ts';
import type { Recorded } from '../../model/recorded.ts';
import type { Import } from '../../plan/import.ts';
import { makeImport } from '../../plan/import.ts';
import { renderImport, renderNoImport } from '../../report/import-text.ts';
import { actorOf } from '../actor.ts';
import { resolveSecrets } from '../address.ts';
import { ask, requireApprover } from '../approve.ts';
import type { World, WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, exitCodeOf, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import { commitOf } from '../git.ts';
import type { Interrupt } from '../interrupt.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { LeaseArgs, Run } from '../lease.ts';
import { underLease } from '../lease.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { requireLasting } from '../records.ts';
import type { Session } from '../session.ts';
import { eachStack, lookAgain, openSession, ownedBy, unseenIn } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';

export interface ImportArgs extends GeneralArgs, WorldArgs, WritesArgs, LeaseArgs {
  readonly address: readonly string[];
  readonly all: boolean;
  readonly platformOnly: boolean;
  readonly manifest: string | undefined;
  readonly dryRun: boolean;
  readonly autoApprove: boolean;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

interface Context {
  readonly argv: ImportArgs;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
  readonly world: World;
  /** Null: every declared secret that is there. */
  readonly wanted: readonly SecretAddress[] | null;
}

/** Puts on record what was there before keyturn, as it is. Needs the right to list, changes nothing and reads no value. */
export async function run(argv: ImportArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  if (!argv.dryRun) requireApprover(terminal, argv.autoApprove, 'import');
  const interrupt = watchInterrupts(terminal);
  const project = { directory: argv.directory, stack: [], manifest: argv.manifest };
  const all = await readDeclared(project, terminal, interrupt.signal);
  const wanted = argv.all ? null : resolveSecrets(argv.address, all);
  const stacks = all.filter((declared) => wanted === null || ownedBy(declared, wanted).length > 0);
  if (!argv.dryRun) for (const declared of stacks) requireLasting(argv, declared, process.env);
  const world = await openWorld(argv, stacks, 'planner', terminal);
  try {
    const codes = await eachStack(
      stacks,
      (declared) => importInto(declared, { argv, terminal, interrupt, world, wanted }),
      (fault) => {
        if (terminal.json) terminal.printJson({ type: 'error', error: fault.toJSON() }, 'stream');
        reportFault(terminal, fault);
        return exitCodeOf(fault.code);
      },
    );
    return worst(codes);
  } finally {
    await world.close();
    interrupt.stop();
  }
}

async function importInto(declared: Declared, context: Context): Promise<ExitCode> {
  const { argv, terminal, interrupt, world } = context;
  const session = await openSession(world, declared, interrupt.signal);
  if ((await session.record.interrupted()) !== null) throw unfinished(declared.stack);
  const found = importOf(session, context);
  const isNothing = Object.keys(found.adopted.secrets).length === 0;
  if (isNothing || argv.dryRun) return show(declared.stack, found, null, terminal);
  if (!terminal.json) terminal.print(renderImport({ stack: declared.stack, ...found }, terminal.page));
  if (!argv.autoApprove && !(await ask(terminal, interrupt.signal, 'Put this on record?'))) {
    terminal.print('\nImport cancelled.');
    return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const recorded = await write(session, found, context);
  if (terminal.json) return show(declared.stack, found, recorded, terminal);
  const count = Object.keys(found.adopted.secrets).length;
  terminal.print(
    `\nTaken over: ${count === 1 ? '1 secret' : `${count} secrets`}, history entry ${recorded.head?.entry ?? '?'}. keyturn plan shows what there is to do.`,
  );
  return EXIT.done;
}

/** What there is to take over. Throws a fault with all that stands in its way. */
function importOf(session: Session, { argv, wanted }: Pick<Context, 'argv' | 'wanted'>): Import {
  const { declared, observed, recorded } = session;
  const [unseen, ...others] = unseenIn(observed);
  if (unseen !== undefined) {
    const problems = others.map(({ message, where }) => ({ what: message, where: where ?? declared.stack }));
    throw new Fault({
      ...unseen.toJSON(),
      live: 'nothing was taken over: all of it has to be seen',
      problems,
    });
  }
  const own = wanted === null ? null : ownedBy(declared, wanted);
  const { platformOnly } = argv;
  const found = makeImport({ declared, observed, recorded, now: now(), wanted: own, platformOnly });
  if (found.refused.length > 0) throw refused(declared.stack, found.refused);
  return found;
}

async function write(session: Session, shown: Import, context: Context): Promise<Recorded> {
  const { argv, terminal, interrupt, world } = context;
  const actor = await actorOf(process.env, argv.directory);
  const commit = await commitOf(process.env, argv.directory);
  const run: Run = { id: randomUUID(), actor, purpose: 'import' };
  const claiming = { argv, run, terminal, signal: interrupt.signal, gate: world.gate };
  return underLease(session.record, claiming, async (held) => {
    const again = await lookAgain(session, interrupt.signal);
    const found = importOf(again, context);
    if (gistOf(found) !== gistOf(shown)) throw moved(session.declared.stack);
    return held.adopt({
      kind: 'import',
      id: run.id,
      at: now(),
      actor,
      commit,
      reason: argv.reason ?? null,
      ticket: argv.ticket ?? null,
      adopted: { ...found.adopted, lineage: again.recorded.lineage },
      ...movesOf(found, session.recorded),
      ...(found.assumed.length === 0 ? {} : { notes: found.assumed.map(({ text }) => text) }),
    });
  });
}

/** What was shown, without the moment at which it was; the lineage of a record that is not there yet is new each time. */
function gistOf({ adopted: { secrets, consumers } }: Import): string {
  const versions = Object.entries(secrets).map(([address, { versions: own, ...rest }]) => [
    address,
    rest,
    own.map(({ ordinal, role, storeIds, copies }) => ({ ordinal, role, storeIds, copies })),
  ]);
  return canonicalJson({ versions, consumers });
}

function movesOf(
  { adopted }: Import,
  recorded: Recorded,
): Pick<HistoryEntry, 'versions'> & Required<Pick<HistoryEntry, 'consumers'>> {
  const versions = Object.entries(adopted.secrets).map(
    ([address, { current }]) => [address, { before: null, after: current }] as const,
  );
  const consumers = Object.entries(adopted.consumers).map(([address, { mounts }]) => {
    const before = recorded.consumers[address as keyof typeof recorded.consumers]?.mounts ?? {};
    const moves = Object.entries(mounts)
      .filter(([target]) => before[target] === undefined)
      .map(([target, { secret, ordinal }]): [string, ConsumerMove] => [
        target,
        { secret, before: null, after: ordinal },
      ]);
    return [address, Object.fromEntries(moves)] as const;
  });
  return { versions: Object.fromEntries(versions), consumers: Object.fromEntries(consumers) };
}

function show(stack: string, found: Import, recorded: Recorded | null, terminal: Terminal): ExitCode {
  const { adopted, assumed, known } = found;
  const { secrets, consumers } = adopted;
  if (terminal.json) {
    const entry = recorded?.head?.entry ?? null;
    const facts = { stack, written: recorded !== null, entry, secrets, consumers, assumed, known };
    terminal.printJson({ format: 1, ...facts }, 'stream');
  } else if (Object.keys(secrets).length === 0) terminal.print(renderNoImport({ stack, known }));
  else terminal.print(renderImport({ stack, adopted, assumed, known }, terminal.page));
  return EXIT.done;
}

function refused(stack: string, problems: readonly Problem[]): Fault {
  const [first] = problems;
  const isOne = problems.length === 1 && first !== undefined;
  return new Fault({
    code: 'import-refused',
    what: isOne ? first.what : `${problems.length} things keep these secrets from being taken over`,
    where: isOne ? first.where : `stack ${stack}`,
    live: 'nothing was changed, and nothing was put on record',
    ...(isOne ? { next: first.next ?? '' } : { problems }),
  });
}

function moved(stack: string): Fault {
  return new Fault({
    code: 'plan-stale',
    what: 'vault or platform changed since this was shown',
    where: `stack ${stack}`,
    live: 'nothing was changed, and nothing was put on record',
    next: 'import again: it shows what there is to take over now',
  });
}

function unfinished(stack: string): Fault {
  return new Fault({
    code: 'unfinished',
    what: 'an earlier apply did not end',
    where: `stack ${stack}`,
    live: 'nothing was put on record',
    next: 'run keyturn apply: it ends that one first',
  });
}
