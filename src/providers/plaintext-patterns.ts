import { isPlaceholder } from './plaintext-values.ts';

/** What secretlint's recommended rules do not know. */
interface Pattern {
  /** Stable, as secretlint's own ids. */
  readonly id: string;
  readonly pattern: RegExp;
  /** Which group of the pattern is the secret, where a placeholder may stand for it; absent: none may. */
  readonly secret?: number;
}

const PATTERNS: readonly Pattern[] = [
  // PKCS#8, OpenSSH and PGP keys, however short; within JSON or a shell's text their lines end in \n. One that is
  // encrypted is none in plain text.
  {
    id: 'PRIVATE_KEY_BLOCK',
    pattern:
      /-----BEGIN (?!ENCRYPTED )(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,8}(?:[\w-]{1,40}: [^\n\\]{0,200}(?:\s|\\[nr]){1,8}){0,6}[A-Za-z0-9+/=]{16}/g,
  },
  { id: 'STRIPE_LIVE_KEY', pattern: /\b[rs]k_live_[0-9A-Za-z]{16,}/g },
  { id: 'WEBHOOK_SIGNING_SECRET', pattern: /\bwhsec_[A-Za-z0-9+/=_-]{24,}/g },
  {
    id: 'CONNECTION_STRING_PASSWORD',
    pattern:
      /\b(?:rediss?|valkeys?|amqps?|nats|mqtts?|ldaps?|smtps?|clickhouse|sqlserver|mssql):\/\/[^\s:@/"'`]{0,100}:([^\s@/"'`]{6,200})@/g,
    secret: 1,
  },
  { id: 'AZURE_STORAGE_KEY', pattern: /\bAccountKey=([A-Za-z0-9+/]{86}==)/g },
  { id: 'AZURE_CLIENT_SECRET', pattern: /(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])/g },
];

export interface Hit {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** Where secrets of these kinds stand in `text`; `sk_live_xxxxxxxxxxxxxxxx` is none. */
export function patternHits(text: string): Hit[] {
  return PATTERNS.flatMap(({ id, pattern, secret }) =>
    [...text.matchAll(pattern)]
      .filter((match) => !/(.)\1{7}/.test(match[0]) || id === 'PRIVATE_KEY_BLOCK')
      .filter((match) => secret === undefined || !isPlaceholder(match[secret] ?? ''))
      .map((match) => ({ id, from: match.index, to: match.index + match[0].length })),
  );
}
