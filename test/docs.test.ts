import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT, worst } from '../src/cli/exit-code.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = [
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  'CHANGELOG.md',
  'README.md',
  'state/README.md',
];

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
}

describe('the documentation', () => {
  it('explains exactly the fault codes, in the order of the code', () => {
    const [, union = ''] = /export type FaultCode =\n([\s\S]*?)\n\n/.exec(read('src/model/fault.ts')) ?? [];
    const codes = [...union.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(10);
    expect([...read('docs/ERRORS.md').matchAll(/^## (.+)$/gm)].map(([, code]) => code)).toEqual(codes);
  });

  it('explains exactly the exit codes, in its table and in its details', () => {
    const text = read('docs/EXIT-CODES.md');
    const codes = Object.values(EXIT).map(String);
    expect([...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code)).toEqual(codes);
    expect([...text.matchAll(/^- \*\*(\d+)\*\*/gm)].map(([, code]) => code)).toEqual(codes);
  });

  it('says the order of the exit codes as the code has it', () => {
    const [, told = ''] = /from the worst: ([\d, ]+)\./.exec(read('docs/EXIT-CODES.md')) ?? [];
    const order = told.split(', ').map(Number);
    expect(new Set(order)).toEqual(new Set(Object.values(EXIT)));
    const codes = Object.values(EXIT).filter((code) => order.includes(code));
    const sorted = order.map((_, index) =>
      worst(codes.filter((code) => !order.slice(0, index).includes(code))),
    );
    expect(sorted).toEqual(order);
  });

  it('names no folder of a machine and no registry', () => {
    const foreign = pages.filter((page) =>
      /(^|[\s`"'(=])\/(work|home|tmp|root|Users|mnt)\/|[A-Z]:\\|https?:\/\/registry\./m.test(read(page)),
    );
    expect(foreign).toEqual([]);
  });

  it('links only to pages and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link = '']) => link)
        .filter((link) => !/^https?:/.test(link))
        .filter((link) => {
          const [path = '', anchor] = link.split('#');
          const target = path === '' ? page : join(dirname(page), path);
          if (!existsSync(join(root, target))) return true;
          return anchor !== undefined && !headingsOf(read(target)).map(anchorOf).includes(anchor);
        })
        .map((link) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it('says of each step of a runbook who does it now, and counts them', () => {
    const [intro = '', ...runbooks] = read('docs/runbooks.md').split(/^## /m);
    const counted = [...intro.matchAll(/^\| .+? \| (\d+) \| (\d+) \| (\d+) \|$/gm)];
    expect(runbooks.length).toBe(counted.length);
    for (const [index, runbook] of runbooks.entries()) {
      const words = [...runbook.matchAll(/^\| (?!step |--- |\*\*).+? \| (.*?) \| .+ \|$/gm)].map(
        ([, word]) => word,
      );
      const count = (word: string): number => words.filter((said) => said === word).length;
      const counts = ['done by keyturn', 'needs a person', 'not covered yet'].map(count);
      expect(counts.map(String), runbook.split('\n')[0]).toEqual(counted[index]?.slice(1));
      expect(words.length).toBe(counts.reduce((sum, each) => sum + each));
    }
  });

  it('names only secrets that the stacks declare where it compares the runbooks', () => {
    const stacks = read('stacks/busflow.ts') + read('stacks/tracker.ts');
    const named = [
      ...read('docs/runbooks.md').matchAll(
        /(?:--value|--rotate|keyturn (?:rollback|compromise)) ([^\s`=]+)/g,
      ),
    ].map(([, name = '']) => name.replace(/^(tracker-mek)-.*/, '$1-'));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !stacks.includes(name))).toEqual([]);
  });
});
