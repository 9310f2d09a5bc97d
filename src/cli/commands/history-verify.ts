import { readFile } from 'node:fs/promises';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import type { Verification } from '../../model/verification.ts';
import { parseAuditLog } from '../../record/audit-log-file.ts';
import { renderVerification } from '../../report/verification-text.ts';
import type { WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import { readLastSynth, readManifest } from '../project.ts';
import type { NamedRecord, RecordArgs } from '../records.ts';
import { openRecords } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal, titled } from '../terminal.ts';
import type { AuditLog } from '../verification.ts';
import { verificationOf } from '../verification.ts';

export interface VerifyArgs extends GeneralArgs, RecordArgs {
  readonly stack: readonly string[];
  readonly auditLog: string | undefined;
  readonly chainOnly: boolean;
}

/**
 * Verifies the histories of these stacks, or of all that are known; runs no code of the project and changes nothing.
 * Exit 1 where anything is found; a witness that could not be asked is said and finds nothing.
 */
export async function run(argv: VerifyArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const records = await openRecords(argv, argv.stack);
  const declared = await knownManifests(argv);
  const log = argv.auditLog === undefined ? null : await readLog(argv.auditLog);
  const interrupt = watchInterrupts(terminal);
  const world = await openWorld(
    argv,
    records.flatMap(({ stack }) => declared.get(stack) ?? []),
    'planner',
    terminal,
  );
  try {
    const verifications: Verification[] = [];
    for (const each of records) {
      const of = declared.get(each.stack);
      const vaults = of === undefined || argv.chainOnly ? null : await world.vaultsOf(of);
      verifications.push(
        await verificationOf(each.record, { vaults, signal: interrupt.signal }, logOf(log, of, each)),
      );
    }
    if (terminal.json) terminal.printJson({ format: 1, stacks: verifications });
    else if (verifications.length === 0) terminal.print('Nothing was applied yet.');
    else
      for (const each of verifications)
        terminal.print(
          titled(each.stack, records.length > 1, renderVerification(each, terminal.page), terminal),
        );
    return verifications.some(({ findings }) => findings.length > 0) ? EXIT.failed : EXIT.done;
  } finally {
    await world.close();
    interrupt.stop();
  }
}

/** The manifests that say which vaults a stack has: the given one, else those of the last synth. */
async function knownManifests(argv: WorldArgs & RecordArgs): Promise<ReadonlyMap<string, Declared>> {
  const manifests =
    argv.manifest === undefined ? await readLastSynth(argv.directory) : [await readManifest(argv.manifest)];
  return new Map(manifests.map((each) => [each.stack, each]));
}

type Log = Omit<AuditLog, 'declared'>;

async function readLog(file: string): Promise<Log> {
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new Fault({
      code: 'bad-usage',
      what: 'the audit log cannot be read',
      where: file,
      live: 'nothing was changed',
      next: 'name the file that was exported from the storage account or from Log Analytics',
      cause: thrown,
    });
  });
  return { file, rows: parseAuditLog(text, file) };
}

function logOf(
  log: Log | null,
  declared: Declared | undefined,
  { stack }: NamedRecord,
): AuditLog | undefined {
  if (log === null) return undefined;
  if (declared !== undefined) return { ...log, declared };
  throw new Fault({
    code: 'bad-usage',
    what: `which vaults "${stack}" has is not known, so that its log cannot be compared`,
    where: log.file,
    live: 'nothing was changed',
    next: 'run keyturn synth first, or give --manifest',
  });
}
