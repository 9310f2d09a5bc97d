import { randomUUID } from 'node:crypto';
import type { Actor } from '../../model/journal.ts';
import { Fault } from '../../model/fault.ts';
import type { Holder } from '../../record/lease.ts';
import { LEASE_TERMS } from '../../record/lease.ts';
import type { Standing } from '../../record/unlock.ts';
import { heldQuestion, renderHeld } from '../../report/lease-text.ts';
import { hang } from '../../report/table.ts';
import { actorOf } from '../actor.ts';
import { ask, requireApprover } from '../approve.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { commitOf } from '../git.ts';
import { watchInterrupts } from '../interrupt.ts';
import { CLOCK, holderOf, livesHere } from '../lease.ts';
import type { NamedRecord, RecordArgs } from '../records.ts';
import { openRecords } from '../records.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';

export interface UnlockArgs extends GeneralArgs, RecordArgs {
  readonly stack: string | undefined;
  readonly autoApprove: boolean;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

interface Locked extends NamedRecord {
  readonly standing: Standing;
}

/** Shows who holds a lease, asks, and fences that run off. With no lease held it says so and is done. */
export async function run(argv: UnlockArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const found = chosen(await lockedAmong(argv), argv.stack);
  if (found === null) {
    say(terminal, argv.stack, 'No lease is held.', { holder: null, unlocked: false });
    return EXIT.done;
  }
  const { stack, standing } = found;
  const { holder } = standing;
  if (holder?.isFenced === true) {
    const text = `The lease of ${stack} was unlocked by ${holder.holder} already: the next apply takes it.`;
    say(terminal, stack, text, { holder, unlocked: false });
    return EXIT.done;
  }
  const actor = await actorOf(process.env, argv.directory);
  if (!terminal.json) terminal.print(description(stack, holder, actor, terminal));
  requireApprover(terminal, argv.autoApprove, 'state unlock');
  if (!argv.autoApprove) {
    const interrupt = watchInterrupts(terminal);
    try {
      if (!(await ask(terminal, interrupt.signal, heldQuestion(holder?.holder ?? null)))) {
        terminal.print('\nUnlock cancelled.');
        return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
      }
    } finally {
      interrupt.stop();
    }
  }
  return unlock(found, actor, argv, terminal);
}

async function unlock(
  { stack, record, standing }: Locked,
  actor: Actor,
  argv: UnlockArgs,
  terminal: Terminal,
): Promise<ExitCode> {
  const id = randomUUID();
  const own = holderOf({ id, actor, purpose: 'state unlock' });
  const notes = [`the lease was taken from ${heldBy(standing.holder)}`];
  const commit = await commitOf(process.env, argv.directory);
  const why = { reason: argv.reason ?? null, ticket: argv.ticket ?? null };
  const who = { id, at: now(), actor, ...why, planDigest: null, commit };
  const aside = { kind: 'unlock' as const, ...who, notes };
  const isTaken = await record.unlock(standing, own, { terms: LEASE_TERMS, clock: CLOCK, aside });
  // Where the record was moved away there is nothing to look after.
  const isHalfDone = await record.interrupted().then(
    (lines) => lines !== null,
    () => false,
  );
  const facts = { holder: standing.holder, unlocked: isTaken, interrupted: isHalfDone };
  const wait = Math.ceil(LEASE_TERMS.longestActMs / 1000);
  if (!isTaken) say(terminal, stack, 'It was given back meanwhile: no lease is held.', facts);
  else {
    const next = isHalfDone ? 'run keyturn apply: it ends what is half-done first' : 'nothing was half-done';
    const text = `Unlocked ${stack}. The next run waits up to ${wait} s, until no act of that one can be under way; ${next}.`;
    say(terminal, stack, text, facts);
  }
  return EXIT.done;
}

function heldBy(holder: Holder | null): string {
  return holder === null ? 'a claim that cannot be read' : `${holder.holder} (${holder.purpose})`;
}

async function lockedAmong(argv: UnlockArgs): Promise<Locked[]> {
  const records = await openRecords(argv, argv.stack === undefined ? [] : [argv.stack]);
  const standings = await Promise.all(
    records.map(async (each) => ({ ...each, standing: await each.record.standing() })),
  );
  return standings.flatMap(({ standing, ...each }) => (standing === null ? [] : [{ ...each, standing }]));
}

function chosen(locked: readonly Locked[], stack: string | undefined): Locked | null {
  const held = locked.filter(({ standing }) => standing.holder?.isFenced !== true);
  const [only] = held.length > 0 ? held : locked;
  if (only === undefined || stack !== undefined || held.length < 2) return only ?? null;
  throw new Fault({
    code: 'bad-usage',
    what: 'several leases are held',
    where: 'command line',
    live: 'nothing was changed',
    next: `name one of ${held.map((each) => each.stack).join(', ')}`,
  });
}

function description(stack: string, holder: Holder | null, actor: Actor, terminal: Terminal): string {
  if (holder === null) {
    return `The lease of ${stack} is held by a claim that cannot be read: something other than keyturn wrote it.`;
  }
  return renderHeld(stack, holder, livesHere(holder, actor.host), terminal.page);
}

function say(terminal: Terminal, stack: string | undefined, text: string, facts: object): void {
  if (terminal.json) terminal.printJson({ format: 1, stack: stack ?? null, ...facts });
  else terminal.print(hang('', text, terminal.page).join('\n'));
}
