import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import type { SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { MAX_VALUE_BYTES, SecretValue } from '../model/secret-value.ts';
import { resolveSecrets } from './address.ts';

interface Given {
  readonly address: SecretAddress;
  readonly from: string;
}

/**
 * The values that a person hands in with `--value ADDR=…`, by address. Nothing of them is printed: no message
 * names more than the address and where the value was to come from.
 *
 * Refused, all at once: a secret that is not manual, a source that cannot be read, an empty value, one over
 * 25 KB, a file that is not UTF-8. Standard input is read at most once. One newline at the end of it, or of a
 * file, is not part of the value: editors and `echo` put it there.
 */
export async function readValues(
  written: readonly string[],
  stacks: readonly Declared[],
): Promise<ReadonlyMap<SecretAddress, SecretValue>> {
  const given = written.map((entry) => parseEntry(entry, stacks));
  const problems = shapeProblems(given, stacks);
  const values = new Map<SecretAddress, SecretValue>();
  if (problems.length === 0) {
    for (const { address, from } of given) {
      const value = await readValue(address, from, problems);
      const problem = value?.problem() ?? null;
      if (problem !== null)
        problems.push({ what: `the value is ${problem}`, where: `${address} from ${from}` });
      if (value !== null) values.set(address, value);
    }
  }
  const [first] = problems;
  if (first === undefined) return values;
  throw new Fault({
    code: 'value-refused',
    what: problems.length === 1 ? first.what : 'some values cannot be used',
    where: problems.length === 1 ? first.where : '--value',
    live: 'nothing was changed',
    next: first.next ?? `give 1 to ${MAX_VALUE_BYTES} bytes for each manual secret`,
    ...(problems.length === 1 ? {} : { problems }),
  });
}

function parseEntry(entry: string, stacks: readonly Declared[]): Given {
  const split = /^([^=]+)=(-|file:.+|env:.+)$/s.exec(entry);
  const [, name = '', from = ''] = split ?? [];
  const [address] = split === null ? [] : resolveSecrets([name], stacks);
  if (address !== undefined) return { address, from };
  // What stands behind `=` may be a value that was written by mistake: it is not repeated.
  throw new Fault({
    code: 'bad-usage',
    what: `--value does not take "${entry.split('=', 1)[0] ?? ''}=…" in this form`,
    where: 'command line',
    live: 'nothing ran',
    next: 'write ADDR=- for standard input, ADDR=file:PATH or ADDR=env:NAME; never the value itself',
  });
}

function shapeProblems(given: readonly Given[], stacks: readonly Declared[]): Problem[] {
  const problems: Problem[] = [];
  const secrets = stacks.flatMap((stack) => stack.secrets);
  for (const { address } of given) {
    const source = secrets.find((secret) => secret.address === address)?.source.kind;
    if (source !== 'manual') {
      problems.push({ what: `its source is ${source}, so it takes no value from a person`, where: address });
    }
    if (given.filter((other) => other.address === address).length > 1) {
      problems.push({ what: 'it is given more than one value', where: address });
    }
  }
  if (given.filter(({ from }) => from === '-').length > 1) {
    problems.push({ what: 'standard input can hold the value of one secret only', where: '--value' });
  }
  return problems;
}

async function readValue(
  address: SecretAddress,
  from: string,
  problems: Problem[],
): Promise<SecretValue | null> {
  if (from === '-') {
    const plaintext = process.stdin.isTTY ? await askHidden(address) : await text(process.stdin);
    return new SecretValue(plaintext.replace(/\r?\n$/, ''));
  }
  if (from.startsWith('env:')) {
    const plaintext = process.env[from.slice(4)];
    if (plaintext !== undefined) return new SecretValue(plaintext);
    problems.push({ what: `the environment has no "${from.slice(4)}"`, where: address });
    return null;
  }
  try {
    const bytes = await readFile(from.slice(5));
    const plaintext = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return new SecretValue(plaintext.replace(/\r?\n$/, ''));
  } catch (error) {
    const why = error instanceof TypeError ? 'is not UTF-8 text' : 'cannot be read';
    problems.push({ what: `"${from.slice(5)}" ${why}`, where: address });
    return null;
  }
}

/** One line from the terminal, which shows none of it. */
async function askHidden(address: SecretAddress): Promise<string> {
  process.stderr.write(`Value of ${address} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
