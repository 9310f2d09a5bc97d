/** What a file of environment values is for, by its name. */
export type EnvironmentFile = 'production' | 'template' | 'values';

/** `KEY=value`, `export KEY=value`, `- KEY=value`, `KEY: value` or `"key": "value"`, and where the value begins. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly from: number;
  readonly to: number;
}

const TEMPLATE =
  /(^|[._-])(example|template|sample|tmpl|tpl|dist)(\.(env|ya?ml|json|toml|ini|conf|properties|local))?$/i;
/** Encrypted by a tool that says so in the name. */
const SEALED = /\.(enc|encrypted|gpg|asc|age|sops|vault)$/i;
const PRODUCTION = /^\.env[._-](.*[._-])?prod(uction)?([._-].*)?$|^([^.].*[._-])?prod(uction)?\.env$/i;
const ENVIRONMENT = /^\.env([._-].*)?$|\.env$|^\.envrc$/i;
const COMPOSE = /^(docker-)?compose([._-].*)?\.ya?ml$/i;

/**
 * What a file holds by its name: `.env.production`, `.env.prod.local`, `eu.production.env` are of production;
 * `.env.example`, `config.yml.sample` are templates; other `.env` files and compose files hold values. Null: none of these.
 */
export function environmentFile(path: string): EnvironmentFile | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (SEALED.test(name)) return null;
  if (TEMPLATE.test(name)) return 'template';
  if (PRODUCTION.test(name)) return 'production';
  return ENVIRONMENT.test(name) || COMPOSE.test(name) ? 'values' : null;
}

/** The assignments of a file, line by line; those in comments are none. */
export function assignmentsIn(text: string): Assignment[] {
  const pattern = /^[ \t]*(?:export[ \t]+|-[ \t]+)?["']?([A-Za-z_][\w.-]*)["']?[ \t]*[:=][ \t]*(.*)$/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const [line, name = '', rest = ''] = match;
    const value = valueOf(rest);
    const from = match.index + line.length - rest.length;
    return { name, value, from, to: from + rest.trimEnd().length };
  });
}

/** Without quotes, a comment behind it, and the comma of JSON. */
function valueOf(text: string): string {
  const quoted = /^(["'])(.*?)\1/.exec(text.trim());
  if (quoted !== null) return (quoted[2] ?? '').trim();
  return text
    .replace(/(^|[ \t])#.*$/, '')
    .trim()
    .replace(/,$/, '')
    .trim();
}

const SECRET_NAME =
  /(^|_)(pass|pwd|secret|credentials?|[a-z]*(?:apikey|passphrase|passwd|password|token)|(api|access|account|admin|auth|client|encryption|license|master|private|secret|service|shared|signing|storage|stripe|webhook)_key|connection_string|pat)(_?\d+|_base64|_b64)?$/;

/** Whether a variable of this name holds a secret: `DB_PASSWORD`, `stripeSecretKey`; not `DB_PASSWORD_FILE`, `TOKEN_TTL`. */
export function isSecretName(name: string): boolean {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return SECRET_NAME.test(words.replaceAll(/[^a-z0-9]+/g, '_'));
}

const PLACEHOLDERS: readonly RegExp[] = [
  /^$/,
  // <your token>, [token], {{ token }}, ${TOKEN}, $TOKEN, $(cat …), %TOKEN%, @token@, __TOKEN__, !secret token, a block
  /^(<.*>|\[.*\]|\{.*|\$[A-Za-z_({].*|%\w+%|@\w+@|__.*__|![A-Za-z]+ .*|[|>][+-]?)$/,
  /^[x*.…•_\-?]+$/iu,
  // `yourApiKey` is words to its end; what is random and only begins as `aK3` is not.
  /^(your|my|some|the|an?|insert|enter|fill|put|add|set|use|generate|replace|change|update)([ _-]|$|([A-Z][a-z]+|API|DB|ID|JWT|SSH|URL)+$)/,
  /^(change_?me|replace_?me|set_?me|fill_?me|fix_?me|todo|tbd|none|null|nil|undefined|empty|unset|true|false|yes|no|on|off)\b/i,
  /^(changeit|example|sample|dummy|fake|mock|placeholder|redacted|masked|hidden|secret|password|passwd|token|key|test|testing|local|dev|development|string|value|foo|bar|foobar)$/i,
  /(change|replace)[ _-]?(me|this|it)\b|placeholder|example|redacted|your[_-]|_here$/i,
  // A port or a count, a path where the value lies, and a name of it in a vault.
  /^\d{1,5}$/,
  /^(\.{1,2}|~|\/(run|etc|var|usr|opt|tmp|mnt|home|secrets?|vault|app|certs?|keys?))\//,
  // What a tool has encrypted in its place.
  /^(encrypted:|ENC\[)/,
  /^(op|vault|keyvault|azurekms|awskms|gcpkms|sops|ref\+\w+|secret|file|env):/i,
];

/** Whether nothing is given away by it: empty, `<…>`, `changeme`, `${VAR}`, a path under which the value lies. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDERS.some((pattern) => pattern.test(value));
}
