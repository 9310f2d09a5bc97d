import type { Address, SecretAddress } from '../model/address.ts';
import { isSecretAddress, nameOf } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { nearest } from '../model/nearest.ts';

interface Named {
  readonly address: Address;
  readonly path: string;
}

/**
 * Addresses for what a person wrote: a physical address, a construct path, or a short name that only one
 * secret or consumer of these stacks has.
 *
 * Throws one `bad-usage` that lists every name that is unknown (with near misses) or ambiguous (with all it
 * could mean); nothing is guessed.
 */
export function resolveAddresses(written: readonly string[], stacks: readonly Declared[]): Address[] {
  return resolve(written, namedIn(stacks), 'secret or consumer');
}

/** As `resolveAddresses`, for options that take secrets only. */
export function resolveSecrets(written: readonly string[], stacks: readonly Declared[]): SecretAddress[] {
  return resolve(written, secretsIn(stacks), 'secret').filter((address) => isSecretAddress(address));
}

/** Whether `text` names at least one secret of these stacks. Throws nothing and says nothing of the text. */
export function namesSecret(text: string, stacks: readonly Declared[]): boolean {
  return matching(text, secretsIn(stacks)).length > 0;
}

function secretsIn(stacks: readonly Declared[]): Named[] {
  return namedIn(stacks).filter((named) => isSecretAddress(named.address));
}

function namedIn(stacks: readonly Declared[]): Named[] {
  return stacks.flatMap((stack) => [...stack.secrets, ...stack.consumers]);
}

function resolve(written: readonly string[], known: readonly Named[], noun: string): Address[] {
  const problems: Problem[] = [];
  const found = written.flatMap((text) => {
    const matches = matching(text, known);
    const [only] = matches;
    if (only !== undefined && matches.length === 1) return [only];
    problems.push(
      matches.length > 1
        ? { what: `"${text}" could be any of ${matches.join(', ')}`, where: 'command line' }
        : { what: `no ${noun} is called "${text}"`, where: 'command line', next: nearMisses(text, known) },
    );
    return [];
  });
  if (problems.length === 0) return [...new Set(found)];
  const [first] = problems;
  throw new Fault({
    code: 'bad-usage',
    what: first !== undefined && problems.length === 1 ? first.what : 'some addresses are not clear',
    where: 'command line',
    live: 'nothing was changed',
    next: (problems.length === 1 ? first?.next : undefined) ?? 'write the whole address or construct path',
    ...(problems.length === 1 ? {} : { problems }),
  });
}

/** The strictest way to read `text` that means anything: address, then path, then short name. */
function matching(text: string, known: readonly Named[]): Address[] {
  const ways: ((named: Named) => boolean)[] = [
    (named) => named.address === text,
    (named) => named.path === text,
    (named) => nameOf(named.address) === text || named.path.endsWith(`/${text}`),
  ];
  for (const way of ways) {
    const matches = known.filter(way).map((named) => named.address);
    if (matches.length > 0) return [...new Set(matches)];
  }
  return [];
}

function nearMisses(text: string, known: readonly Named[]): string {
  const wanted = text.slice(text.lastIndexOf('/') + 1);
  const names = nearest(wanted, [...new Set(known.map(({ address }) => nameOf(address)))], 3);
  const near = names.flatMap((name) =>
    known.filter(({ address }) => nameOf(address) === name).map(({ address }) => address),
  );
  return near.length > 0
    ? `did you mean ${near.slice(0, 3).join(' or ')}?`
    : 'run keyturn status to see the addresses of these stacks';
}
