import { freezeProblems, windowProblems } from '../calendar/opening-rules.ts';
import { cadenceProblems, durationProblem } from '../calendar/rules.ts';
import type { IsoDuration } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Freeze } from '../model/openings.ts';
import type { Declaration } from './declaration.ts';

/** What is wrong with a declaration, and what to write instead. */
export interface Found {
  readonly at: Declaration;
  readonly what: string;
  readonly next: string;
}

/** A declared secret, where it stands. */
export interface SecretAt {
  readonly at: Declaration;
  readonly secret: DeclaredSecret;
}

/** `busflow/db-writer (stacks/busflow.ts:14)` */
export function place(at: Declaration): string {
  return at.position === null ? at.path : `${at.path} (${at.position})`;
}

/** The secrets whose dates and lengths can be computed with; what is wrong with the others is said by the rules of fields. */
export function datedSecrets(all: readonly Declaration[]): SecretAt[] {
  return all.flatMap((at) => {
    if (at.item.kind !== 'secret') return [];
    const { secret } = at.item;
    const lengths = [secret.soak, secret.grace, ...secret.apart.map(({ by }) => by)];
    const wrong = [...cadenceProblems(secret.cadence), ...secret.windows.flatMap(windowProblems)];
    return wrong.length > 0 || !lengths.every(isLength) ? [] : [{ at, secret }];
  });
}

/** Tells which freezes hold a secret; those that are wrong hold nobody. */
export function freezesIn(all: readonly Declaration[]): (of: SecretAt) => Freeze[] {
  const freezes = all.flatMap(({ stack, item }) =>
    item.kind === 'freeze' && freezeProblems(item.freeze).length === 0
      ? [{ stack, freeze: item.freeze }]
      : [],
  );
  return ({ at, secret }) =>
    freezes.flatMap(({ stack, freeze }) => {
      const isHeld = freeze.secrets.length === 0 || freeze.secrets.includes(secret.address);
      return stack === at.stack && isHeld ? [freeze] : [];
    });
}

/** Every declaration whose key an earlier one has, with the first that has it. */
export function repeats(
  all: readonly Declaration[],
  keyOf: (at: Declaration) => string | null,
): { readonly at: Declaration; readonly first: Declaration }[] {
  const firsts = new Map<string, Declaration>();
  return all.flatMap((at) => {
    const key = keyOf(at);
    if (key === null) return [];
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, at);
    return first === undefined ? [] : [{ at, first }];
  });
}

function isLength(text: IsoDuration): boolean {
  return durationProblem(text, true) === null;
}
