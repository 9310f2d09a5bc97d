import { generateKeyPairSync, randomInt } from 'node:crypto';

/* Credentials that look real, made when a test runs: none stands in this repository, and none opens anything. */

/* In pieces, so that no scan takes this file for what it makes. */
export const KEY = ['PRIVATE', 'KEY'].join(' ');
export const STRIPE = ['sk', 'live'].join('_');

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const DIGITS = '0123456789';
const ALL = `${LETTERS}${LETTERS.toLowerCase()}${DIGITS}`;

/** `length` random characters of an alphabet. */
export function randomText(length: number, alphabet = ALL): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** One credential: a line of a file that holds it, and what of that must never be seen again. */
export interface Planted {
  readonly line: string;
  readonly secret: string;
}

/** One of each kind that we say is found. */
export function planted(): Readonly<Record<string, Planted>> {
  const of = (secret: string, before = '', behind = ''): Planted => ({
    line: before + secret + behind,
    secret,
  });
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const body = pem.split('\n')[1] ?? '';
  const at = (scheme: string): Planted =>
    of(randomText(20), `DATABASE=${scheme}://writer:`, '@db.internal:5432/busflow');
  return {
    'an AWS key': of(
      randomText(40),
      `AWS_ACCESS_KEY_ID=AKIA${randomText(16, LETTERS)}\nAWS_SECRET_ACCESS_KEY=`,
    ),
    'a Slack token': of(
      ['xoxb', randomText(12, DIGITS), randomText(12, DIGITS), randomText(24)].join('-'),
      'slack: ',
    ),
    'a Slack webhook': of(
      `https://hooks.slack.com/services/T${randomText(8, LETTERS)}/B${randomText(8, LETTERS)}/${randomText(24)}`,
    ),
    'a GitHub token': of(`ghp_${randomText(36)}`, 'const token = "', '";'),
    'a Postgres password': at('postgres'),
    'a Valkey password': at('redis'),
    'a broker password': at('amqp'),
    'a Stripe key': of(`${STRIPE}_${randomText(24)}`, 'stripe('),
    'a webhook secret': of(`whsec_${randomText(32)}`),
    'a storage key': of(`${randomText(86)}==`, 'AccountName=busflow;AccountKey='),
    'a client secret': of(`${randomText(3)}8Q~${randomText(34)}`, 'secret = '),
    'a private key': of(body, `-----BEGIN ${KEY}-----\n`, `\n-----END ${KEY}-----`),
    'a private key in JSON': of(body, `{"key":"-----BEGIN ${KEY}-----\\n`, '\\n"}'),
    'an OpenSSH key': of(randomText(64), `-----BEGIN OPENSSH ${KEY}-----\n`),
  };
}
