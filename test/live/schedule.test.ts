import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { keyturn, put, temporaryFolder } from '../cli/project.ts';
import { describeLive } from './live.ts';
import { build, importNodeImage } from './schedule-image.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

interface Task {
  readonly ID: string;
  readonly Status: {
    readonly State: string;
    readonly ContainerStatus?: { readonly ExitCode?: number; readonly ContainerID?: string };
  };
}

interface Container {
  readonly Config: { readonly User: string; readonly Env: readonly string[] };
  readonly HostConfig: { readonly ReadonlyRootfs: boolean };
}

describeLive('keyturn schedule swarm', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test(
    'prints a stack that rotates what is due, ends, and is started again by the swarm',
    { timeout: 600_000 },
    async () => {
      const [base, image] = [`${lab.prefix}/node:1`, `${lab.prefix}/schedule:1`];
      const name = `${lab.prefix}-due`;
      const socket = lab.endpoint.slice('unix://'.length);
      const group = String((await stat(socket)).gid);
      const web = await lab.service('web', ['--endpoint-mode', 'dnsrr', '--replicas', '2', 'lab/app:1']);
      const folder = await shop(web);
      onTestFinished(() => remove(lab, name, [image, base]));

      await importNodeImage(lab, base);
      const words = [
        '--interval',
        '2s',
        '--name',
        name,
        '--image',
        image,
        '--socket',
        socket,
        '--node',
        'node-1',
      ];
      const printed = await keyturn(['schedule', 'swarm', '--sandbox=vault', '--out', '.', ...words], {
        cwd: folder,
      });
      expect(printed, printed.err).toMatchObject({ code: 0 });
      await build(lab, [
        '--build-arg',
        `NODE_IMAGE=${base}`,
        '-t',
        image,
        '-f',
        join(folder, `${name}.Dockerfile`),
        folder,
      ]);

      // The first version is a person's doing; the schedule leaves it alone.
      const mounts = ['-v', `${socket}:/var/run/docker.sock`, '-v', `${name}_record:/app/.keyturn`];
      const once = ['run', '--rm', '--network', 'none', '--user', `1000:${group}`, ...mounts, image];
      const byHand = (...args: readonly string[]) => lab.docker(...once, ...args, '--sandbox=vault');
      expect(await byHand('apply', '--auto-approve')).toContain('Apply complete!');

      const env = { ...process.env, DOCKER_HOST: lab.endpoint, DOCKER_GID: group };
      const deploy = [
        'stack',
        'deploy',
        '--resolve-image',
        'never',
        '-c',
        join(folder, `${name}.stack.yml`),
        name,
      ];
      await promisify(execFile)('docker', deploy, { env });

      const first = await ended(lab, `${name}_due`, new Set());
      expect(first.Status.State, await logs(lab, `${name}_due`)).toBe('complete');
      const container = await lab.engine<Container>(
        'GET',
        `/containers/${first.Status.ContainerStatus?.ContainerID ?? ''}/json`,
      );
      expect(container.Config.User).toBe(`1000:${group}`);
      expect(container.HostConfig.ReadonlyRootfs).toBe(true);
      await rotated(lab, web);
      const seen = new Set([first.ID]);
      for (const _ of [2, 3]) {
        const again = await ended(lab, `${name}_due`, seen);
        expect(again.Status.State, await logs(lab, `${name}_due`)).toBe('complete');
        seen.add(again.ID);
      }
      expect(seen.size).toBe(3);

      // The run that flipped may still verify.
      await expect
        .poll(() => logs(lab, `${name}_due`), { timeout: 180_000, interval: 500 })
        .toContain('Apply complete! Resources: 2 added, 1 changed');
      expect(await byHand('plan')).toContain('No changes.');
      console.info(
        `live: the swarm ran apply --due ${seen.size} times from the printed stack file; one run rotated`,
      );
    },
  );
});

/** A project as a user has it; one secret that is due within two minutes, and soaks for most of the next two. */
async function shop(service: string): Promise<string> {
  const folder = await temporaryFolder();
  await put(
    join(folder, 'cdktf.json'),
    '{"language":"typescript","app":"node node_modules/jiti/lib/jiti-cli.mjs main.ts"}',
  );
  await put(
    join(folder, 'package.json'),
    '{"name":"shop","private":true,"type":"module","dependencies":{"keyturn":"^0.1.0"}}',
  );
  await put(join(folder, 'package-lock.json'), '{}');
  await put(
    join(folder, 'main.ts'),
    `import { App, TerraformStack } from 'cdktf';
import { Cadence, Duration, KeyVault, Secret, Source, Swarm, SwarmService } from 'keyturn';

const app = new App();
const stack = new TerraformStack(app, 'shop');
const vault = new KeyVault(stack, 'vault', { name: 'shop-secrets', terraform: false });
const swarm = new Swarm(stack, 'swarm', { name: 'lab' });
const key = new Secret(stack, 'key', {
  vault, source: Source.random({ bytes: 32, encoding: 'hex' }), soak: Duration.seconds(100),
  cadence: Cadence.every(Duration.minutes(2), { from: '2026-01-01', at: '00:00', timeZone: 'UTC' }),
});
new SwarmService(stack, 'web', {
  swarm, service: '${service}', mounts: [key.at('${service}_key')],
  settle: Duration.seconds(1), deadline: Duration.minutes(2),
});
app.synth();
`,
  );
  return folder;
}

/** A task of the service that ended and was not seen before; the swarm has then not been told to start another. */
async function ended(lab: Lab, service: string, seen: ReadonlySet<string>): Promise<Task> {
  for (;;) {
    const tasks = (await lab.tasks(service)) as readonly Task[];
    const next = tasks.find(
      ({ ID, Status }) => !seen.has(ID) && /^(complete|failed|rejected)$/.test(Status.State),
    );
    if (next !== undefined) return next;
    await pause(100);
  }
}

async function logs(lab: Lab, service: string): Promise<string> {
  const args = ['-H', lab.endpoint, 'service', 'logs', '--raw', service];
  const { stdout, stderr } = await promisify(execFile)('docker', args);
  return `${stdout}\n${stderr}`;
}

async function rotated(lab: Lab, service: string): Promise<void> {
  type Spec = { Spec: { TaskTemplate: { ContainerSpec: { Secrets?: { SecretName: string }[] } } } };
  for (;;) {
    const { Spec } = await lab.engine<Spec>('GET', `/services/${service}`);
    const names = (Spec.TaskTemplate.ContainerSpec.Secrets ?? []).map(({ SecretName }) => SecretName);
    if (names.some((name) => name.endsWith('_v2'))) return;
    await pause(100);
  }
}

async function remove(lab: Lab, stack: string, images: readonly string[]): Promise<void> {
  await lab.docker('stack', 'rm', '--detach=false', stack).catch(() => '');
  for (let left = 100; left > 0; left--) {
    const isGone = await lab.docker('volume', 'rm', `${stack}_record`).then(
      () => true,
      (error: unknown) => String(error).includes('no such volume'),
    );
    if (isGone) break;
    await pause(200);
  }
  for (const image of images) await lab.docker('image', 'rm', '-f', image).catch(() => '');
}
