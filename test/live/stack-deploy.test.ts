import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { put } from '../cli/project.ts';
import { sandboxedProject } from '../support/project.ts';
import type { Project } from '../support/project.ts';
import { describeLive } from './live.ts';
import { watchPair } from './pair.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

/**
 * As a team has it: the services in one file, the names of the secrets in another that `keyturn output` writes.
 * The order of the targets is not that of the secrets' names, by which `docker stack deploy` sorts.
 */
const compose = (secrets: string) => `
version: '3.8'
services:
  api:
    image: lab/app:1
    networks: [back]
    healthcheck: { test: ['CMD', '/hc'], interval: 300ms, retries: 2 }
${secrets}
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      update_config: { parallelism: 0, order: start-first, monitor: 500ms, failure_action: rollback }
networks:
  back: { driver: overlay }
`;

const run = promisify(execFile);

interface Spec {
  readonly UpdateConfig: { readonly FailureAction: string };
  readonly TaskTemplate: { readonly ContainerSpec: { readonly Secrets?: readonly object[] } };
}

describeLive('docker stack deploy beside keyturn', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test(
    'takes its external names from keyturn output after a due rotation, and changes and restarts nothing',
    { timeout: 240_000 },
    async () => {
      const stack = `${lab.prefix}_shop`;
      const service = `${stack}_api`;
      const [writer, reader] = [`${stack}_z`, `${stack}_m`];
      const project = await sandboxedProject(body(service, writer, reader), lab.endpoint);
      const base = join(project.folder, 'base.yml');
      const names = join(project.folder, 'keyturn.yml');
      const deploy = (environment: Record<string, string>, ...files: string[]) => {
        const args = [
          'stack',
          'deploy',
          '--resolve-image',
          'never',
          ...files.flatMap((file) => ['-c', file]),
        ];
        const env = { ...process.env, DOCKER_HOST: lab.endpoint, ...environment };
        return run('docker', [...args, stack], { env });
      };
      onTestFinished(async () => {
        await lab.docker('service', 'rm', `${lab.prefix}_shop_api-client`).catch(() => '');
        await lab.removeStack(stack);
      });
      const inspect = async () => (await lab.engine<{ Spec: Spec }>('GET', `/services/${service}`)).Spec;

      await put(base, compose(''));
      await deploy({}, base);
      await lab.running(service, 3);
      expect(await project.keyturn(['apply', '--auto-approve'])).toMatchObject({ code: 0 });
      await untilDue(project);
      const pair = await watchPair(lab, service, `${stack}_back`);
      const updates = await pair.updates();
      const rotated = await project.keyturn(['apply', '--due', '--auto-approve']);
      expect(rotated).toMatchObject({ code: 0 });
      expect(rotated.out).toContain('2 to rotate, 1 consumer to flip (3 tasks restart)');
      if (updates !== null) expect(await pair.updates()).toBe(updates + 1);
      const expected = { [`${service}_a`]: `${writer}_v2`, [`${service}_b`]: `${reader}_v2` };
      expect(await pair.references()).toEqual(expected);

      const { out } = await project.keyturn(['output', '--format', 'compose']);
      // docker takes files of one version together, and an old one takes no file without a version.
      await put(names, `version: '3.8'\n${out}`);
      const mounts = `    secrets:
      - { source: ${writer}, target: ${service}_a }
      - { source: ${reader}, target: ${service}_b }`;
      await put(base, compose(mounts));
      const [tasks, before] = [await pair.taskIds(), await inspect()];
      await deploy({}, base, names);

      const variables = parseEnv((await project.keyturn(['output', '--format', 'env'])).out);
      expect(Object.values(variables).sort()).toEqual(Object.values(expected).sort());
      const whole = join(project.folder, 'whole.yml');
      await put(whole, compose(mounts) + namedByEnvironment([writer, reader]));
      await deploy(variables, whole);
      const after = await inspect();
      expect(after.TaskTemplate).toEqual(before.TaskTemplate);
      expect(await pair.taskIds()).toEqual(tasks);
      expect(await pair.references()).toEqual(expected);
      expect(await pair.asked()).toMatchObject({ failed: 0, failures: [] });
      // Until settle the file and keyturn differ in this alone, and no task knows of it.
      expect({ ...after, UpdateConfig: { ...after.UpdateConfig, FailureAction: 'pause' } }).toEqual(before);
      expect(after.UpdateConfig.FailureAction).toBe('rollback');
      expect(await project.keyturn(['plan', '--target', service, '--detailed-exitcode'])).toMatchObject({
        code: 0,
      });
      console.info('live: docker stack deploy ran twice after the rotation, the same 3 tasks run on');
    },
  );
});

const body = (service: string, writer: string, reader: string) => `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'lab' });
    const cadence = Cadence.onRequest();
    const secret = { vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence, soak: Duration.hours(1) };
    const writer = new Secret(this, 'writer', secret);
    const reader = new Secret(this, 'reader', secret);
    new SwarmService(this, 'api', {
      swarm, service: '${service}',
      mounts: [
        writer.at('${service}_a', { base: '${writer}' }), reader.at('${service}_b', { base: '${reader}' }),
      ],
      settle: Duration.seconds(1), deadline: Duration.minutes(2),
    });`;

const namedByEnvironment = (bases: readonly string[]) =>
  `secrets:\n${bases.map((base) => `  ${base}: { external: true, name: '\${${base.toUpperCase()}}' }\n`).join('')}`;

function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => /^[A-Z]/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** Gives both a date within a minute, and none while their soak lasts; they are due at once. */
async function untilDue(project: Project): Promise<void> {
  const main = join(project.folder, 'main.ts');
  const soon = new Date(Date.now() + 60_000).toISOString();
  const clock = `{ from: '${soon.slice(0, 10)}', at: '${soon.slice(11, 16)}', timeZone: 'UTC' }`;
  const text = await readFile(main, 'utf8');
  await put(main, text.replace('Cadence.onRequest()', `Cadence.every('PT2H', ${clock})`));
  const until = Date.now() + 90_000;
  while (Date.now() < until) {
    const { code, out, err } = await project.keyturn(['plan', '--detailed-exitcode']);
    if (code === 2) return;
    expect(code, out + err).toBe(0);
  }
  expect.fail('nothing became due');
}
