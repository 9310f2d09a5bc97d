import type { Declared } from '../model/declared.ts';
import type { Finding } from '../model/finding.ts';
import type { PlaintextScan } from '../providers/plaintext.ts';
import { scanForPlaintext } from '../providers/plaintext.ts';
import type { PlaintextHit } from '../providers/plaintext-lint.ts';
import { countText } from '../report/cause-text.ts';
import type { Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

/** Ten minutes: whoever has more than that takes needs another scanner. */
const LIMIT_MS = 600_000;
/** How often a long scan says how far it is. */
const TOLD_EVERY_MS = 5_000;

/** Looks through the project's folder. What is declared says which names are secrets. */
export async function scanTree(
  folder: string,
  stacks: readonly Declared[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<PlaintextScan> {
  const mounts = stacks.flatMap(({ consumers }) => consumers.flatMap((consumer) => consumer.mounts));
  const bases = mounts.map(({ base }) => base);
  const targets = mounts.map(({ target }) => target.slice(target.lastIndexOf('/') + 1));
  const secrets = stacks.flatMap((declared) => declared.secrets.map(({ name }) => name));
  let told = performance.now();
  return scanForPlaintext({
    folder,
    environment: process.env,
    mounted: { names: [...bases, ...targets, ...secrets], bases },
    ticks: () => performance.now(),
    limitMs: LIMIT_MS,
    signal,
    tell: (done, all) => {
      if (performance.now() - told < TOLD_EVERY_MS) return;
      told = performance.now();
      remark(terminal, `scanned ${done} of ${all} files`);
    },
  });
}

/** What a scan found, and what it could not see. */
export function scanFindings(scan: PlaintextScan): Finding[] {
  const unseen = scan.unseen.map((file): Finding => ({
    ...about('unknown', 'error', file),
    text: 'it could not be read in time, so it was not scanned',
    next: 'make it readable, or take it out of the tree, and run it again',
    place: { file, line: 1 },
  }));
  const mute: Finding = {
    ...about('unknown', 'note', '.git'),
    text: 'git did not list the files of this repository, so what it ignores was scanned as well',
    next: 'install git here, or let it trust this folder (safe.directory)',
    place: null,
  };
  return [...scan.hits.map(findingOf), ...unseen, ...(scan.isGitMute ? [mute] : [])];
}

/** `970 files scanned, 2 binary and 1 over 1 MB left out`. */
export function scanText({ scanned, binary, large, by }: PlaintextScan, largestBytes: number): string {
  const out = [
    ...(binary === 0 ? [] : [`${binary} binary`]),
    ...(large.length === 0 ? [] : [`${large.length} over ${largestBytes / 1e6} MB`]),
  ];
  const left = out.length === 0 ? '' : `; ${out.join(' and ')} left out`;
  return `${countText(scanned, 'file')} scanned${by === 'git' ? '' : ', in no git repository'}${left}`;
}

function findingOf({ kind, what, rule, place }: PlaintextHit): Finding {
  const { file } = place;
  switch (kind) {
    case 'secret':
      return {
        ...about('plaintext', 'error', file),
        text: `it holds what looks like a secret: ${what}${rule === null ? '' : ` (secretlint's rule ${rule})`}`,
        next: 'rotate it, because whoever can read the repository has it; then take it out. If it is none: secretlint-disable-line in a comment',
        place,
      };
    case 'environment-value':
      return {
        ...about('plaintext', 'warning', file),
        text: `${what} has a value in a file that is not ignored`,
        next: 'have git ignore the file, or take the value out; if it is no secret: secretlint-disable-line in a comment',
        place,
      };
    case 'template-value':
      return {
        ...about('template-value', 'error', file),
        text: `${what} has a value in a template`,
        next: 'write a placeholder there, such as <from the vault>; rotate the value if it was a real one',
        place,
      };
    case 'production-file':
      return {
        ...about('env-file', 'error', file),
        text: 'a file of environment values for production is in the tree',
        next: 'take it out (git rm --cached), have git ignore it, and rotate what was in it',
        place,
      };
  }
}

function about(
  rule: Finding['rule'],
  level: Finding['level'],
  subject: string,
): Pick<Finding, 'rule' | 'level' | 'stack' | 'address' | 'subject'> {
  return { rule, level, stack: null, address: null, subject };
}
