import { randomUUID } from 'node:crypto';
import { canonicalJson } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import { emptyRecord } from '../../model/recorded.ts';
import { observe } from '../../observe/observe.ts';
import type { RebuildInput, Rebuilt } from '../../plan/rebuild.ts';
import { rebuildRecord } from '../../plan/rebuild.ts';
import { existsAlready } from '../../record/existing.ts';
import type { StackRecord } from '../../record/record.ts';
import { renderRebuilt } from '../../report/rebuild-text.ts';
import { actorOf } from '../actor.ts';
import { ask, requireApprover } from '../approve.ts';
import type { World } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { LeaseArgs } from '../lease.ts';
import { underLease } from '../lease.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { openRecord, requireLasting } from '../records.ts';
import { unseenIn } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';

export interface RebuildArgs extends GeneralArgs, WritesArgs, LeaseArgs {
  readonly stack: string;
  readonly manifest: string | undefined;
  readonly dryRun: boolean;
  readonly autoApprove: boolean;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

interface Scene {
  readonly declared: Declared;
  readonly world: World;
  readonly record: StackRecord;
  readonly signal: AbortSignal;
}

/** Makes a lost record anew from what vault and platforms show. Needs the right to list and reads no value. */
export async function run(argv: RebuildArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  if (!argv.dryRun) requireApprover(terminal, argv.autoApprove, 'state rebuild');
  const interrupt = watchInterrupts(terminal);
  const project = { directory: argv.directory, stack: [argv.stack], manifest: argv.manifest };
  const [declared] = await readDeclared(project, terminal, interrupt.signal);
  if (declared === undefined) return EXIT.failed;
  if (!argv.dryRun) requireLasting(argv, declared, process.env);
  const world = await openWorld(argv, [declared], 'planner', terminal);
  try {
    const record = await openRecord(argv, declared);
    const scene = { declared, world, record, signal: interrupt.signal };
    await refuseExisting(record);
    const input = { declared, now: now(), lineage: randomUUID() };
    const rebuilt = await rebuild(input, scene);
    const isEmpty = Object.keys(rebuilt.recorded.secrets).length === 0;
    if (isEmpty || argv.dryRun) return show(rebuilt, false, terminal);
    if (!terminal.json) terminal.print(renderRebuilt(rebuilt.recorded, rebuilt.unknown, terminal.page));
    if (!argv.autoApprove && !(await ask(terminal, interrupt.signal, 'Write this record?'))) {
      terminal.print('\nRebuild cancelled.');
      return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
    }
    return await write(rebuilt, input, scene, argv, terminal);
  } finally {
    await world.close();
    interrupt.stop();
  }
}

async function write(
  rebuilt: Rebuilt,
  input: Omit<RebuildInput, 'observed'>,
  scene: Scene,
  argv: RebuildArgs,
  terminal: Terminal,
): Promise<ExitCode> {
  const { record, world, signal } = scene;
  const actor = await actorOf(process.env, argv.directory);
  const run = { id: randomUUID(), actor, purpose: 'state rebuild' as const };
  const recorded = await underLease(
    record,
    { argv, run, terminal, signal, gate: world.gate },
    async (held) => {
      const again = await rebuild(input, scene);
      if (canonicalJson(again.recorded) !== canonicalJson(rebuilt.recorded))
        throw moved(input.declared.stack);
      return held.establish(rebuilt.recorded, {
        kind: 'rebuild',
        id: run.id,
        at: input.now,
        actor,
        reason: argv.reason ?? null,
        ticket: argv.ticket ?? null,
        notes: rebuilt.unknown.map(({ text }) => text),
      });
    },
  );
  if (terminal.json) return show({ ...rebuilt, recorded }, true, terminal);
  terminal.print(`\nWritten to ${record.store.place}, history entry ${recorded.head?.entry ?? '?'}.`);
  terminal.print('Now run keyturn plan: what it shows is what the next apply will do.');
  return EXIT.done;
}

async function rebuild(
  input: Omit<RebuildInput, 'observed'>,
  { declared, world, signal }: Scene,
): Promise<Rebuilt> {
  const { vaults, platforms } = await world.of(declared);
  // Beside an empty record the versions of every declared secret are listed.
  const recorded = emptyRecord(declared.stack, input.lineage);
  const observed = await observe({ declared, recorded, vaults, platforms, now, signal });
  if (signal.aborted) {
    throw new Fault({
      code: 'interrupted',
      what: 'interrupted while observing',
      live: 'nothing was changed',
    });
  }
  const [first, ...others] = unseenIn(observed);
  if (first === undefined) return rebuildRecord({ ...input, observed });
  throw new Fault({
    ...first.toJSON(),
    live: 'no record was made: one that leaves out what could not be seen would be wrong',
    problems: others.map(({ message, where }) => ({ what: message, where: where ?? declared.stack })),
  });
}

async function refuseExisting(record: StackRecord): Promise<void> {
  const [there] = await record.existing();
  if (there !== undefined) throw existsAlready(record.store.place, there);
}

function show({ recorded, unknown }: Rebuilt, isWritten: boolean, terminal: Terminal): ExitCode {
  const { stack, secrets } = recorded;
  if (terminal.json) terminal.printJson({ format: 1, stack, written: isWritten, recorded, unknown });
  else if (Object.keys(secrets).length === 0) {
    terminal.print(`Nothing in the vault carries the tags of stack ${stack}: there is nothing to rebuild.`);
  } else terminal.print(renderRebuilt(recorded, unknown, terminal.page));
  return EXIT.done;
}

function moved(stack: string): Fault {
  return new Fault({
    code: 'plan-stale',
    what: 'vault or platform changed while this record was looked at',
    where: `stack ${stack}`,
    live: 'no record was made',
    next: `look again: keyturn state rebuild ${stack}`,
  });
}
