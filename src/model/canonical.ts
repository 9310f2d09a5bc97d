import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** RFC 8785 canonical JSON: one text for one value, whatever the order of its keys. No newline at the end. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('[unexpected] a value that JSON cannot hold');
  return text;
}

/** SHA-256 in lower-case hex of the canonical JSON. Never call it with a secret's value or with part of one. */
export function digestOf(value: unknown): string {
  return digestOfText(canonicalJson(value));
}

/** SHA-256 in lower-case hex of a text that is canonical JSON already, without a newline at its end. */
export function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
