import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which rooms a room may import. What is not listed here is forbidden. */
const ENGINE = ['model', 'plan', 'observe', 'record', 'execute', 'providers'];
const ROOMS: Record<string, readonly string[]> = {
  'model': [],
  'calendar': ['model'],
  'plan': ['model', 'calendar'],
  'observe': ['model'],
  'record': ['model', 'calendar'],
  'execute': ['model', 'calendar'],
  'audit': ['model', 'calendar'],
  'report': ['model', 'calendar'],
  'providers': ['model'],
  'sandbox': ['model'],
  // assembly reads the manifest that the app wrote, through the one parser of it.
  'declare': ['model', 'calendar', 'record'],
  // The door for programs that drive the engine themselves.
  'engine.ts': ENGINE,
  'cli': [
    'model',
    'calendar',
    'plan',
    'observe',
    'record',
    'execute',
    'audit',
    'report',
    'providers',
    'sandbox',
    'declare',
  ],
};

/** The one home of each package: a room, or the files of a provider. */
const HOMES: Record<string, RegExp> = {
  '@azure/identity': /^src\/providers\/azure-credential\.ts$/,
  '@azure/keyvault-secrets': /^src\/providers\/(key-vault|azure)[a-z-]*\.ts$/,
  '@azure/storage-blob': /^src\/providers\/blob-[a-z-]+\.ts$/,
  '@cdktf/provider-azurerm': /^src\/declare\/|^stacks\//,
  '@secretlint/core': /^src\/providers\/plaintext[a-z-]*\.ts$/,
  '@secretlint/secretlint-rule-preset-recommend': /^src\/providers\/plaintext[a-z-]*\.ts$/,
  'canonicalize': /^src\/model\/canonical\.ts$/,
  'cdktf': /^src\/declare\/|^stacks\/|^main\.ts$/,
  'constructs': /^src\/declare\/|^stacks\//,
  'croner': /^src\/calendar\//,
  'diff': /^src\/report\/history-diff\.ts$/,
  'dockerode': /^src\/providers\/swarm[a-z-]*\.ts$/,
  'p-limit': /^src\/(execute|observe|providers)\//,
  'temporal-polyfill': /^src\/calendar\//,
  'yaml': /^src\/providers\/compose[a-z-]*\.ts$/,
  'yargs': /^src\/cli\//,
  // Whatever reads a file that someone may have edited.
  'zod': /^src\/record\/|^src\/declare\/assembly\.ts$/,
};

interface Import {
  readonly file: string;
  readonly from: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, from: match[1] ?? match[2] ?? match[3] ?? '' }));
}

/** What `init` writes into a new project is text here, not imports. */
const SCAFFOLD = 'src/cli/scaffold.ts';

const all = [
  ...sourceFiles('src').filter((file) => file !== SCAFFOLD),
  ...sourceFiles('stacks'),
  'main.ts',
].flatMap(importsOf);
const roomOf = (file: string): string => file.split('/')[1] ?? '';

describe('the house', () => {
  it('has no import from one room to another that the plan of the house forbids', () => {
    const forbidden = all
      .filter(({ file, from }) => file.startsWith('src/') && from.startsWith('.'))
      .map(({ file, from }) => ({ file, to: relative(root, join(root, dirname(file), from)) }))
      .filter(({ file, to }) => roomOf(file) !== roomOf(to) && !ROOMS[roomOf(file)]?.includes(roomOf(to)))
      .map(({ file, to }) => `${file} imports ${to}`);
    expect(forbidden).toEqual([]);
  });

  it('keeps each package in its one home', () => {
    const strays = all
      .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
      .filter(({ file, from }) => {
        const name = from.startsWith('@') ? from.split('/').slice(0, 2).join('/') : from.split('/')[0];
        return HOMES[name ?? '']?.test(file) !== true;
      })
      .map(({ file, from }) => `${file} imports ${from}`);
    expect(strays).toEqual([]);
  });

  it('lets no provider import a sibling provider', () => {
    const family = (file: string): string =>
      /(key-vault|azure|blob|swarm|sources|hooks|notify|host|compose|plaintext)/.exec(file)?.[1] ?? file;
    const siblings = all
      .filter(({ file, from }) => file.startsWith('src/providers/') && from.startsWith('./'))
      // How to sign in and what an error of Azure says is the same for each of its services.
      .filter(({ file, from }) => family(from) !== 'azure' || !/\/(key-vault|blob)/.test(file))
      .filter(({ file, from }) => family(file) !== family(from))
      .map(({ file, from }) => `${file} imports ${from}`);
    expect(siblings).toEqual([]);
  });

  it('prints, exits and reads the environment in cli only', () => {
    const printing = sourceFiles('src')
      .filter((file) => !file.startsWith('src/cli/'))
      .filter((file) =>
        /console\.\w+\(|process\.(exit|env|stdout|stderr|argv)/.test(readFileSync(join(root, file), 'utf8')),
      );
    expect(printing).toEqual([]);
  });

  it('loads azurerm by subpath only', () => {
    const whole = all.filter(({ from }) => from === '@cdktf/provider-azurerm').map(({ file }) => file);
    expect(whole).toEqual([]);
  });

  it('reads the imports of every source file', () => {
    expect(all.length).toBeGreaterThan(200);
    expect(all.some(({ from }) => from === 'dockerode')).toBe(true);
  });
});
