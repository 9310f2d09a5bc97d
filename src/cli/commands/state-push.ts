import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Fault } from '../../model/fault.ts';
import type { Bundle } from '../../record/bundle.ts';
import { parseBundle } from '../../record/bundle.ts';
import type { Received } from '../../record/transfer.ts';
import { judge } from '../../record/transfer.ts';
import { renderReceived } from '../../report/transfer-text.ts';
import { actorOf } from '../actor.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { LeaseArgs } from '../lease.ts';
import { Gate, underLease } from '../lease.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { openRecord, requireLasting } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface PushArgs extends GeneralArgs, WritesArgs, LeaseArgs {
  readonly file: string;
  readonly stack: string | undefined;
  readonly manifest: string | undefined;
  readonly dryRun: boolean;
}

/** Writes a pulled record into that of its stack, under the lease, where it may follow what is there. */
export async function run(argv: PushArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const bundle = await readBundle(argv.file);
  if (argv.stack !== undefined && argv.stack !== bundle.stack) throw ofAnother(bundle.stack, argv);
  const interrupt = watchInterrupts(terminal);
  try {
    const project = { directory: argv.directory, stack: [bundle.stack], manifest: argv.manifest };
    const [declared] = await readDeclared(project, terminal, interrupt.signal);
    if (declared === undefined) return EXIT.failed;
    if (!argv.dryRun) requireLasting(argv, declared, process.env);
    const record = await openRecord(argv, declared);
    const { place } = record.store;
    const foreseen = judge(bundle, await record.look(), place, false);
    const received =
      argv.dryRun || foreseen.isSame
        ? foreseen
        : await underLease(
            record,
            {
              argv,
              run: {
                id: randomUUID(),
                actor: await actorOf(process.env, argv.directory),
                purpose: 'state push',
              },
              terminal,
              signal: interrupt.signal,
              gate: new Gate(),
            },
            (held) => held.receive(bundle),
          );
    if (terminal.json) terminal.printJson(document(bundle, received, !argv.dryRun && !received.isSame));
    else terminal.print(renderReceived({ stack: bundle.stack, place, received, isDry: argv.dryRun }));
    return EXIT.done;
  } finally {
    interrupt.stop();
  }
}

function document({ stack, lineage }: Bundle, { from, to, missing }: Received, isWritten: boolean): object {
  return { format: 1, stack, lineage, written: isWritten, from, to, entries: missing.length };
}

async function readBundle(file: string): Promise<Bundle> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault({
      code: 'bad-file',
      what: 'the file cannot be read',
      where: file,
      live: 'nothing was changed',
      next: 'name a file that keyturn state pull wrote',
      cause,
    });
  });
  return parseBundle(text, file);
}

function ofAnother(stack: string, argv: PushArgs): Fault {
  return new Fault({
    code: 'record-conflict',
    what: `the file holds the record of ${stack}, not of ${argv.stack ?? stack}`,
    where: argv.file,
    live: 'nothing was changed',
    next: 'name the file of that stack',
  });
}
