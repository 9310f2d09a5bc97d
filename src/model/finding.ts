import type { Address } from './address.ts';

/**
 * What `drift` and `check` look for. The words are stable: they stand in JSON, in SARIF and in the docs, and people
 * silence or route by them. docs/FINDINGS.md has a chapter for each.
 */
export const FINDING_RULES = {
  // drift: what vaults and platforms hold is not what was last written down.
  'orphan': 'a copy on the platform that nothing declares and nothing reads',
  'missing': 'declared or mounted, and not there',
  'moved': 'somebody else made another version the newest in the vault',
  'stuck': 'a consumer that still reads an older version',
  'edited': 'somebody else changed the service',
  'superseded': 'a deploy from an outdated file named older versions again',
  'disabled': 'a version in use that somebody disabled in the vault',
  'deleted': 'a secret or version in use that is gone from the vault',
  'mislabelled': 'tags or labels that say what is not so',
  'paused': 'an update of a consumer that stands still',
  'unfinished': 'an apply that did not end',
  // check: what is wrong before anything is planned.
  'undeclared-mount': 'a compose file or service mounts a secret that no stack declares',
  'absent-secret': 'a declared secret that the vault does not have',
  'plaintext': 'a secret in plain text in the tree',
  'env-file': 'a file of environment values for production that is committed',
  'template-value': 'a template that holds a value',
  'policy': 'a declaration that breaks a rule of its stack',
  'unreadable': 'a file that cannot be read as what it should be',
  // both
  'unknown': 'what could not be observed',
} as const;

export type FindingRule = keyof typeof FINDING_RULES;

/** Where a finding stands in the tree: relative to the folder of the project, with forward slashes. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; absent: the whole line. */
  readonly column?: number;
}

/** One thing that is not as it should be. Never holds a value, or a part of one. */
export interface Finding {
  readonly rule: FindingRule;
  /** `error`: a deploy blocker, or plaintext; `warning`: somebody has to act; `note`: good to know. */
  readonly level: 'error' | 'warning' | 'note';
  readonly stack: string | null;
  readonly address: Address | null;
  /** The thing itself, as its own tool calls it: a copy, a service, a file. */
  readonly subject: string;
  /** What is so: one line without a full stop. */
  readonly text: string;
  /** What to do next that is safe: a command line where there is one, otherwise one sentence. */
  readonly next: string;
  readonly place: Place | null;
}

/** A position of the manifest (`stacks/shop.ts:14`) as a place; null where none is known. */
export function placeOf(position: string | null): Place | null {
  const [, file, line] = /^(.+):(\d+)$/.exec(position ?? '') ?? [];
  return file === undefined ? null : { file, line: Number(line) };
}

export type FindingLevel = Finding['level'];

/** From the worst to the best. */
export const FINDING_LEVELS: readonly FindingLevel[] = ['error', 'warning', 'note'];

/** Findings by level, the worst first; equals by stack, rule, subject and text, so that one input has one order. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  const rules = Object.keys(FINDING_RULES);
  const ranks = ({ level, rule }: Finding): [number, number] => [
    FINDING_LEVELS.indexOf(level),
    rules.indexOf(rule),
  ];
  const keyOf = ({ stack, subject, place, text }: Finding): string =>
    [stack ?? '', subject, String(place?.line ?? 0).padStart(8, '0'), text].join('\0');
  return findings.toSorted((a, b) => {
    const [levelA, ruleA] = ranks(a);
    const [levelB, ruleB] = ranks(b);
    return levelA - levelB || ruleA - ruleB || (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
  });
}

/** How many there are of each level. */
export function levelCounts(findings: readonly Finding[]): Readonly<Record<FindingLevel, number>> {
  const of = (wanted: FindingLevel): number => findings.filter(({ level }) => level === wanted).length;
  return { error: of('error'), warning: of('warning'), note: of('note') };
}

/** Whether what is next is a command line and nothing else: it is shown whole, so that it can be pasted. */
export function isCommand(next: string): boolean {
  return /^(keyturn|docker|az|git) /.test(next);
}
