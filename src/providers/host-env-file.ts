import type { EnvFormat } from '../model/host.ts';
import { COMPOSE } from './host-env-compose.ts';
import { SYSTEMD } from './host-env-systemd.ts';
import { expanded, namesIn } from './host-env-template.ts';
import type { Assignment, EnvRules, Meaning, Reading } from './host-env-text.ts';

/** Why a file of variables is left as it is. No value is in it, and no text of a line. */
export interface EnvProblem {
  readonly what: string;
  readonly next: string;
}

export type EnvVariables =
  | { readonly kind: 'read'; readonly variables: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly problems: readonly EnvProblem[] };

export type EnvWritten =
  | { readonly kind: 'written'; readonly content: Buffer }
  | { readonly kind: 'refused'; readonly problems: readonly EnvProblem[] };

const RULES: Readonly<Record<EnvFormat, EnvRules>> = { systemd: SYSTEMD, compose: COMPOSE };
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What a process gets of a file of variables, as the format's reader takes it. `environment` is that of the reader, which
 * compose puts into values and which systemd never looks at.
 */
export function variablesOf(
  content: Uint8Array,
  format: EnvFormat,
  environment: ReadonlyMap<string, string> = new Map(),
): EnvVariables {
  const text = decoded(content);
  if (text === null) return { kind: 'refused', problems: [NO_TEXT] };
  const { assignments, rubbish } = RULES[format].read(text);
  const problems = rubbish.map(({ at, what, next }) => located(text, format, at, what, next));
  const variables = new Map<string, string>();
  for (const { name, meaning, from } of assignments) {
    const known = (other: string): string | undefined => environment.get(other) ?? variables.get(other);
    const value = valueOf(meaning, environment.get(name), known);
    if (value !== undefined && value !== null) variables.set(name, value);
    if (value === null) problems.push(located(text, format, from, NOT_SET.what, NOT_SET.next));
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'read', variables };
}

/**
 * The file with just these variables changed: null takes an assignment away with its line, and a variable that is not
 * there becomes the last line. All else stays byte for byte: comments, order, line ends, an `export`, what stands
 * behind a value, and the quotes as far as they can hold the new value.
 *
 * What is handed back was read again by the rules of the format: each changed variable is exactly the new value, and
 * every other one is assigned what it was. Where that cannot be, nothing is written, and all reasons are said at once.
 */
export function withVariables(
  content: Uint8Array,
  format: EnvFormat,
  changes: ReadonlyMap<string, string | null>,
): EnvWritten {
  const text = decoded(content);
  if (text === null) return { kind: 'refused', problems: [NO_TEXT] };
  const rules = RULES[format];
  const before = rules.read(text);
  const problems = [
    ...before.rubbish.map(({ at, what, next }) => located(text, format, at, what, next)),
    ...[...changes].flatMap(([name, value]) => obstacles(text, format, before, name, value)),
  ];
  if (problems.length > 0) return { kind: 'refused', problems };
  let changed = text;
  for (const [name, value] of changes) {
    const next = withVariable(changed, rules, name, value);
    if (next === null) return { kind: 'refused', problems: [unwritable(name, rules)] };
    changed = next;
  }
  if (!isOnlyChanged(before, rules.read(changed), changes)) return { kind: 'refused', problems: [OTHERWISE] };
  return { kind: 'written', content: Buffer.from(changed, 'utf8') };
}

const NO_TEXT = {
  what: 'the file is no text in UTF-8, or holds a NUL byte',
  next: 'save it as UTF-8',
};
const NOT_SET = {
  what: 'a variable that a value asks for with "?" is not set: compose refuses the file',
  next: 'set it, or give it a default',
};
const OTHERWISE = {
  what: 'the changed file would not mean what it should: this is an error of keyturn',
  next: 'change the file by hand, and report it with a file without secrets that shows it',
};

function unwritable(name: string, { reader }: EnvRules): EnvProblem {
  return {
    what: `the new value of "${name}" cannot be written so that ${reader} reads just it`,
    next: `put the value of "${name}" on a line of its own, in double quotes`,
  };
}

/** Null: not UTF-8, or with a NUL in it, which ends what systemd reads and no environment can hold. */
function decoded(content: Uint8Array): string | null {
  if (content.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return null;
  }
}

function located(text: string, format: EnvFormat, at: number, what: string, next: string): EnvProblem {
  const line = text.slice(0, at).split(RULES[format].lineBreak).length;
  return { what: `line ${line}: ${what}`, next };
}

/** Undefined: the variable is not set; null: compose refuses the file. */
function valueOf(
  meaning: Meaning,
  inherited: string | undefined,
  known: (name: string) => string | undefined,
): string | null | undefined {
  switch (meaning.kind) {
    case 'constant':
      return meaning.value;
    case 'template':
      return expanded(meaning.text, known);
    case 'inherited':
      return inherited;
  }
}

function obstacles(
  text: string,
  format: EnvFormat,
  { assignments }: Reading,
  name: string,
  value: string | null,
): EnvProblem[] {
  if (!NAME.test(name)) {
    return [
      { what: `"${name}" is no name of a variable`, next: 'use letters, digits and "_", no digit first' },
    ];
  }
  const problems: EnvProblem[] = [];
  const own = assignments.filter((each) => each.name === name);
  if (own.length > 1) {
    const lines = own.map(({ from }) => text.slice(0, from).split(RULES[format].lineBreak).length);
    const what = `"${name}" is assigned ${own.length} times, in the lines ${lines.join(', ')}`;
    problems.push({ what, next: 'take away all but one of them' });
  }
  const why = value === null ? null : obstacle(value, RULES[format]);
  if (why !== null) {
    const what = `the new value of "${name}" ${why}`;
    problems.push({ what, next: `give "${name}" another value, or hand it on encoded` });
  }
  const readers = own.length > 0 && value === null ? namedBy(assignments, name) : [];
  for (const reader of readers) {
    const next = `change the value of "${reader.name}" first`;
    const what = `"${name}" cannot be taken away: the value of "${reader.name}" asks for it`;
    problems.push(located(text, format, reader.from, what, next));
  }
  return problems;
}

function obstacle(value: string, rules: EnvRules): string | null {
  if (value.includes('\0')) return 'holds a NUL, which no environment can hold';
  if (/\p{Surrogate}/u.test(value)) return 'holds half of a surrogate pair, which is no text';
  return rules.obstacle(value);
}

/** Those whose value asks for a variable. */
function namedBy(assignments: readonly Assignment[], name: string): Assignment[] {
  return assignments.filter(
    ({ meaning, ...each }) =>
      each.name !== name && meaning.kind === 'template' && namesIn(meaning.text).includes(name),
  );
}

/** Null: it can be written in no way that is read as just the value. */
function withVariable(text: string, rules: EnvRules, name: string, value: string | null): string | null {
  const before = rules.read(text);
  const own = before.assignments.find((each) => each.name === name);
  if (own === undefined && value === null) return text;
  if (own !== undefined && isConstant(own.meaning, value)) return text;
  const candidates =
    value === null
      ? [withoutLine(text, rules, own)]
      : rules
          .writings(value, own?.quoting ?? null)
          .map((written) =>
            own === undefined ? withLine(text, rules, `${name}=${written}`) : withValue(text, own, written),
          );
  const changes = new Map([[name, value]]);
  return candidates.find((each) => isOnlyChanged(before, rules.read(each), changes)) ?? null;
}

function withValue(text: string, { meaning, valueFrom, valueTo }: Assignment, written: string): string {
  const sign = meaning.kind === 'inherited' ? '=' : '';
  return text.slice(0, valueFrom) + sign + written + text.slice(valueTo);
}

/** As the last line, ended as the last one before it is. */
function withLine(text: string, { lineBreak }: EnvRules, line: string): string {
  const ends = /\r?\n/g;
  const end = [...text.matchAll(ends)].at(-1)?.[0] ?? '\n';
  const isEnded = text === '' || text === '\ufeff' || lineBreak.test(text.slice(-1));
  return `${text}${isEnded ? '' : end}${line}${end}`;
}

function withoutLine(text: string, { lineBreak }: EnvRules, own: Assignment | undefined): string {
  if (own === undefined) return text;
  const before = text.slice(0, own.from);
  const lead = before.split(lineBreak).at(-1) ?? '';
  const mark = lead.startsWith('\ufeff') ? 1 : 0;
  const behind = text.slice(own.valueTo);
  const end = lineBreak.exec(behind);
  return (
    before.slice(0, before.length - lead.length + mark) +
    (end === null ? '' : behind.slice(end.index + end[0].length))
  );
}

function isOnlyChanged(
  before: Reading,
  after: Reading,
  changes: ReadonlyMap<string, string | null>,
): boolean {
  if (after.rubbish.length > 0) return false;
  const others = (reading: Reading): Assignment[] =>
    reading.assignments.filter(({ name }) => !changes.has(name));
  const [had, has] = [others(before), others(after)];
  const isSame = had.every(
    ({ name, meaning }, index) => has[index]?.name === name && isEqual(meaning, has[index].meaning),
  );
  return (
    isSame &&
    had.length === has.length &&
    [...changes].every(([name, value]) => {
      const own = after.assignments.filter((each) => each.name === name);
      if (value === null) return own.length === 0;
      return own.length === 1 && own.every(({ meaning }) => isConstant(meaning, value));
    })
  );
}

function isConstant(meaning: Meaning, value: string | null): boolean {
  return meaning.kind === 'constant' && meaning.value === value;
}

function isEqual(one: Meaning, other: Meaning): boolean {
  if (one.kind === 'constant') return isConstant(other, one.value);
  return one.kind === other.kind && !(one.kind === 'template' && one.text !== textOf(other));
}

function textOf(meaning: Meaning): string | null {
  return meaning.kind === 'template' ? meaning.text : null;
}
