import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keyturn, project, put, REPOSITORY } from '../cli/project.ts';
import { bootHosts, describeHosts } from './hosts.ts';
import type { LiveHost } from './hosts.ts';
import { describeLive, liveDockerHost } from './live.ts';

const declared = (endpoint: string, directory: string, name: string): string => `
    const vault = new KeyVault(this, 'vault', { name: 'tracker-prod' });
    const posthog = new Secret(this, 'posthog-key', {
      vault, source: Source.manual(), cadence: Cadence.onCompromise(), classification: 'public', soak: Duration.seconds(0),
    });
    const web = new Host(this, 'web-1', { endpoint: '${endpoint}' });
    new EnvFile(this, 'images', {
      on: web, path: '${directory}/.env', format: 'compose', variables: [], settle: Duration.seconds(1), deadline: Duration.seconds(40),
      builds: [{
        variable: 'WEB_IMAGE', image: '${name}-web', directory: '${directory}',
        command: ['sh', '-c', 'DOCKER_BUILDKIT=0 docker build -q --build-arg NEXT_PUBLIC_POSTHOG_KEY -t "$KEYTURN_IMAGE" .'],
        args: [posthog.buildArg('NEXT_PUBLIC_POSTHOG_KEY')],
      }],
      restarts: [ComposeService.up({
        service: 'web', directory: '${directory}', project: '${name}', program: ['docker-compose'],
      })],
    });`;

const DOCKERFILE = `FROM lab/app:1
ARG NEXT_PUBLIC_POSTHOG_KEY
ENV NEXT_PUBLIC_POSTHOG_KEY=$NEXT_PUBLIC_POSTHOG_KEY
`;
const COMPOSE = `version: '2.4'
services:
  web:
    image: \${WEB_IMAGE}
    stop_grace_period: 1s
`;

interface Container {
  readonly Config: { readonly Image: string; readonly Env: readonly string[] };
}

/** What the one container of the project runs. */
async function running(host: LiveHost, name: string): Promise<Container> {
  const filter = `label=com.docker.compose.project=${name}`;
  const [id = ''] = (await host.run('docker', 'ps', '-q', '--filter', filter)).split('\n');
  const [found] = JSON.parse(await host.run('docker', 'inspect', id)) as Container[];
  return found ?? expect.fail('no container runs');
}

describeHosts('a public value that is baked into an image', () => {
  describeLive('with an engine of the lab', () => {
    test(
      'has it built anew, and the service of the compose project flipped to it',
      { timeout: 240_000 },
      async () => {
        const lab = await bootHosts(['web-1'], liveDockerHost()?.slice('unix://'.length));
        onTestFinished(() => lab.close());
        const host = lab.hosts[0] ?? expect.fail('one was asked for');
        const name = `kt${randomBytes(3).toString('hex')}`;
        const directory = `/srv/${name}`;
        await host.write(`${directory}/Dockerfile`, DOCKERFILE);
        await host.write(`${directory}/docker-compose.yml`, COMPOSE);
        await host.write(
          `${directory}/.env`,
          '# images of this project\nWEB_IMAGE=lab/app:1\nOTHER=1\n',
          0o600,
        );
        const compose = (...args: string[]) =>
          host.run(
            'docker-compose',
            '--project-name',
            name,
            '--project-directory',
            directory,
            '--file',
            `${directory}/docker-compose.yml`,
            ...args,
          );
        await compose('up', '--detach');
        onTestFinished(async () => void (await compose('down', '--timeout', '1', '--rmi', 'local')));
        const cwd = await project(declared(host.endpoint('root'), directory, name));
        const main = await readFile(join(cwd, 'main.ts'), 'utf8');
        const door = `import { ComposeService, EnvFile, Host } from '${REPOSITORY}/src/declare/declare.ts';\n`;
        await put(join(cwd, 'main.ts'), door + main);
        const apply = (value: string) =>
          keyturn(
            [
              'apply',
              '--auto-approve',
              '--value',
              'posthog-key=-',
              '--sandbox=vault,swarm,real-hosts',
              '--sandbox-empty',
            ],
            { cwd, env: lab.environment, stdin: value },
          );
        for (const [ordinal, value] of [
          [1, 'phc_first'],
          [2, 'phc_second'],
        ] as const) {
          const applied = await apply(value);
          expect(applied, applied.out + applied.err).toMatchObject({ code: 0 });
          const { Config } = await running(host, name);
          expect(Config.Image).toBe(`${name}-web:posthog-key_v${ordinal}`);
          expect(Config.Env).toContain(`NEXT_PUBLIC_POSTHOG_KEY=${value}`);
          expect(await host.read(`${directory}/.env`)).toBe(
            `# images of this project\nWEB_IMAGE=${name}-web:posthog-key_v${ordinal}\nOTHER=1\n`,
          );
        }
        console.info(
          'live: an image was built with a public value, and the service of its project runs on it',
        );
      },
    );
  });
});
