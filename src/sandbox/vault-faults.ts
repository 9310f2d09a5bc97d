import { Fault } from '../model/fault.ts';

/** The vault's operations, by the names that its audit log uses. */
export const VAULT_OPERATIONS = [
  'SecretSet',
  'SecretGet',
  'SecretUpdate',
  'SecretList',
  'SecretListVersions',
  'SecretDelete',
  'SecretGetDeleted',
  'SecretListDeleted',
  'SecretRecover',
  'SecretPurge',
] as const;
export type VaultOperation = (typeof VAULT_OPERATIONS)[number];

/** Which requests a rule is about. A request without a token is never matched: it only collects the challenge. */
export interface FaultMatch {
  readonly operation?: VaultOperation;
  /** Name of the secret, whatever its case. */
  readonly secret?: string;
  /** Counts the matching requests from 1; the rule acts from this one on. 1 unless said. */
  readonly nth?: number;
}

/** What goes wrong, and for how many matching requests in a row (1 unless said). */
export type FaultRule = { readonly match: FaultMatch; readonly times?: number | 'always' } & (
  | {
      readonly action: 'fail';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly inner?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** The request is carried out all the same, before the failure is answered. */
      readonly done?: boolean;
    }
  /** Carried out after so long, whether the client still waits or not: a late arrival. */
  | { readonly action: 'delay'; readonly ms: number }
  /** 429 without Retry-After. */
  | { readonly action: 'throttle' }
  /** Closes the connection; `drop-before` does nothing else, `drop-after` carries the request out first. */
  | { readonly action: 'drop-before' | 'drop-after' }
  /** No answer and nothing done until the server closes. */
  | { readonly action: 'hang' }
);

/** Rules in the order in which they were given. Each counts the requests that it matches on its own. */
export class FaultRules {
  #rules: { readonly rule: FaultRule; seen: number }[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ rule, seen: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** Counts one request and returns the first rule that acts on it. Call it once for each request. */
  take(operation: VaultOperation, secret: string | null): FaultRule | null {
    let acting: FaultRule | null = null;
    for (const entry of this.#rules) {
      if (!isAbout(entry.rule.match, operation, secret)) continue;
      entry.seen += 1;
      const first = entry.rule.match.nth ?? 1;
      const times = entry.rule.times ?? 1;
      const last = times === 'always' ? Number.POSITIVE_INFINITY : first + times - 1;
      if (acting === null && entry.seen >= first && entry.seen <= last) acting = entry.rule;
    }
    return acting;
  }
}

function isAbout(match: FaultMatch, operation: VaultOperation, secret: string | null): boolean {
  if (match.operation !== undefined && match.operation !== operation) return false;
  return match.secret === undefined || match.secret.toLowerCase() === secret?.toLowerCase();
}

/** Rules from outside: one, or a list. Throws a `bad-usage` fault that names the first thing that is wrong. */
export function parseFaultRules(json: unknown): FaultRule[] {
  return (Array.isArray(json) ? json : [json]).map((each: unknown) => parseRule(each));
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1;
const isText = (value: unknown) => typeof value === 'string';
const isAbsent = (value: unknown) => value === undefined;

function parseRule(json: unknown): FaultRule {
  const rule = record(json, 'rule');
  const match = record(rule['match'] ?? {}, 'match');
  check(isAbsent(match['operation']) || VAULT_OPERATIONS.some((o) => o === match['operation']), 'operation');
  check(isAbsent(match['secret']) || isText(match['secret']), 'secret');
  check(isAbsent(match['nth']) || isCount(match['nth']), 'nth');
  check(isAbsent(rule['times']) || rule['times'] === 'always' || isCount(rule['times']), 'times');
  checkAction(rule);
  return { ...rule, match } as unknown as FaultRule;
}

function checkAction(rule: Readonly<Record<string, unknown>>): void {
  switch (rule['action']) {
    case 'fail': {
      const status = rule['status'];
      check(typeof status === 'number' && isCount(status) && status >= 400 && status <= 599, 'status');
      for (const key of ['code', 'message', 'inner']) check(isAbsent(rule[key]) || isText(rule[key]), key);
      check(Object.values(record(rule['headers'] ?? {}, 'headers')).every(isText), 'headers');
      check(isAbsent(rule['done']) || typeof rule['done'] === 'boolean', 'done');
      return;
    }
    case 'delay':
      check(typeof rule['ms'] === 'number' && rule['ms'] >= 0 && rule['ms'] < 2 ** 31, 'ms');
      return;
    case 'throttle':
    case 'drop-before':
    case 'drop-after':
    case 'hang':
      return;
    default:
      check(false, 'action');
  }
}

function record(json: unknown, field: string): Readonly<Record<string, unknown>> {
  check(typeof json === 'object' && json !== null && !Array.isArray(json), field);
  return json as Readonly<Record<string, unknown>>;
}

function check(holds: boolean, field: string): asserts holds {
  if (holds) return;
  throw new Fault({
    code: 'bad-usage',
    what: `a fault rule of the embedded vault has a wrong "${field}"`,
    where: 'POST /_keyturn/faults',
    next: 'docs/SANDBOX-VAULT.md lists what a rule may hold',
  });
}
