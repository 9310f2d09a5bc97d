import { randomUUID } from 'node:crypto';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import type { Actor } from '../../model/journal.ts';
import type { Seal } from '../../model/seal.ts';
import type { Vault } from '../../model/vault.ts';
import type { HeldRecord } from '../../record/held-record.ts';
import { renderVerification } from '../../report/verification-text.ts';
import { actorOf } from '../actor.ts';
import { ask, requireApprover } from '../approve.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { commitOf } from '../git.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { LeaseArgs } from '../lease.ts';
import { underLease } from '../lease.ts';
import { readLastSynth, readManifest } from '../project.ts';
import type { NamedRecord, RecordArgs } from '../records.ts';
import { openOneRecord } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';
import { verificationOf } from '../verification.ts';

export interface SealArgs extends GeneralArgs, RecordArgs, LeaseArgs {
  readonly stack: string | undefined;
  readonly autoApprove: boolean;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

/**
 * Lets the vaults witness the newest entry of a history, in the place of whatever they had sealed: for a record that was
 * lost and begun anew, or brought back from a copy. Shows what they say and asks; the entry that it writes names what was
 * given up. Exit 1 where a person says no.
 */
export async function run(argv: SealArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const found = await openOneRecord(argv, argv.stack);
  const declared = await manifestOf(argv, found);
  const interrupt = watchInterrupts(terminal);
  const world = await openWorld(argv, [declared], 'applier', terminal);
  try {
    const vaults = await world.vaultsOf(declared);
    const verification = await verificationOf(found.record, { vaults, signal: interrupt.signal });
    if (!terminal.json) terminal.print(`${renderVerification(verification, terminal.page)}\n`);
    if (verification.head === null) throw nothingYet(found);
    requireApprover(terminal, argv.autoApprove, 'history seal');
    if (!argv.autoApprove && !(await ask(terminal, interrupt.signal))) {
      terminal.print('\nNothing was sealed.');
      return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
    }
    const actor = await actorOf(process.env, argv.directory);
    const run = { id: randomUUID(), actor, purpose: 'history seal' as const };
    const claiming = { argv, run, terminal, signal: interrupt.signal, gate: world.gate };
    const sealed = await underLease(found.record, claiming, (held) =>
      sealNow(held, found, [...vaults.values()], run, argv),
    );
    if (terminal.json) terminal.printJson({ format: 1, stack: found.stack, ...sealed });
    else
      terminal.print(
        `Sealed: entry ${sealed.entry} is the newest, and ${sealed.vaults.join(', ')} witness it.`,
      );
    return EXIT.done;
  } finally {
    await world.close();
    interrupt.stop();
  }
}

async function sealNow(
  held: HeldRecord,
  { stack, record }: NamedRecord,
  vaults: readonly Vault[],
  { id, actor }: { readonly id: string; readonly actor: Actor },
  argv: SealArgs,
): Promise<{ readonly entry: number; readonly vaults: readonly string[] }> {
  if ((await record.interrupted()) !== null) throw unfinished(stack);
  const given = await Promise.all(
    vaults.map(async (vault) => ({
      vault: vault.name,
      seal: (await vault.seals()).find((each) => each.stack === stack) ?? null,
    })),
  );
  const why = { reason: argv.reason ?? null, ticket: argv.ticket ?? null, planDigest: null };
  const commit = await commitOf(process.env, argv.directory);
  const notes = given.map(({ vault, seal }) => `vault ${vault} had sealed ${sealText(seal)}`);
  await held.note({ kind: 'seal', id, at: now(), actor, ...why, commit, notes });
  const { lineage, head } = await record.read();
  if (head === null) throw new TypeError('[unexpected] a history without its entry');
  for (const vault of vaults)
    await vault.seal({ stack, lineage, ...head }, () => Promise.resolve(), held.fence.lost);
  return { entry: head.entry, vaults: vaults.map(({ name }) => name) };
}

function sealText(seal: Seal | null): string {
  return seal === null
    ? 'nothing'
    : `entry ${seal.entry} (${seal.digest}) of lineage ${seal.lineage} at ${seal.at}`;
}

async function manifestOf(argv: SealArgs, { stack }: NamedRecord): Promise<Declared> {
  const known =
    argv.manifest === undefined ? await readLastSynth(argv.directory) : [await readManifest(argv.manifest)];
  const declared = known.find((each) => each.stack === stack);
  if (declared !== undefined) return declared;
  throw new Fault({
    code: 'bad-usage',
    what: `which vaults "${stack}" has is not known`,
    where: 'command line',
    live: 'nothing was changed',
    next: 'run keyturn synth first, or give --manifest',
  });
}

function nothingYet({ stack }: NamedRecord): Fault {
  return new Fault({
    code: 'bad-usage',
    what: `there is no history of "${stack}" yet`,
    where: 'command line',
    live: 'nothing was changed',
    next: 'the first apply seals it',
  });
}

function unfinished(stack: string): Fault {
  return new Fault({
    code: 'unfinished',
    what: 'an earlier apply did not end',
    where: `stack ${stack}`,
    live: 'nothing was sealed',
    next: 'run keyturn apply: it ends that one first, and seals the history if it may',
  });
}
