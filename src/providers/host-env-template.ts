/**
 * What compose puts into a value: `$NAME`, `${NAME}`, `${NAME:-default}` and its kin. `$$` is one `$`; a `$` before
 * anything else means itself, but `${` must begin a variable that its line ends.
 */
export type Lookup = (name: string) => string | undefined;

/** A stretch of text as it is, or a variable. */
type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** `operand` may hold variables of its own. */
  | { readonly kind: 'variable'; readonly name: string; readonly operator: string; readonly operand: string };

/** A name is matched without regard to case, so that two letters outside of ASCII count as `k` and `s`. */
const VARIABLE =
  /\$(?:(?<dollar>\$)|(?<plain>[_a-z][_a-z0-9]*)|\{(?:(?<name>[_a-z][_a-z0-9]*)(?:(?<operator>:?[-+?])(?<operand>[^\n]*))?\}|))/giu;

/** The text that a template always stands for, whatever the variables are; null: there is none. */
export function constantOf(template: string): string | null {
  const parts = partsOf(template);
  if (parts?.some(({ kind }) => kind === 'variable') !== false) return null;
  return parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

/** Whether compose takes a template for one, whichever of its defaults it needs, given the variables that must be there. */
export function isTemplate(text: string): boolean {
  return partsOf(text)?.every((part) => part.kind === 'text' || isTemplate(part.operand)) === true;
}

/** The variables that a template may ask for, those within another's default too. */
export function namesIn(template: string): string[] {
  return (partsOf(template) ?? []).flatMap((part) =>
    part.kind === 'text' ? [] : [part.name, ...namesIn(part.operand)],
  );
}

/** What a template stands for; null: compose refuses it, as one variable that must be there is not. */
export function expanded(template: string, lookup: Lookup): string | null {
  let text = '';
  for (const part of partsOf(template) ?? [null]) {
    const piece = part === null ? null : standsFor(part, lookup);
    if (piece === null) return null;
    text += piece;
  }
  return text;
}

function standsFor(part: Part, lookup: Lookup): string | null {
  if (part.kind === 'text') return part.text;
  const known = lookup(part.name);
  const isSet = known !== undefined && !(part.operator.startsWith(':') && known === '');
  if (part.operator.endsWith('+')) return isSet ? expanded(part.operand, lookup) : '';
  if (isSet || part.operator === '') return known ?? '';
  return part.operator.endsWith('-') ? expanded(part.operand, lookup) : null;
}

/** Null: a `${` begins no variable. */
function partsOf(template: string): Part[] | null {
  const parts: Part[] = [];
  let at = 0;
  for (const match of template.matchAll(VARIABLE)) {
    const [whole] = match;
    const { dollar, plain, name, operator = '', operand = '' } = match.groups ?? {};
    parts.push({ kind: 'text', text: template.slice(at, match.index) + (dollar ?? '') });
    at = match.index + whole.length;
    if (dollar !== undefined) continue;
    if (plain === undefined && name === undefined) return null;
    // A variable with an operator first reaches to the last brace of its line: what is behind its own one is looked at anew.
    const end = operator === '' ? -1 : closingBrace(whole);
    const rest = end === -1 ? '' : whole.slice(end + 1);
    const own = rest === '' ? operand : operand.slice(0, operand.length - rest.length);
    const behind = partsOf(rest);
    if (behind === null) return null;
    parts.push({ kind: 'variable', name: plain ?? name ?? '', operator, operand: own }, ...behind);
  }
  return [...parts, { kind: 'text', text: template.slice(at) }];
}

/** Where the first brace closes as compose counts: whatever follows an opening one is passed over, a brace too. */
function closingBrace(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '}') {
      depth -= 1;
      if (depth === 0) return at;
    } else if (text[at] === '{') {
      depth += 1;
      at += 1;
    }
  }
  return -1;
}
