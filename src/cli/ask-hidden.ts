import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { SecretAddress } from '../model/address.ts';
import { guarded } from '../model/guard.ts';
import type { Blocked } from '../model/plan.ts';
import { MAX_VALUE_BYTES, SecretValue } from '../model/secret-value.ts';
import { hang } from '../report/table.ts';
import type { Terminal } from './terminal.ts';

/**
 * One line from the terminal, which shows none of it. An interrupt, or the end of the input, is an empty one; null:
 * several lines came at once, of which none is taken.
 */
export async function askHidden(question: string, signal: AbortSignal): Promise<string | null> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // Before the question is seen: from then on nothing is echoed.
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  process.stderr.write(guarded(question));
  let more = 0;
  // The first line answers the question and is not told of here.
  lines.on('line', () => (more += 1));
  try {
    const closed = new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      // readline takes Ctrl-C for itself while it asks.
      lines.once('SIGINT', () => process.emit('SIGINT'));
    });
    const answer = await Promise.race([lines.question('', { signal }), closed]);
    return more === 0 ? answer : null;
  } catch (error) {
    if (signal.aborted) return '';
    throw error;
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

/**
 * Asks a person for the values of the manual secrets that await one, one after the other; what is left empty goes on
 * waiting. A value that no vault would take is asked for again. Nothing is asked after an interrupt.
 */
export async function askForValues(
  awaiting: readonly Blocked[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ReadonlyMap<SecretAddress, SecretValue>> {
  const values = new Map<SecretAddress, SecretValue>();
  if (awaiting.length === 0) return values;
  const page = terminal.errorPage;
  const count = awaiting.length === 1 ? 'A secret awaits' : `${awaiting.length} secrets await`;
  terminal.say(page.paint('bold', `${count} a value that only a person can bring.`));
  terminal.say('  What you type is not shown. An empty line leaves the secret waiting.\n');
  for (const { address, text } of awaiting) {
    if (signal.aborted) break;
    terminal.say(hang('', `${address}: ${text}`, page).join('\n'));
    while (!signal.aborted) {
      const answer = await askHidden('  value: ', signal);
      if (answer === null) {
        terminal.say(
          `  that was more than one line, and none is taken: --value ${address}=file:PATH takes such a value`,
        );
        continue;
      }
      const value = new SecretValue(answer);
      const problem = value.problem();
      if (problem === 'empty') break;
      if (problem === null) {
        values.set(address as SecretAddress, value);
        break;
      }
      terminal.say(`  a vault takes 1 to ${MAX_VALUE_BYTES} bytes; try again`);
    }
  }
  return values;
}
