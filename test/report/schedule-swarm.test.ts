import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { SwarmOrder } from '../../src/report/schedule-swarm-parts.ts';
import { renderSwarm } from '../../src/report/schedule-swarm.ts';
import { put, temporaryFolder } from '../cli/project.ts';
import { declaredWith, facts, fileNamed, order } from './schedule-fixture.ts';

interface StackFile {
  readonly services: { readonly due: Service };
  readonly volumes?: object;
  readonly secrets?: object;
  readonly configs?: object;
}

interface Service {
  readonly command: readonly string[];
  readonly user?: string;
  readonly read_only: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly { readonly type: string; readonly source?: string; readonly target: string }[];
  readonly secrets?: readonly { readonly source: string; readonly target?: string; readonly mode?: number }[];
  readonly deploy: { readonly replicas: number; readonly placement?: { readonly constraints: string[] } };
}

type Changes = Partial<SwarmOrder> & { readonly every?: string };

const SSH = 'ssh://deploy@manager-1';
const render = ({ image = 'keyturn-schedule:1', socket = null, node = null, ...rest }: Changes = {}) =>
  renderSwarm({ ...order(rest), image, socket, node });
const textOf = (changes: Changes = {}) => fileNamed(render(changes).files, 'keyturn.stack.yml');
/** In YAML 1.1, as docker reads it: 0400 is octal there. */
const stackFile = (changes: Changes = {}) => parse(textOf(changes), { version: '1.1' }) as StackFile;
const dockerfile = (changes: Changes = {}) => fileNamed(render(changes).files, 'keyturn.Dockerfile');

describe('the Swarm service', () => {
  test('is one replica that is started again after the interval, whatever it ended with', () => {
    const { due } = stackFile({ every: '90s', stacks: ['shop'] }).services;
    expect(due.command).toEqual(['apply', 'shop', '--due', '--auto-approve']);
    expect(due.deploy).toMatchObject({ replicas: 1, restart_policy: { condition: 'any', delay: '90s' } });
  });

  test('needs a manager only where it needs the local socket, and is then not root either', () => {
    const local = stackFile({ project: facts(declaredWith('managed', null, true)) }).services.due;
    expect(local.deploy.placement).toEqual({ constraints: ['node.role == manager'] });
    expect(local.volumes).toContainEqual({
      type: 'bind',
      source: '/var/run/docker.sock',
      target: '/var/run/docker.sock',
    });
    expect(local.user).toMatch(/^1000:\$\{DOCKER_GID:\?[^-}]+\}$/);

    const remote = stackFile({ project: facts(declaredWith('managed', SSH, true)) });
    expect(remote.services.due.deploy.placement).toBeUndefined();
    expect(remote.services.due.user).toBeUndefined();
    expect(remote.services.due.volumes.map(({ type }) => type)).toEqual(['tmpfs', 'tmpfs']);
    expect(remote.services.due.secrets).toEqual([
      { source: 'keyturn_ssh_key', target: '/home/node/.ssh/id_ed25519', uid: '1000', mode: 0o400 },
    ]);
    expect(remote).toMatchObject({
      secrets: { keyturn_ssh_key: { external: true } },
      configs: { keyturn_known_hosts: { external: true } },
    });
  });

  test('mounts a socket of another place where the stack expects it', () => {
    const declared = facts(declaredWith('managed', 'unix:///run/docker/engine.sock', true));
    const bind = (changes: Changes) =>
      stackFile(changes).services.due.volumes.find(({ type }) => type === 'bind');
    expect(bind({ project: declared })).toMatchObject({
      source: '/run/docker/engine.sock',
      target: '/run/docker/engine.sock',
    });
    expect(bind({ project: declared, socket: '/mnt/$a.sock' })).toMatchObject({
      source: '/mnt/$$a.sock',
      target: '/run/docker/engine.sock',
    });
  });

  test('gets the certificate of Azure from a docker secret, and no value from the file', () => {
    const { services, secrets } = stackFile({ project: facts(declaredWith('env', SSH, true)) });
    expect(services.due.environment).toEqual({
      AZURE_CLIENT_ID: '${AZURE_CLIENT_ID:?say whose}',
      AZURE_TENANT_ID: '${AZURE_TENANT_ID:?say whose}',
      AZURE_CLIENT_CERTIFICATE_PATH: '/run/secrets/keyturn_azure_certificate',
    });
    expect(secrets).toMatchObject({ keyturn_azure_certificate: { external: true } });
    expect(
      stackFile({ project: facts(declaredWith('managed', SSH, true)) }).services.due.environment,
    ).toBeUndefined();
  });

  test('reads the token of a workload from where an agent of the node renews it', () => {
    const { due } = stackFile({ project: facts(declaredWith('workload', null, true)) }).services;
    expect(due.environment).toMatchObject({ AZURE_FEDERATED_TOKEN_FILE: '/run/azure/token' });
    expect(due.volumes).toContainEqual({
      type: 'bind',
      source: '/run/azure',
      target: '/run/azure',
      read_only: true,
    });
  });

  test('keeps a local record in a volume of one node and says what that means', () => {
    const project = facts(declaredWith('managed', null));
    const { services, volumes } = stackFile({ project, node: 'manager-1' });
    expect(services.due.volumes).toContainEqual({ type: 'volume', source: 'record', target: '/app/state' });
    expect(volumes).toEqual({ record: {} });
    expect(services.due.deploy.placement?.constraints).toContain('node.hostname == manager-1');
    expect(render({ project, node: 'manager-1' }).warnings).toEqual([
      expect.stringContaining('lost with it'),
    ]);
    expect(render({ project }).warnings).toContainEqual(expect.stringContaining('--node'));
    const inAzure = facts(declaredWith('managed', null, true));
    expect(stackFile({ project: inAzure }).volumes).toBeUndefined();
    expect(render({ project: inAzure }).warnings).toEqual([]);
  });

  test('rehearses with the embedded vault: no sign-in, and a volume for the vault and its record', () => {
    const changes = { project: facts(declaredWith('env', SSH)), sandbox: 'vault', node: 'manager-1' };
    const { services } = stackFile(changes);
    expect(services.due.command).toContain('--sandbox=vault');
    expect(services.due.environment).toBeUndefined();
    expect(services.due.secrets).toBeUndefined();
    expect(services.due.volumes.map(({ target }) => target)).toEqual([
      '/tmp',
      '/app/cdktf.out',
      '/var/run/docker.sock',
      '/app/.keyturn',
    ]);
    expect(render(changes).warnings).toEqual([]);
  });

  test('warns of sign-ins that a container has not and of packages that its image lacks', () => {
    const project = { ...facts(declaredWith('cli', null, true)), devOnly: ['cdktf'] };
    expect(render({ project }).warnings).toEqual([
      expect.stringContaining('auth "cli"'),
      expect.stringContaining('cdktf: move it to "dependencies"'),
    ]);
  });
});

describe('its image', () => {
  test('holds production dependencies, runs no install script and is not root', () => {
    const lines = dockerfile().split('\n');
    expect(lines).toContain('RUN npm ci --omit=dev --ignore-scripts');
    expect(lines.indexOf('USER node')).toBeGreaterThan(lines.indexOf('COPY . .'));
    expect(lines).toContain('ENTRYPOINT ["node", "node_modules/keyturn/bin/keyturn.js"]');
  });

  test('has ssh where an engine is reached so, and not otherwise', () => {
    expect(dockerfile({ project: facts(declaredWith('managed', SSH)) })).toContain('openssh-client');
    expect(dockerfile()).not.toContain('openssh-client');
  });

  test('is made without what the project must not give away', () => {
    const ignored = fileNamed(render().files, 'keyturn.Dockerfile.dockerignore').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['**/node_modules', '.keyturn', 'state', '**/.env*', '**/.git']),
    );
  });
});

const docker = await promisify(execFile)('docker', ['stack', 'config', '--help']).then(
  () => true,
  () => false,
);
if (!docker) console.warn('LEFT OUT: "docker stack config" needs the docker program');

describe.skipIf(!docker)('docker stack config', () => {
  const config = async (changes: Changes, env: Record<string, string>) => {
    const path = join(await temporaryFolder(), 'keyturn.stack.yml');
    await put(path, textOf(changes));
    const PATH = process.env['PATH'] ?? '';
    const { stdout } = await promisify(execFile)('docker', ['stack', 'config', '-c', path], {
      env: { PATH, ...env },
    });
    return parse(stdout) as StackFile;
  };
  const IDS = { AZURE_CLIENT_ID: 'c', AZURE_TENANT_ID: 't', DOCKER_GID: '999' };

  test.each<[string, Changes]>([
    [
      'the local socket',
      { project: facts(declaredWith('managed', null)), node: 'manager-1', stacks: ['no'] },
    ],
    ['ssh and a certificate', { project: facts(declaredWith('env', SSH, true)) }],
    ['TLS and a workload', { project: facts(declaredWith('workload', 'tcp://10.0.0.1:2376', true)) }],
    ['the sandbox', { sandbox: 'vault', every: '1d', socket: "/run/it's a $ocket" }],
  ])('takes the file for %s', async (_, changes) => {
    const { due } = (await config(changes, IDS)).services;
    expect(due.command).toEqual(stackFile(changes).services.due.command);
    expect(due.secrets?.map(({ mode }) => mode) ?? []).toEqual(due.secrets?.map(() => 0o400) ?? []);
    const asked = [undefined, '1000:999'];
    expect(asked).toContain(due.user);
    expect(due.volumes.map(({ source }) => source)).not.toContain("/run/it's a $$ocket");
  });

  test('asks for the group of the socket where the shell does not say it', async () => {
    await expect(config({}, {})).rejects.toThrow('the number of the group of the socket');
  });
});
