/** A variable that a compose file asks for: `${NAME:-default}`. */
export interface ComposeVariable {
  readonly name: string;
  /** As written, with variables of its own in it; null: none is given. */
  readonly fallback: string | null;
}

interface Reference extends ComposeVariable {
  readonly operator: string;
  readonly from: number;
  readonly to: number;
}

/** The variable under which `keyturn output --format env` gives a name: `BUSFLOW_DB_WRITER` for `busflow_db_writer`. */
export function variableOf(key: string): string {
  const name = key.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** The variables that `text` asks for, in order; those within another's default are not among them. */
export function variablesIn(text: string): ComposeVariable[] {
  return referencesIn(text).map(({ name, fallback }) => ({ name, fallback }));
}

/**
 * `text` with each variable as compose puts it in, from `names` alone: what is in no name takes its default, and stays
 * as it is written where it has none. `$$` is one `$`.
 */
export function withNames(text: string, names: Readonly<Record<string, string>>): string {
  let out = '';
  let at = 0;
  for (const reference of referencesIn(text)) {
    out += unescaped(text.slice(at, reference.from));
    out += standsFor(reference, names) ?? text.slice(reference.from, reference.to);
    at = reference.to;
  }
  return out + unescaped(text.slice(at));
}

function standsFor(reference: Reference, names: Readonly<Record<string, string>>): string | null {
  const { name, operator, fallback } = reference;
  const known = Object.hasOwn(names, name) ? names[name] : undefined;
  const isSet = known !== undefined && !(operator.startsWith(':') && known === '');
  if (operator.endsWith('+')) return isSet ? withNames(fallback ?? '', names) : '';
  if (isSet) return known;
  return operator.endsWith('-') ? withNames(fallback ?? '', names) : null;
}

function unescaped(text: string): string {
  return text.replaceAll('$$', () => '$');
}

function referencesIn(text: string): Reference[] {
  const found: Reference[] = [];
  let at = text.indexOf('$');
  while (at !== -1) {
    const reference = text[at + 1] === '$' ? null : referenceAt(text, at);
    if (reference !== null) found.push(reference);
    at = text.indexOf('$', reference?.to ?? at + (text[at + 1] === '$' ? 2 : 1));
  }
  return found;
}

/** `$NAME`, `${NAME}` or `${NAME:-default}` at `from`; null where it is none. */
function referenceAt(text: string, from: number): Reference | null {
  const [bare, plain] = /^\$([A-Za-z_]\w*)/.exec(text.slice(from)) ?? [];
  if (bare !== undefined && plain !== undefined) {
    return { name: plain, operator: '', fallback: null, from, to: from + bare.length };
  }
  const [head, name = '', operator = ''] = /^\$\{([A-Za-z_]\w*)(:?[-?+])?/.exec(text.slice(from)) ?? [];
  if (head === undefined) return null;
  const end = closing(text, from + head.length);
  const rest = end === null ? '' : text.slice(from + head.length, end);
  if (end === null || (operator === '' && rest !== '')) return null;
  const takes = operator.endsWith('-') || operator.endsWith('+');
  return { name, operator, fallback: takes ? rest : null, from, to: end + 1 };
}

/** Where the brace closes that was opened before `from`; braces of variables within it count. */
function closing(text: string, from: number): number | null {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('${', at)) depth += 1;
    else if (text[at] === '}' && depth === 0) return at;
    else if (text[at] === '}') depth -= 1;
  }
  return null;
}
