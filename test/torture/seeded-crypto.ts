import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Random } from './random.ts';

const REAL = { randomBytes: crypto.randomBytes, randomUUID: crypto.randomUUID, random: Math.random };

interface Streams {
  readonly bytes: Random;
  readonly ids: Random;
  readonly numbers: Random;
}

let current: Streams | null = null;

/** Random bytes and identifiers that repeat with the seed, until the returned call. Keys stay truly random. */
export function installSeededCrypto(random: Random): () => void {
  if (crypto.randomBytes === REAL.randomBytes) patch();
  current = { bytes: random.fork('bytes'), ids: random.fork('ids'), numbers: random.fork('numbers') };
  return () => {
    current = null;
  };
}

/** Once for good: whoever imported one of these functions keeps it, whatever takes its place later. */
function patch(): void {
  crypto.randomBytes = ((size: number) =>
    current === null ? REAL.randomBytes(size) : current.bytes.bytes(size)) as typeof crypto.randomBytes;
  crypto.randomUUID = (options) =>
    current === null ? REAL.randomUUID(options) : uuidOf(current.ids.bytes(16).toString('hex'));
  Math.random = () => (current === null ? REAL.random() : current.numbers.next());
  syncBuiltinESMExports();
}

function uuidOf(hex: string): ReturnType<typeof crypto.randomUUID> {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
