import { isCalled, secretsOf } from '../../audit/about.ts';
import { lifeOf } from '../../audit/life.ts';
import type { SecretAddress } from '../../model/address.ts';
import { nameOf } from '../../model/address.ts';
import type { Problem } from '../../model/fault.ts';
import { Fault } from '../../model/fault.ts';
import type { HistoryEntry } from '../../model/journal.ts';
import { nearest } from '../../model/nearest.ts';
import type { RecordedSecret } from '../../model/recorded.ts';
import { renderLife } from '../../report/history-life.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { refuseWrong } from '../history-filter.ts';
import type { NamedRecord } from '../records.ts';
import { openOneRecord } from '../records.ts';
import { openTerminal, remark } from '../terminal.ts';
import type { ShowArgs } from './history.ts';

/** Shows the life of one secret: `history show --secret ADDR [STACK]`. */
export async function showLife(argv: ShowArgs, written: string): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  refuseWrong(wrongWith(argv));
  const named = await openOneRecord(argv, argv.entry);
  const entries = await named.record.history.upTo(Infinity);
  const secret = secretCalled(written, entries, named);
  const { recorded, fault } = await recordedOf(secret, named);
  if (fault !== null) remark(terminal, `the record beside it could not be read, so no soak of now: ${fault}`);
  const life = lifeOf(secret, entries, recorded);
  if (terminal.json) terminal.printJson({ format: 1, stack: named.stack, ...life });
  else terminal.print(renderLife(life, terminal.page));
  return EXIT.done;
}

/** With `--secret` the one word that may follow is the stack. */
function wrongWith({ entry, stack, secret }: ShowArgs): Problem[] {
  const next = 'keyturn history show 12 [STACK], or keyturn history show --secret ADDR [STACK]';
  const problems: Problem[] = [];
  if (secret?.trim() === '') problems.push({ what: '--secret is empty', where: 'command line' });
  const isNumber = entry !== undefined && /^\d+$/.test(entry);
  if (isNumber || stack !== undefined) {
    const what = `an entry ("${entry}") and a secret ("${secret}") are asked for at once`;
    problems.push({ what, where: 'command line', next });
  }
  return problems;
}

/** The one secret of this history that is meant. */
function secretCalled(
  written: string,
  entries: readonly HistoryEntry[],
  { stack }: NamedRecord,
): SecretAddress {
  const known = [...new Set(entries.flatMap((entry) => [...secretsOf(entry)]))].sort();
  const meant = known.filter((address) => isCalled(address, written));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  const near = nearest(written.slice(written.lastIndexOf('/') + 1), known.map(nameOf), 3);
  const alike = known.filter((address) => near.includes(nameOf(address)));
  throw new Fault({
    code: 'bad-usage',
    what:
      meant.length > 1
        ? `"${written}" could be any of ${meant.join(', ')}`
        : `no entry of "${stack}" names a secret "${written}"`,
    where: 'command line',
    next:
      meant.length > 1
        ? 'write the whole address'
        : alike.length > 0
          ? `did you mean ${alike.join(' or ')}?`
          : 'run keyturn state list for the addresses that are on record',
  });
}

/** The history can be read without a state beside it, as in a copy of it alone. */
async function recordedOf(
  secret: SecretAddress,
  { record }: NamedRecord,
): Promise<{ readonly recorded: RecordedSecret | null; readonly fault: string | null }> {
  try {
    return { recorded: (await record.read()).secrets[secret] ?? null, fault: null };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return { recorded: null, fault: thrown.message };
  }
}
