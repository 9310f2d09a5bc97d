import { watchFor } from './guard.ts';

/**
 * A secret's plaintext, which cannot be printed, serialised or compared.
 *
 * The text lives in a WeakMap beside the object, so JSON, template strings, `console.log` and `util.inspect`
 * (with `showHidden` too) all show only the placeholder. Whoever calls `reveal` must hand the text straight to
 * the vault or the platform and keep no copy of it. As long as it lives, the guard (guard.ts) masks it in whatever
 * leaves the program.
 */
const plaintexts = new WeakMap<SecretValue, string>();
const PLACEHOLDER = '(secret value)';

/** The vault's limit: 25 KB of UTF-8 (Azure Key Vault, "about secrets"). */
export const MAX_VALUE_BYTES = 25_600;

export class SecretValue {
  constructor(plaintext: string) {
    plaintexts.set(this, plaintext);
    watchFor(this, plaintext);
  }

  /** The plaintext. Only a provider may call this, in the expression that sends it. */
  reveal(): string {
    const plaintext = plaintexts.get(this);
    if (plaintext === undefined) throw new TypeError('[unexpected] a secret value without its plaintext');
    return plaintext;
  }

  /** Why the vault would refuse this value, or null. Says nothing else about it. */
  problem(): 'empty' | 'too large' | null {
    const bytes = Buffer.byteLength(this.reveal(), 'utf8');
    if (bytes === 0) return 'empty';
    return bytes > MAX_VALUE_BYTES ? 'too large' : null;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [Symbol.toPrimitive](): string {
    return PLACEHOLDER;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return PLACEHOLDER;
  }
}
