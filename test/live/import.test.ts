import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startVault } from '../../src/sandbox/vault.ts';
import { REPOSITORY, put } from '../cli/project.ts';
import { makeCanary } from '../support/canary.ts';
import { sandboxedProject } from '../support/project.ts';
import { READS, SECRETS } from './busflow.ts';
import { describeLive } from './live.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

const run = promisify(execFile);
const VAULT = 'shop-secrets';
/** Kept on the swarm alone; the others are in the vault as well. */
const ONLY_ON_SWARM = 'ubicloud-token';

/** Busflow as its team deploys it: external secrets made by hand, each at its third version. `nameOf`: their names. */
function compose(lab: Lab, nameOf: (secret: string) => string): string {
  const services = Object.entries(READS).map(
    ([name, secrets]) => `
  ${name}:
    image: lab/app:1
    networks: [back]
    healthcheck: { test: ['CMD', '/hc'], interval: 300ms, retries: 2 }
    secrets:
${secrets.map((secret) => `      - { source: ${secret}, target: ${lab.prefix}_${secret}, uid: '0', gid: '0', mode: 0444 }`).join('\n')}
    deploy:
      replicas: 1
      endpoint_mode: dnsrr
      update_config: { parallelism: 0, order: start-first, monitor: 500ms, failure_action: rollback }`,
  );
  return `version: '3.8'
services:${services.join('')}
networks:
  back: { driver: overlay }
secrets:
${SECRETS.map((secret) => `  ${secret}: { external: true, name: '${nameOf(secret)}' }`).join('\n')}
`;
}

interface Service {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: {
      readonly ContainerSpec: { readonly Secrets?: readonly { readonly SecretName: string }[] };
    };
  };
}
interface Secret {
  readonly Spec: { readonly Name: string };
}

describeLive('import on a swarm that docker stack deploy made', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test(
    'discovers busflow, takes it over without a change, plans empty, rotates, deploys and goes back',
    { timeout: 400_000 },
    async () => {
      const canary = makeCanary();
      const stack = lab.prefix;
      const project = await sandboxedProject('', lab.endpoint);
      const file = join(project.folder, 'compose.yml');
      const vault = await startVault({
        name: VAULT,
        directory: join(project.folder, '.keyturn', 'sandbox', 'vaults', VAULT),
      });
      for (const secret of SECRETS) {
        await lab.secret(`${secret}_v3`, canary.value(secret));
        if (secret === ONLY_ON_SWARM) continue;
        await fetch(`${vault.url}/secrets/${secret}?api-version=7.5`, {
          method: 'PUT',
          headers: { 'authorization': 'Bearer admin', 'content-type': 'application/json' },
          body: JSON.stringify({ value: canary.value(secret) }),
        });
      }
      await vault.close();
      const deploy = (environment: Record<string, string> = {}) =>
        run('docker', ['stack', 'deploy', '--resolve-image', 'never', '-c', file, stack], {
          env: { ...process.env, DOCKER_HOST: lab.endpoint, ...environment },
        });
      onTestFinished(async () => {
        await lab.removeStack(stack);
      });
      await put(
        file,
        compose(lab, (secret) => `${stack}_${secret}_v3`),
      );
      await deploy();
      for (const name of Object.keys(READS)) await lab.running(`${stack}_${name}`, 1);

      const services = async (): Promise<Service[]> =>
        (await lab.engine<Service[]>('GET', '/services')).filter(({ Spec }) =>
          Spec.Name.startsWith(`${stack}_`),
        );
      const secrets = async (): Promise<Secret[]> =>
        (await lab.engine<Secret[]>('GET', '/secrets')).filter(({ Spec }) =>
          Spec.Name.startsWith(`${stack}_`),
        );
      const reads = async (name: string): Promise<string[]> => {
        const found = (await services()).find(({ Spec }) => Spec.Name === `${stack}_${name}`);
        const all = found?.Spec.TaskTemplate.ContainerSpec.Secrets ?? [];
        return all.map(({ SecretName }) => SecretName.slice(stack.length + 1)).sort();
      };
      const tasks = async (): Promise<string[]> => {
        const all = await Promise.all(Object.keys(READS).map((name) => lab.tasks(`${stack}_${name}`)));
        return all
          .flat()
          .flatMap(({ ID, DesiredState }) => (DesiredState === 'running' ? [ID] : []))
          .sort();
      };
      const outside = async () => JSON.stringify([await services(), await secrets(), await tasks()]);

      const discover = [
        'import',
        '--discover',
        `--vault=${VAULT}`,
        '--swarm-name=lab',
        '--stack=busflow',
        `--namespace=${stack}`,
        '--compose=compose.yml',
      ];
      const discovered = await project.keyturn(discover);
      expect(discovered.code, discovered.err).toBe(0);
      expect(discovered.out).toContain(`7 secrets and 5 consumers found on swarm lab and vault ${VAULT}`);
      expect(discovered.out).toContain('6 on both, 1 only on the swarm, 0 only in the vault');
      const json = await project.keyturn([...discover, '--dry-run', '--format', 'json']);
      const told = JSON.parse(json.out) as { compose: { lines: { key: string; shall: string }[] } };
      const path = join(project.folder, 'stacks', 'busflow.ts');
      const source = await readFile(path, 'utf8');
      await put(path, source.replace("'keyturn'", `'${REPOSITORY}/src/declare/declare.ts'`));
      await put(join(project.folder, 'main.ts'), MAIN);

      const before = await outside();
      const imported = await project.keyturn(['import', '--all', '--auto-approve']);
      expect(imported.code, imported.out + imported.err).toBe(0);
      expect(imported.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
      expect(await outside()).toBe(before);
      const plan = await project.keyturn(['plan', '--detailed-exitcode']);
      expect(plan.code, plan.out + plan.err).toBe(0);

      const rotation = ['apply', '--auto-approve', '--rotate', 'db-writer', '--value', 'db-writer=env:NEXT'];
      const rotated = await project.keyturn(rotation, { env: { NEXT: canary.value('next') } });
      expect(rotated.code, rotated.out + rotated.err).toBe(0);
      expect(await reads('api')).toEqual(['db-reader_v3', 'db-writer_v4']);
      expect(await reads('provisioner')).toEqual(['hcloud-token_v3', 'ubicloud-token_v3']);
      expect(await project.keyturn(['plan', '--detailed-exitcode'])).toMatchObject({ code: 0 });

      // From now on the file takes its names as `import --discover` printed them.
      const wired = Object.fromEntries(
        told.compose.lines.map(({ key, shall }) => [key, shall.replace(/^name: '(.*)'$/, '$1')]),
      );
      expect(Object.keys(wired).sort()).toEqual([...SECRETS].sort());
      await put(
        file,
        compose(lab, (secret) => wired[secret] ?? ''),
      );
      const running = await tasks();
      await deploy(variablesIn((await project.keyturn(['output'])).out));
      expect(await tasks()).toEqual(running);
      expect(await reads('api')).toEqual(['db-reader_v3', 'db-writer_v4']);

      const back = await project.keyturn(['rollback', 'db-writer', '--auto-approve']);
      expect(back.code, back.out + back.err).toBe(0);
      expect(await reads('api')).toEqual(['db-reader_v3', 'db-writer_v3']);
      expect(await project.keyturn(['plan', '--detailed-exitcode'])).toMatchObject({ code: 0 });
      expect(canary.foundIn(project.printed())).toEqual([]);
      console.info('live: busflow was discovered, taken over, rotated, deployed and rolled back');
    },
  );
});

const MAIN = `import { App } from 'cdktf';
import { BusflowStack } from './stacks/busflow.ts';
const app = new App();
new BusflowStack(app, 'busflow');
app.synth();
`;

function variablesIn(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => /^[A-Z]/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
