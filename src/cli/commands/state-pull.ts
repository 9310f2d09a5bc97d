import { bundleText } from '../../record/bundle.ts';
import { bundleIn } from '../../record/transfer.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { RecordArgs } from '../records.ts';
import { openOneRecord } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface PullArgs extends GeneralArgs, RecordArgs {
  readonly stack: string | undefined;
}

/** Prints a whole record. Takes no lease and changes nothing; half a record is refused. */
export async function run(argv: PullArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const { record } = await openOneRecord(argv, argv.stack);
  const bundle = bundleIn(await record.look(), record.store.place);
  terminal.printRecord(bundleText(bundle).trimEnd());
  return EXIT.done;
}
