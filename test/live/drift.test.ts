import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { put } from '../cli/project.ts';
import {
  driftStack,
  expectEveryKindToBeMended,
  expectFoundAndMended,
  serious,
  succeeds,
} from '../support/drift-ground.ts';
import type { Ground } from '../support/drift-ground.ts';
import { sandboxedProject } from '../support/project.ts';
import { FLIP, openGate } from './gate.ts';
import { until } from './lab-nodes.ts';
import { describeLive } from './live.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

const LONG = { timeout: 900_000 };
const STILL = ['completed', 'paused', 'rollback_completed', 'rollback_paused'];
const QUICK =
  '--replicas 2 --update-order start-first --update-monitor 500ms --update-failure-action pause'.split(' ');

const run = promisify(execFile);

/** Swarm writes what it resolved of the networks into a task's own: the rest is as the service has it. */
interface Template {
  readonly ContainerSpec: unknown;
  readonly ForceUpdate?: number;
}
interface Service {
  readonly ID: string;
  readonly Spec: { readonly TaskTemplate: Template };
  readonly UpdateStatus?: { readonly State: string };
}
interface Task {
  readonly ServiceID: string;
  readonly DesiredState: string;
  readonly Spec: Template;
}

const runs = ({ ContainerSpec, ForceUpdate = 0 }: Template) => ({ ContainerSpec, ForceUpdate });

/**
 * An update has no status until the orchestrator has seen it: where there is none, that each task runs by the spec of
 * now tells that there is none to come.
 */
async function isSettled(lab: Lab, name: string): Promise<boolean> {
  const { ID, Spec, UpdateStatus } = await lab.engine<Service>('GET', `/services/${name}`);
  if (UpdateStatus !== undefined) return STILL.includes(UpdateStatus.State);
  const tasks = await lab.engine<Task[]>('GET', '/tasks');
  return tasks
    .filter(({ ServiceID, DesiredState }) => ServiceID === ID && DesiredState === 'running')
    .every((task) => isDeepStrictEqual(runs(task.Spec), runs(Spec.TaskTemplate)));
}

/** The services of these names on the live swarm, behind a gate, and the program on them. */
async function openGround(lab: Lab, api: string, worker: string): Promise<Ground> {
  // Of its own: what another project of that name left on this swarm would be an orphan here.
  const stack = api.replaceAll('_', '-');
  const gate = await openGate(lab.endpoint);
  onTestFinished(() => gate.close());
  const project = await sandboxedProject(driftStack(api, worker, 'lab'), gate.endpoint);
  const main = join(project.folder, 'main.ts');
  const text = await readFile(main, 'utf8');
  await put(main, text.replace("new Shop(app, 'shop')", `new Shop(app, '${stack}')`));
  const settled = async (service: string): Promise<void> => {
    await until(`no update of ${service} is under way`, () => isSettled(lab, service));
  };
  return {
    project,
    stack,
    api,
    worker,
    settled,
    docker: async (args) => {
      await lab.docker(...args);
    },
    broken: async () => {
      await lab.docker('service', 'update', '-d', '--args', '/nope', api);
    },
    copy: async (name, labels) => {
      await lab.engine('POST', '/secrets/create', { Name: name, Labels: labels, Data: 'eA==' });
    },
    killed: async (args) => {
      let kill = (): void => {};
      gate.after(FLIP, async () => kill());
      const ran = await project.keyturn(args, { onStart: (how) => (kill = how) });
      gate.assertPassed();
      expect(ran.code).toBeNull();
    },
  };
}

describeLive('drift on a live swarm', () => {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab();
  });
  afterAll(() => lab.clear());

  test('each kind is found, alone, and mended by the command that is named', LONG, async () => {
    const api = await lab.service('api', [...QUICK, 'lab/app:1']);
    const worker = await lab.service('worker', [...QUICK, 'lab/app:1']);
    await lab.running(api, 2);
    await expectEveryKindToBeMended(await openGround(lab, api, worker));
  });

  test('a stack deploy from an outdated file is found before and after it, and mended', LONG, async () => {
    const stack = `${lab.prefix}_shop`;
    const [api, worker] = [`${stack}_api`, `${stack}_worker`];
    const ground = await openGround(lab, api, worker);
    const { project } = ground;
    onTestFinished(async () => {
      await lab.removeStack(stack);
    });
    const deploy = async (...files: readonly string[]): Promise<void> => {
      const args = ['stack', 'deploy', '--resolve-image', 'never', ...files.flatMap((file) => ['-c', file])];
      const env = { ...process.env, DOCKER_HOST: lab.endpoint };
      await run('docker', [...args, stack], { cwd: project.folder, env });
    };
    await put(join(project.folder, 'first.yml'), compose(''));
    await deploy('first.yml');
    await lab.running(api, 2);
    await succeeds(ground, 'apply', '--auto-approve');
    const mounts = `    secrets:
      - { source: ${api}_key, target: ${api}_key }
      - { source: ${api}_token, target: ${api}_token }
      - { source: ${api}_spare, target: ${api}_spare }`;
    await put(join(project.folder, 'base.yml'), compose(mounts));
    const named = async (file: string): Promise<void> => {
      const { out } = await project.keyturn(['output', '--format', 'compose']);
      await put(join(project.folder, file), `version: '3.8'\n${out}`);
    };
    await named('outdated.yml');
    await succeeds(ground, 'apply', '--rotate', 'key', '--auto-approve');
    await named('current.yml');

    const ahead = await serious(ground, '--compose', 'outdated.yml');
    expect(ahead.map(({ rule, subject, place }) => `${rule} ${subject} ${place?.file}`)).toContain(
      `superseded ${api}_key_v1 outdated.yml`,
    );
    expect(await serious(ground, '--compose', 'current.yml')).toEqual([]);
    await deploy('base.yml', 'outdated.yml');
    await ground.settled(api);
    const { text } = await expectFoundAndMended(ground, { rule: 'superseded', subject: api });
    expect(text).toContain('as a deploy from an outdated file does');
    await ground.settled(api);
    await deploy('base.yml', 'current.yml');
    await ground.settled(api);
    expect(await serious(ground, '--compose', 'current.yml')).toEqual([]);
  });
});

const compose = (secrets: string): string => `
version: '3.8'
services:
  api:
    image: lab/app:1
${secrets}
    deploy:
      replicas: 2
      update_config: { parallelism: 0, order: start-first, monitor: 500ms, failure_action: pause }
`;
