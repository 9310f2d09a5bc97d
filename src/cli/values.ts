import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { MAX_VALUE_BYTES, SecretValue } from '../model/secret-value.ts';
import { namesSecret, resolveSecrets } from './address.ts';
import { askHidden } from './ask-hidden.ts';

interface Given {
  readonly address: SecretAddress;
  readonly from: string;
}

/** `ADDR=-`, `ADDR=file:PATH` or `ADDR=env:NAME`. */
const FORM = /^([^=]+)=(-|file:.+|env:.+)$/s;

/**
 * Refuses a `--value` that is in none of its forms, before anything runs. What was written may be the value
 * itself, so nothing of it is repeated.
 */
export function requireSources(written: readonly string[]): void {
  const index = written.findIndex((entry) => !FORM.test(entry));
  if (index === -1) return;
  throw new Fault({
    code: 'bad-usage',
    what: `${nthValue(index, written)} is not in a form that it takes`,
    where: 'command line',
    live: 'nothing ran',
    next: 'write ADDR=- for standard input, ADDR=file:PATH or ADDR=env:NAME; never the value itself',
  });
}

/**
 * The values that a person hands in with `--value ADDR=…`, by address. Nothing of them is printed: no message
 * names more than the address and, if there is such a file or variable, where the value came from. A variable
 * that was read is gone from this process's environment afterwards, so that no child inherits it.
 *
 * Refused, all at once: a secret that is not manual, a source that cannot be read, an empty value, one over
 * 25 KB, one that is not UTF-8. Standard input is read at most once. One newline at the end of it, or of a
 * file, is not part of the value: editors and `echo` put it there.
 */
export async function readValues(
  written: readonly string[],
  stacks: readonly Declared[],
  signal: AbortSignal,
): Promise<ReadonlyMap<SecretAddress, SecretValue>> {
  requireSources(written);
  const given = written.map((entry, index) => parseEntry(entry, nthValue(index, written), stacks));
  const problems = shapeProblems(given, stacks);
  const values = new Map<SecretAddress, SecretValue>();
  if (problems.length === 0) {
    for (const { address, from } of given) {
      const value = await readValue(address, from, problems, signal);
      const problem = value?.problem() ?? null;
      if (problem !== null)
        problems.push({ what: `the value is ${problem}`, where: `${address} from ${from}` });
      if (value !== null) values.set(address, value);
    }
    for (const { from } of given) if (from.startsWith('env:')) delete process.env[from.slice(4)];
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

function nthValue(index: number, written: readonly string[]): string {
  return written.length === 1 ? '--value' : `--value (${index + 1} of ${written.length})`;
}

function parseEntry(entry: string, option: string, stacks: readonly Declared[]): Given {
  const [, name = '', from = ''] = FORM.exec(entry) ?? [];
  // What names no secret may be a value that was written by mistake: it is not repeated.
  const [address] = namesSecret(name, stacks) ? resolveSecrets([name], stacks) : [];
  if (address !== undefined) return { address, from };
  throw new Fault({
    code: 'bad-usage',
    what: `what stands before "=" in ${option} names no secret of these stacks`,
    where: 'command line',
    live: 'nothing was changed',
    next: 'run keyturn status to see the addresses of these stacks',
  });
}

function shapeProblems(given: readonly Given[], stacks: readonly Declared[]): Problem[] {
  const problems: Problem[] = [];
  const secrets = stacks.flatMap((stack) => stack.secrets);
  for (const { address } of given) {
    const source = secrets.find((secret) => secret.address === address)?.source.kind;
    if (source !== 'manual') {
      problems.push({
        what: `its source is ${source}, so it takes no value from a person`,
        where: address,
        next: `drop its --value; keyturn makes its values: keyturn apply --rotate ${address}`,
      });
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
  signal: AbortSignal,
): Promise<SecretValue | null> {
  if (from === '-') {
    if (process.stdin.isTTY) return typedValue(address, problems, signal);
    return decode(await buffer(process.stdin), 'standard input', address, problems);
  }
  if (from.startsWith('env:')) {
    const plaintext = process.env[from.slice(4)];
    if (plaintext !== undefined) return new SecretValue(plaintext);
    problems.push({ what: 'the variable that env: names is not in the environment', where: address });
    return null;
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(from.slice(5));
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    problems.push({ what: `the file that file: names cannot be read${why}`, where: address });
    return null;
  }
  return decode(bytes, `"${from.slice(5)}"`, address, problems);
}

async function typedValue(
  address: SecretAddress,
  problems: Problem[],
  signal: AbortSignal,
): Promise<SecretValue | null> {
  const line = await askHidden(`Value of ${address} (not shown): `, signal);
  if (signal.aborted)
    throw new Fault({
      code: 'interrupted',
      what: 'interrupted while a value was asked for',
      live: 'nothing was changed',
    });
  if (line !== null) return new SecretValue(line);
  problems.push({
    what: 'more than one line was given, and none is taken: file: takes such a value',
    where: address,
  });
  return null;
}

function decode(
  bytes: Buffer,
  source: string,
  address: SecretAddress,
  problems: Problem[],
): SecretValue | null {
  try {
    const plaintext = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return new SecretValue(plaintext.replace(/\r?\n$/, ''));
  } catch {
    problems.push({ what: `${source} is not UTF-8 text`, where: address });
    return null;
  }
}
