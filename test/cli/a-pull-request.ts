import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { claim, publish } from '../../src/cli/sandbox-claim.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import type { Ran } from './project.ts';
import { REPOSITORY, keyturn, project, temporaryFolder } from './project.ts';

/** What the stack is before the pull request, and what it makes of it: another cadence, a rotation, a new consumer. */
export const BEFORE = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(), generation: 1,
    });
    const watched = { swarm, probe: Probe.none(), settle: Duration.seconds(0) };
    new SwarmService(this, 'web', { ...watched, service: 'shop_web', mounts: [key.at('key')] });`;
export const AFTER = `${BEFORE.replace(
  'Cadence.onRequest(), generation: 1',
  "Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'Europe/Berlin' }), generation: 2",
)}
    new SwarmService(this, 'worker', { ...watched, service: 'shop_worker', mounts: [key.at('worker_key')] });
    const seen = Object.keys(process.env).filter((name) => /AZURE|ARM_|DOCKER|TOKEN|SECRET|GITHUB/.test(name));
    if (seen.length > 0) throw new Error('the code of a pull request saw ' + seen.join(', '));`;

/** A repository whose main branch is applied, the vault and the swarm that it is applied to, and a pull request. */
export interface PullRequest {
  /** The checkout of the main branch. */
  readonly main: string;
  /** That of the pull request, alone. */
  readonly branch: string;
  /** Where the planner runs: no code, and no clone. */
  readonly planner: string;
  /** Requests that the vault and the swarm were sent to change something. */
  changes(): readonly string[];
  git(cwd: string, ...args: readonly string[]): Promise<string>;
  run(cwd: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** What the services' targets name now. */
  reads(): Record<string, string>;
  /** Somebody with the docker client takes a service's secrets away. */
  changeByHand(service: string): Promise<void>;
}

export async function aPullRequest(): Promise<PullRequest> {
  const main = await project(BEFORE);
  const outside = join(await temporaryFolder(), '.keyturn');
  const { vault, swarm } = await serve(join(outside, 'sandbox'));
  await link(outside, main);
  await writeFile(join(main, '.gitignore'), '.keyturn\ncdktf.out\nnode_modules\n*.plan.json\n');
  await git(main, 'init', '-q', '-b', 'main');
  await git(main, 'add', '-A');
  await git(main, 'commit', '-qm', 'the shop');

  const branch = join(await temporaryFolder(), 'checkout');
  await git(main, 'worktree', 'add', '-q', '-b', 'rotate', branch);
  await symlink(join(REPOSITORY, 'node_modules'), join(branch, 'node_modules'));
  const text = await readFile(join(branch, 'main.ts'), 'utf8');
  await writeFile(join(branch, 'main.ts'), text.replace(BEFORE, AFTER));
  await git(branch, 'commit', '-qam', 'key: quarterly, and the worker reads it');

  const planner = await temporaryFolder();
  await link(outside, planner);
  const endpoint = swarm.endpoint;
  return {
    main,
    branch,
    planner,
    git,
    run: (cwd, args, env = {}) => keyturn(args, { cwd, env }),
    changes: () =>
      [...vault.requests, ...swarm.requests]
        .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
        .map(({ method, path }) => `${method} ${path}`),
    reads: () =>
      Object.fromEntries(
        [...swarm.contents.services.values()].flatMap(({ spec }) =>
          (spec.TaskTemplate?.ContainerSpec?.Secrets ?? []).map(({ SecretName, File }) => [
            `${spec.Name}:${File?.Name ?? ''}`,
            SecretName,
          ]),
        ),
      ),
    changeByHand: async (service) => {
      const found = (await (await fetch(`${base(endpoint)}/services/${service}`)).json()) as {
        ID: string;
        Version: { Index: number };
        Spec: { TaskTemplate: { ContainerSpec: object } };
      };
      const { TaskTemplate } = found.Spec;
      const ContainerSpec = { ...TaskTemplate.ContainerSpec, Secrets: [] };
      const spec = { ...found.Spec, TaskTemplate: { ...TaskTemplate, ContainerSpec } };
      const answer = await fetch(
        `${base(endpoint)}/services/${found.ID}/update?version=${found.Version.Index}`,
        {
          method: 'POST',
          body: JSON.stringify(spec),
          headers: { 'content-type': 'application/json' },
        },
      );
      if (!answer.ok) throw new Error(await answer.text());
    },
  };
}

/** What the job of the branch's code must not see, although it is there. */
const PLANTED = { AZURE_CLIENT_SECRET: 'planted', DOCKER_HOST: 'tcp://127.0.0.1:1', GITHUB_TOKEN: 'planted' };

/** The first two jobs: synth of the branch, then a plan of its manifest where none of its code is. Returns the comment. */
export async function planned(
  pull: PullRequest,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const synth = await pull.run(pull.branch, ['synth'], PLANTED);
  expect(synth).toMatchObject({ code: 0 });
  const manifest = join(pull.branch, 'cdktf.out', 'stacks', 'shop', 'keyturn.json');
  await copyFile(manifest, join(pull.planner, 'keyturn.json'));
  const wanted = ['plan', '--manifest', 'keyturn.json', '--out', 'shop.plan.json', '--format', 'markdown'];
  const plan = await pull.run(pull.planner, [...wanted, '--sandbox'], env);
  expect(plan).toMatchObject({ code: 0 });
  await copyFile(join(pull.planner, 'shop.plan.json'), join(pull.main, 'shop.plan.json'));
  return plan.out;
}

/** In this process, so that each request can be counted; the programs find them as those of `sandbox serve`. */
async function serve(root: string) {
  await mkdir(root, { recursive: true });
  const claimed = join(root, 'in-use.json');
  await claim(claimed, true);
  const vault = await startVault({ name: 'shop-secrets', directory: join(root, 'vaults', 'shop-secrets') });
  const swarm = await startSwarm({
    name: 'shop',
    directory: join(root, 'swarms', 'shop'),
    listen: 'tcp://127.0.0.1:0',
    timeScale: 0.05,
  });
  onTestFinished(async () => {
    await swarm.close();
    await vault.close();
  });
  for (const name of ['shop_web', 'shop_worker']) {
    swarm.createService({ name, replicas: 2, order: 'start-first', healthCheck: true, monitorMs: 500 });
  }
  await publish(claimed, new Map([['shop-secrets', vault.url]]), new Map([['shop', swarm.endpoint]]));
  return { vault, swarm };
}

function base(endpoint: string): string {
  return endpoint.replace(/^tcp:/, 'http:');
}

async function link(outside: string, folder: string): Promise<void> {
  await symlink(outside, join(folder, '.keyturn'));
}

async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
  const { stdout } = await promisify(execFile)('git', [...who, ...args], { cwd });
  return stdout;
}
