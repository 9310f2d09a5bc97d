import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { treeOf } from './plaintext-files.ts';
import type { Lint, PlaintextHit } from './plaintext-lint.ts';
import { loadLint } from './plaintext-lint.ts';
import type { Mounted } from './plaintext-rule.ts';
import { ownRule } from './plaintext-rule.ts';
import { environmentFile } from './plaintext-values.ts';

export interface PlaintextOrder {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly mounted: Mounted;
  /** A monotonic clock in milliseconds, and when by it the scan ends with what it has. */
  readonly ticks: () => number;
  readonly limitMs: number;
  readonly signal?: AbortSignal;
  readonly tell?: (done: number, all: number) => void;
}

export interface PlaintextScan {
  readonly hits: readonly PlaintextHit[];
  /** How many files were read to their end and scanned. */
  readonly scanned: number;
  readonly binary: number;
  /** Not scanned: larger than `LARGEST_BYTES`. */
  readonly large: readonly string[];
  /** Not scanned: they could not be read, or the time was over. */
  readonly unseen: readonly string[];
  /** See `Tree`. */
  readonly by: 'git' | 'walk';
  readonly isGitMute: boolean;
}

/** People write no larger files, and a rule may take long on one. */
export const LARGEST_BYTES = 1_000_000;
const FILES_AT_ONCE = 8;
/** As git tells binary files: by a zero within the first bytes. */
const LOOKED_AT = 8_000;

/**
 * Looks through the files of a folder for secrets in plain text, values in templates, and files of values for
 * production: what git tracks or would add, elsewhere whatever lies there. Changes nothing and sends nothing anywhere.
 *
 * What somebody accepted with secretlint's comments is left out, but for files of production. A file that cannot be
 * read or comes too late is in `unseen`: it is not clean. Stops between two files when `signal` says so.
 */
export async function scanForPlaintext(order: PlaintextOrder): Promise<PlaintextScan> {
  const { files, by, isGitMute } = await treeOf(order.folder, order.environment);
  const lint = await loadLint(ownRule(order.mounted));
  const until = order.ticks() + order.limitMs;
  const seen: Seen[] = [];
  const atOnce = pLimit(FILES_AT_ONCE);
  let done = 0;
  await Promise.all(
    files.map((file) =>
      atOnce(async () => {
        const isOver = order.signal?.aborted === true || order.ticks() > until;
        seen.push(isOver ? { kind: 'unseen', file } : await look(order.folder, file, lint));
        done += 1;
        order.tell?.(done, files.length);
      }),
    ),
  );
  const of = (kind: Seen['kind']): string[] =>
    seen
      .filter((each) => each.kind === kind)
      .map(({ file }) => file)
      .sort();
  const hits = seen.flatMap((each) => (each.kind === 'scanned' ? each.hits : []));
  return {
    hits: [...productionFiles(files), ...hits],
    scanned: of('scanned').length,
    binary: of('binary').length,
    large: of('large'),
    unseen: of('unseen'),
    by,
    isGitMute,
  };
}

type Seen = { readonly file: string } & (
  | { readonly kind: 'scanned'; readonly hits: readonly PlaintextHit[] }
  /** `gone`: listed, and not there any more, or no file. */
  | { readonly kind: 'binary' | 'large' | 'unseen' | 'gone' }
);

function productionFiles(files: readonly string[]): PlaintextHit[] {
  return files
    .filter((file) => environmentFile(file) === 'production')
    .map((file) => ({ kind: 'production-file', what: '', rule: null, place: { file, line: 1 } }));
}

async function look(folder: string, file: string, lint: Lint): Promise<Seen> {
  try {
    const text = await textOf(join(folder, file));
    return typeof text === 'string'
      ? { kind: 'scanned', file, hits: await lint(file, text) }
      : { ...text, file };
  } catch (thrown) {
    // A submodule is listed as a file, and one that somebody deleted is listed until that is committed.
    const isGone =
      thrown instanceof Error &&
      'code' in thrown &&
      ['ENOENT', 'EISDIR', 'ELOOP'].includes(String(thrown.code));
    return { kind: isGone ? 'gone' : 'unseen', file };
  }
}

async function textOf(path: string): Promise<string | { readonly kind: 'binary' | 'large' | 'gone' }> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // A link leads out of the tree, or to a file that is scanned anyway; a pipe would never end.
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return { kind: 'gone' };
    if (stat.size > LARGEST_BYTES) return { kind: 'large' };
    const bytes = await handle.readFile();
    if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le');
    return bytes.subarray(0, LOOKED_AT).includes(0) ? { kind: 'binary' } : bytes.toString('utf8');
  } finally {
    await handle.close();
  }
}
