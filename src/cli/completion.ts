import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Words for the shell: yargs' own, and the stacks and addresses of the last synth in `cdktf.out`. Runs nothing
 * and reads nothing else, because it is called on every press of the tab key.
 */
export function completionsFor(current: string, argv: unknown, words: readonly string[]): string[] {
  const typed = typedWords(argv);
  const [command = ''] = typed;
  const manifests = lastSynth();
  const wantsAddress =
    /^(rollback|compromise|import)$/.test(command) || (command === 'state' && typed.includes('show'));
  const own = wantsAddress ? manifests.flatMap(({ names }) => names) : manifests.map(({ stack }) => stack);
  const takesStacks = [
    'plan',
    'apply',
    'status',
    'drift',
    'prune',
    'output',
    'check',
    'history',
    'report',
    'state',
    'schedule',
    'sandbox',
  ].includes(command);
  const asked = lastOption(process.argv);
  if (asked !== null && ['--target', '--rotate', '--value', '--secret', '--consumer'].includes(asked)) {
    return manifests.flatMap(({ names }) => names).filter((word) => word.startsWith(current));
  }
  const fitting = wantsAddress || takesStacks ? own.filter((word) => word.startsWith(current)) : [];
  return [...words, ...fitting];
}

function typedWords(argv: unknown): string[] {
  const words = typeof argv === 'object' && argv !== null && '_' in argv ? argv._ : [];
  return Array.isArray(words) ? words.map(String).filter((word) => word !== 'keyturn') : [];
}

/** The option whose value is being typed; the shell hands us the words so far, the current one last. */
function lastOption(args: readonly string[]): string | null {
  const before = args.at(-2) ?? '';
  return before.startsWith('--') ? before : null;
}

function lastSynth(): { stack: string; names: string[] }[] {
  const root = join(process.cwd(), 'cdktf.out', 'stacks');
  try {
    return readdirSync(root).flatMap((stack) => {
      const text = readFileSync(join(root, stack, 'keyturn.json'), 'utf8');
      return [
        { stack, names: [...text.matchAll(/"address":"([^"]+)"/g)].map(([, address]) => address ?? '') },
      ];
    });
  } catch {
    // Nothing was synthesized here yet: there is nothing to offer.
    return [];
  }
}
