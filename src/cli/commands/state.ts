import type { Address, ConsumerAddress, SecretAddress } from '../../model/address.ts';
import { nameOf } from '../../model/address.ts';
import { Fault } from '../../model/fault.ts';
import type { Recorded } from '../../model/recorded.ts';
import { renderStateList, renderStateShow } from '../../report/state-text.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { RecordArgs } from '../records.ts';
import { openRecords } from '../records.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { openTerminal, remark } from '../terminal.ts';

export interface ListArgs extends GeneralArgs, RecordArgs {
  readonly stack: readonly string[];
}

export interface ShowArgs extends GeneralArgs, RecordArgs {
  readonly address: string | undefined;
}

export async function list(argv: ListArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const states = await readAll(argv, argv.stack, terminal);
  if (terminal.json) terminal.printJson({ format: 1, stacks: states.map(summary) });
  else if (states.length === 0) terminal.print('Nothing is recorded yet.');
  else terminal.print(states.map((recorded) => renderStateList(recorded, terminal.page)).join('\n\n'));
  return EXIT.done;
}

export async function show(argv: ShowArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const states = await readAll(argv, [], terminal);
  const found = argv.address === undefined ? everything(states) : [findOnRecord(argv.address, states)];
  if (terminal.json) {
    terminal.printJson({ format: 1, recorded: found.map((each) => ({ ...each, recorded: recordOf(each) })) });
  } else if (found.length === 0) {
    terminal.print('Nothing is recorded yet.');
  } else {
    terminal.print(
      found.map(({ recorded, address }) => renderStateShow(recorded, address, terminal.page)).join('\n\n'),
    );
  }
  return EXIT.done;
}

interface OnRecord {
  readonly stack: string;
  readonly address: Address;
  readonly recorded: Recorded;
}

/** Of all stacks, those whose record was moved away are told in a line; a named one is a fault. */
async function readAll(argv: RecordArgs, stacks: readonly string[], terminal: Terminal): Promise<Recorded[]> {
  const records = await openRecords(argv, stacks);
  const states = records.map(async ({ record }) => {
    try {
      return [await record.read()];
    } catch (thrown) {
      const isAway = thrown instanceof Fault && thrown.code === 'record-moved';
      if (!isAway || stacks.length > 0) throw thrown;
      remark(terminal, thrown.message);
      return [];
    }
  });
  return (await Promise.all(states)).flat();
}

function summary(recorded: Recorded): object {
  const { stack, lineage, serial } = recorded;
  return { stack, lineage, serial, addresses: everything([recorded]).map(({ address }) => address) };
}

function everything(states: readonly Recorded[]): OnRecord[] {
  return states.flatMap((recorded) =>
    ([...Object.keys(recorded.secrets).sort(), ...Object.keys(recorded.consumers).sort()] as Address[]).map(
      (address) => ({ stack: recorded.stack, address, recorded }),
    ),
  );
}

function recordOf({ recorded, address }: OnRecord): unknown {
  return recorded.secrets[address as SecretAddress] ?? recorded.consumers[address as ConsumerAddress];
}

/** Paths are declarations' and not on record: here an address or its last part names one. */
function findOnRecord(written: string, states: readonly Recorded[]): OnRecord {
  const all = everything(states);
  const exact = all.filter(({ address }) => address === written);
  const matches = exact.length > 0 ? exact : all.filter(({ address }) => nameOf(address) === written);
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  throw new Fault({
    code: 'bad-usage',
    what:
      matches.length > 1
        ? `"${written}" could be any of ${matches.map(({ address }) => address).join(', ')}`
        : `"${written}" is not on record`,
    where: 'command line',
    next:
      matches.length > 1 ? 'write the whole address' : 'run keyturn state list for the addresses that are',
  });
}
