import { readFileSync } from 'node:fs';

/** keyturn's own package.json, as it is published. */
export function ownPackage(): string {
  // From here and from each file that the build makes of it: both lie two folders deep.
  return readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
}

/** keyturn's own version, as its package says it. */
export function version(): string {
  return /"version": "([^"]+)"/.exec(ownPackage())?.[1] ?? 'unknown';
}
