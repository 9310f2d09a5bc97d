/** A pattern of names as its parts: what stands there, and what stands for something. */
type Part = { readonly literal: string } | { readonly word: string };

/** The longest name in a key vault. */
const MAX_NAME = 127;
/** One or more lower-case words with hyphens between them. */
const WORDS = '[a-z0-9]+(?:-[a-z0-9]+)*';

/** What is wrong with a pattern of names, or null. */
export function namingProblem(pattern: string): string | null {
  const bare = pattern.replace(/<[a-z]+>/g, '');
  if (bare === pattern) return 'has no placeholder such as <name>';
  if (/[<>]/.test(bare))
    return 'has a < or > that belongs to no placeholder; one is lower-case letters in < and >';
  if (/[^0-9a-zA-Z/-]/.test(bare)) return 'has what no name in a key vault can hold';
  if (/></.test(pattern)) return 'has two placeholders with nothing between them';
  if (/[/-][/-]|[/-]$/.test(pattern)) return 'has two separators in a row, or one at its end';
  return null;
}

/** Whether a pattern of names needs the secret's `environment`. */
export function namesEnvironment(pattern: string): boolean {
  return pattern.includes('<env>');
}

/** Whether a name in the vault follows the pattern. The pattern must have no problem. */
export function follows(name: string, pattern: string, environment: string): boolean {
  const source = partsOf(pattern, environment)
    .map((part) => ('literal' in part ? part.literal : WORDS))
    .join('');
  return new RegExp(`^${source}$`).test(name);
}

/**
 * The name that would follow the pattern and is made of the words of this one, those that stand before the
 * placeholders left out where they are there already; with its placeholders where there are too few words.
 */
export function nameInstead(name: string, pattern: string, environment: string): string {
  const parts = partsOf(pattern, environment);
  const words = name.toLowerCase().split(/[^a-z0-9]+/);
  const kept = words.filter((word) => word !== '');
  for (const part of parts) {
    if ('word' in part) continue;
    for (const literal of part.literal.toLowerCase().split('-')) {
      if (literal !== '' && kept[0] === literal && kept.length > 1) kept.shift();
    }
  }
  // The last words first: what a name ends with says what it is.
  const free = parts.filter((part) => 'word' in part).length;
  const spare = Math.max(0, kept.length - free);
  const missing = Math.max(0, free - kept.length);
  let index = 0;
  return parts
    .map((part) => {
      if ('literal' in part) return part.literal;
      index += 1;
      if (index <= missing) return `<${part.word}>`;
      const taken = index === free ? kept.splice(0, 1 + spare) : kept.splice(0, 1);
      return taken.join('-');
    })
    .join('');
}

/** As it stands in a vault: slashes are hyphens, a leading one is none, `<env>` is the environment. */
function partsOf(pattern: string, environment: string): Part[] {
  return pattern
    .replace(/^\//, '')
    .replaceAll('/', '-')
    .split(/(<[a-z]+>)/)
    .filter((text) => text !== '')
    .map((text) => {
      if (text === '<env>') return { literal: environment };
      return text.startsWith('<') ? { word: text.slice(1, -1) } : { literal: text };
    });
}

/** Whether a made-up name can be given to a secret. */
export function isName(name: string): boolean {
  return /^[0-9a-zA-Z-]+$/.test(name) && name.length <= MAX_NAME;
}
