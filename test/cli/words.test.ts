import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { actorOf } from '../../src/cli/actor.ts';
import { resolveAddresses } from '../../src/cli/address.ts';
import { worst } from '../../src/cli/exit-code.ts';
import { spellOut } from '../../src/cli/options.ts';
import { allowed } from '../../src/cli/project.ts';
import type { Declared, DeclaredSecret } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import { keyturn, put, temporaryFolder } from './project.ts';

function stackWith(...secrets: readonly (readonly [vault: string, name: string, path: string])[]): Declared {
  return {
    format: 1,
    stack: 's',
    vaults: [],
    platforms: [],
    consumers: [],
    freezes: [],
    secrets: secrets.map(
      ([vault, name, path]) => ({ address: `vault://${vault}/${name}`, path }) as DeclaredSecret,
    ),
  };
}

describe('an address on the command line', () => {
  const stacks = [stackWith(['a', 'db', 's/db'], ['b', 'db', 's/other'], ['a', 'key', 's/nested/token'])];

  test('may be the address, the construct path, or the last part of either', () => {
    expect(resolveAddresses(['vault://b/db', 's/db', 'key', 'token'], stacks)).toEqual([
      'vault://b/db',
      'vault://a/db',
      'vault://a/key',
    ]);
  });

  test('that means two things is refused with both, together with one that means none', () => {
    const refusal = faultOf(() => resolveAddresses(['db', 'kez'], stacks));
    expect(refusal.problems.map(({ what, next }) => next ?? what)).toEqual([
      '"db" could be any of vault://a/db, vault://b/db',
      'did you mean vault://a/key?',
    ]);
  });
});

test('of several exit codes the worst wins', () => {
  expect(worst([0, 2, 1])).toBe(1);
  expect(worst([12, 1, 13])).toBe(13);
  expect(worst([13, 10, 12])).toBe(10);
  expect(worst([10, 11])).toBe(11);
  expect(worst([])).toBe(0);
});

test('a bare --sandbox does not take the next word for its value', () => {
  expect(spellOut(['plan', '--sandbox', 'busflow'])).toEqual(['plan', '--sandbox=vault,swarm', 'busflow']);
  expect(spellOut(['plan', '--sandbox=vault', '--', '--sandbox'])).toEqual([
    'plan',
    '--sandbox=vault',
    '--',
    '--sandbox',
  ]);
});

test('the --due of status takes a length of time, and no other word', () => {
  const spelled = (text: string) => spellOut(text.split(' ')).join(' ');
  expect(spelled('status --due busflow')).toBe('status --due=now busflow');
  expect(spelled('status --due')).toBe('status --due=now');
  expect(spelled('status --due 30d busflow')).toBe('status --due=30d busflow');
  expect(spelled('-C plan status --due P30D --sandbox')).toBe(
    '-C plan status --due=P30D --sandbox=vault,swarm',
  );
  expect(spelled('status --due PT12H')).toBe('status --due=PT12H');
  expect(spelled('status --due Payments')).toBe('status --due=now Payments');
  expect(spelled('status --due -- 30d')).toBe('status --due=now -- 30d');
  expect(spelled('apply --due status')).toBe('apply --due status');
  expect(spelled('plan --due 30d')).toBe('plan --due 30d');
});

test('the app sees no credential of ours', () => {
  const environment = {
    PATH: '/bin',
    AZURE_CLIENT_SECRET: 'x',
    DOCKER_HOST: 'x',
    TF_VAR_a: 'x',
    CDKTF_LOG_LEVEL: 'debug',
  };
  expect(allowed(environment)).toEqual({ PATH: '/bin', CDKTF_LOG_LEVEL: 'debug' });
});

test('in a workflow of GitHub the actor is who triggered it, with the address of the run', async () => {
  const actor = await actorOf(
    {
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'busflow/infra',
      GITHUB_RUN_ID: '7',
    },
    '/',
  );
  expect(actor).toMatchObject({
    name: 'octocat',
    knownBy: 'ci',
    run: 'https://github.com/busflow/infra/actions/runs/7',
  });
});

test('git is asked for the author and sees of the environment only what that takes', async () => {
  const bin = await temporaryFolder();
  await put(
    join(bin, 'git'),
    `#!/bin/sh\nenv > '${join(bin, 'seen')}'\necho 'Ada <ada@example.com> 1700000000 +0000'\n`,
  );
  await chmod(join(bin, 'git'), 0o755);
  const PATH = `${bin}:${process.env['PATH']}`;
  const actor = await actorOf(
    { PATH, HOME: bin, GIT_CONFIG_NOSYSTEM: '1', NEW_TOKEN: 'x', AZURE_TOKEN: 'y' },
    bin,
  );

  expect(actor).toMatchObject({ name: 'Ada <ada@example.com>', knownBy: 'git-author' });
  const seen = (await readFile(join(bin, 'seen'), 'utf8')).trim().split('\n');
  const names = new Set(seen.map((line) => line.split('=', 1)[0]));
  // The shell adds a few of its own.
  for (const own of ['PWD', 'OLDPWD', 'SHLVL', '_']) names.delete(own);
  expect(names).toEqual(new Set(['GIT_CONFIG_NOSYSTEM', 'HOME', 'PATH']));
});

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

test.each(['plan', 'status', 'output', 'drift', 'check', 'report'])(
  'the help of %s names each choice of an option once',
  async (command) => {
    const { out } = await keyturn([command, '--help'], { cwd: await temporaryFolder() });
    const lists = [...out.matchAll(/\[choices: ([^\]]*)\]/g)].map(([, list]) => (list ?? '').split(/,\s+/));
    expect(lists.length).toBeGreaterThan(0);
    for (const list of lists) expect(new Set(list).size).toBe(list.length);
  },
);
