import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretAddress } from '../../src/model/address.ts';
import type { BuildRead, EnvFile, ImageBuild, Restart } from '../../src/model/host.ts';
import { copies, envFile, faultOf, hostGround, nameFor, reference, UNIT } from '../support/host-ground.ts';
import type { HostGround } from '../support/host-ground.ts';

const COMPOSE: Extract<Restart, { kind: 'compose-service' }> = {
  kind: 'compose-service',
  service: 'web',
  directory: '/srv/tracker',
  files: ['compose.yaml'],
  project: null,
  program: ['docker', 'compose'],
  rolling: false,
};
const FOLDER = 'services/%srv%tracker%web';

let directory: string;
let ground: HostGround;

const open = async (more: Partial<EnvFile>): Promise<HostGround> => {
  ground = await hostGround(directory, envFile({ format: 'compose', ...more }));
  return ground;
};
const state = (path: string): string => join(ground.running.root, 'run/keyturn', path);
const containers = (): string[] => readdirSync(state('containers')).sort();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
});
afterEach(async () => {
  await ground?.host.close();
  rmSync(directory, { recursive: true, force: true });
});

describe.each([[['docker', 'compose']], [['docker-compose']]])('a service of %s', (program) => {
  it('is made anew with what its file holds, and is verified by its container', async () => {
    await open({ restarts: [{ ...COMPOSE, program }] });
    const [before] = containers();
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(containers()).toHaveLength(1);
    expect(containers()).not.toContain(before);
    const { tasks, probe } = await ground.verify({ JWT_SECRET: 1 });
    expect({ tasks, probe }).toEqual({ tasks: 1, probe: 'the environment of 1 of 1 names these versions' });
    const service = await ground.observe();
    expect(service).toMatchObject({ tasks: 1, healthCheck: true, order: 'stop-first' });
    expect(service.liveTasks[0]?.copyIds).toEqual([reference('JWT_SECRET', 1)]);
    expect(await ground.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: true });
  });
});

describe('a service of compose', () => {
  it('whose container ends, or is unhealthy, is not verified', async () => {
    await open({ restarts: [COMPOSE] });
    ground.switchOn(`${FOLDER}/unhealthy`);
    await ground.flip({ JWT_SECRET: [null, 1] });
    const fault = await faultOf(ground.verify({ JWT_SECRET: 1 }));
    expect(fault).toMatchObject({ code: 'verify-failed' });
    expect(fault.message).toContain('unhealthy');
  });

  it('whose container ends at once is not verified, and says so without waiting', async () => {
    await open({ restarts: [COMPOSE] });
    await ground.flip({ JWT_SECRET: [null, 1] });
    ground.switchOn(`${FOLDER}/refuses`, `${reference('JWT_SECRET', 2)}\n`);
    await ground.flip({ JWT_SECRET: [1, 2] });
    const fault = await faultOf(ground.verify({ JWT_SECRET: 2 }, { deadlineMs: 600_000 }));
    expect(fault.message).toMatch(/"web" does not stay up: web-\d+ is exited/);
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    await ground.verify({ JWT_SECRET: 1 });
  });

  it('that was scaled by hand stays so', async () => {
    await open({ restarts: [COMPOSE] });
    const at = ['compose', '--project-directory', join(ground.running.root, COMPOSE.directory)];
    const up = ['up', '-d', '--no-deps', '--scale', 'web=3', 'web'];
    execFileSync(join(ground.running.programs, 'docker'), [...at, ...up]);
    expect(await ground.observe()).toMatchObject({ tasks: 3 });
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(await ground.verify({ JWT_SECRET: 1 })).toMatchObject({ tasks: 3 });
  });

  it('that does not come up says that the file holds the new versions, and comes back with the old ones', async () => {
    await open({ restarts: [COMPOSE] });
    await ground.flip({ JWT_SECRET: [null, 1] });
    const text = ground.text();
    ground.switchOn(`${FOLDER}/fails`);
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    expect(fault.message).toContain('compose did not bring up "web"');
    expect(fault.live).toContain('holds the new versions');
    rmSync(state(`${FOLDER}/fails`));
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    expect(ground.text()).toBe(text);
    await ground.verify({ JWT_SECRET: 1 });
  });

  it('that the project does not have is refused before anything is written', async () => {
    await open({ restarts: [COMPOSE] });
    const text = ground.text();
    rmSync(state('containers'), { recursive: true });
    mkdirSync(state('containers'));
    rmSync(state(FOLDER), { recursive: true });
    expect(await faultOf(ground.flip({ JWT_SECRET: [null, 1] }))).toMatchObject({ code: 'service-absent' });
    expect(ground.text()).toBe(text);
  });
});

describe('a rolling service', () => {
  const rolling = { ...COMPOSE, rolling: true };

  it('is replaced one container at a time and ends with as many', async () => {
    await open({ restarts: [rolling] });
    const before = containers();
    expect(before).toHaveLength(2);
    expect((await ground.observe()).order).toBe('start-first');
    await ground.flip({ JWT_SECRET: [null, 1] });
    const after = containers();
    expect(after).toHaveLength(2);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    await ground.verify({ JWT_SECRET: 1 });
    const marker = readFileSync(join(ground.running.root, `${ground.file.path}.keyturn`), 'utf8');
    expect(marker).not.toContain('SCALE');
  });

  it('keeps its old containers where a new one does not become healthy', async () => {
    await open({ restarts: [rolling] });
    await ground.flip({ JWT_SECRET: [null, 1] });
    const before = containers();
    ground.switchOn(`${FOLDER}/unhealthy`);
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    expect(fault.message).toContain('no further container of "web" came up beside the old ones');
    expect(containers()).toEqual(before);
    rmSync(state(`${FOLDER}/unhealthy`));
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    await ground.verify({ JWT_SECRET: 1 });
    expect(containers()).toHaveLength(2);
  });

  it('ends with as many as it had where it was left with one more', async () => {
    await open({ restarts: [rolling] });
    // The stop of an old container does not come through: by then there are three.
    const docker = join(ground.running.programs, 'docker');
    const real = readFileSync(docker, 'utf8');
    writeFileSync(
      docker,
      real.replace('\ncase $1 in\n  compose)', '\n[ "$1" != stop ] || exit 1\ncase $1 in\n  compose)'),
    );
    await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(containers()).toHaveLength(3);
    writeFileSync(docker, real);
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(containers()).toHaveLength(2);
    await ground.verify({ JWT_SECRET: 1 });
  });
});

describe('a command as a restart', () => {
  const command = { kind: 'command', argv: ['reread', '--all'], timeout: 'PT20S' } as const;

  it('is run each time, because nothing shows what it did', async () => {
    await open({ restarts: [command] });
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(await ground.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: false });
    expect(readFileSync(state('ran'), 'utf8')).toBe('reread\nreread\n');
    expect(await ground.verify({ JWT_SECRET: 1 })).toMatchObject({
      tasks: 0,
      probe: 'what "reread" restarted is not seen',
    });
  });

  it('that fails is a fault', async () => {
    await open({ restarts: [command] });
    ground.switchOn('run-fails');
    expect((await faultOf(ground.flip({ JWT_SECRET: [null, 1] }))).message).toBe('"reread" exited with 1');
  });

  it('really runs on a host, and is ended where it takes too long', async () => {
    ground = await hostGround(directory);
    const path = join(directory, 'real.env');
    writeFileSync(path, 'A=1\n');
    const file = envFile({
      path,
      restarts: [
        {
          kind: 'command',
          argv: ['sh', '-c', 'echo told >"$1"; sleep "$2"', 'sh', join(directory, 'told'), '0'],
          timeout: 'PT20S',
        },
      ],
    });
    const host = ground.connect({ embedded: undefined, files: [file] });
    const { write: first, ...order } = ground.order({ JWT_SECRET: [null, 1] });
    const write = { file, reads: [], valueOf: first?.valueOf ?? (() => Promise.reject(new Error('none'))) };
    await host.flip({ ...order, service: path, write });
    expect(readFileSync(join(directory, 'told'), 'utf8')).toBe('told\n');
    expect(readFileSync(path, 'utf8')).toContain(ground.valueOf('JWT_SECRET', 1));

    const slow = envFile({ path, restarts: [{ kind: 'command', argv: ['sleep', '60'], timeout: 'PT1S' }] });
    const fault = await faultOf(host.flip({ ...order, service: path, write: { ...write, file: slow } }));
    expect(fault.message).toBe('"sleep" did not end within PT1S');
  });
});

it('several restarts come one after the other, and those that are done are not done again', async () => {
  await open({ restarts: [UNIT, COMPOSE] });
  ground.switchOn(`${FOLDER}/fails`);
  await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
  const starts = ground.starts('tracker.service');
  rmSync(state(`${FOLDER}/fails`));
  await ground.flip({ JWT_SECRET: [null, 1] });
  expect(ground.starts('tracker.service')).toBe(starts);
  await ground.verify({ JWT_SECRET: 1 });
});

describe('an image with values baked in', () => {
  const build: ImageBuild = {
    variable: 'WEB_IMAGE',
    image: 'registry.example/web',
    argv: ['build-web'],
    directory: '/srv/tracker',
    timeout: 'PT1M',
  };
  const read = (target: string, ordinal: number): BuildRead => ({
    build: 'WEB_IMAGE',
    target,
    secret: secretAddress('vault', nameFor(target)),
    ordinal,
  });
  const baked = (ordinal: number): BuildRead[] => [read('POSTHOG_KEY', ordinal), read('SITE_KEY', 7)];
  const tag = (ordinal: number): string =>
    `WEB_IMAGE=registry.example/web:${reference('POSTHOG_KEY', ordinal)}.${reference('SITE_KEY', 7)}`;

  it('is built once for its versions, named in the file, and named by the marker', async () => {
    await open({ restarts: [COMPOSE], builds: [build] });
    const change = { POSTHOG_KEY: [null, 1], SITE_KEY: [null, 7] } as const;
    await ground.host.flip(ground.order(change, false, baked(1)));
    expect(ground.text()).toContain(`\n${tag(1)}\n`);
    expect(ground.text()).not.toContain('POSTHOG_KEY=');
    expect(copies(await ground.observe())).toEqual({
      POSTHOG_KEY: reference('POSTHOG_KEY', 1),
      SITE_KEY: reference('SITE_KEY', 7),
    });
    await ground.host.flip(ground.order({ POSTHOG_KEY: [1, 2] }, false, baked(2)));
    expect(ground.text()).toContain(`\n${tag(2)}\n`);
    const asked = ground.asked.length;
    await ground.host.flip(ground.order({ POSTHOG_KEY: [2, 1] }, true, baked(1)));
    expect(ground.text()).toContain(`\n${tag(1)}\n`);
    // The way back finds the image of before: it is not built again, and its values are asked for by nobody.
    expect(readFileSync(state('ran'), 'utf8')).toBe('build-web\nbuild-web\n');
    expect(ground.asked).toHaveLength(asked);
  });

  it('that is not there after its build leaves the file as it was', async () => {
    await open({ restarts: [COMPOSE], builds: [build] });
    const text = ground.text();
    ground.switchOn('builds-nothing');
    const change = { POSTHOG_KEY: [null, 1], SITE_KEY: [null, 7] } as const;
    const fault = await faultOf(ground.host.flip(ground.order(change, false, baked(1))));
    expect(fault).toMatchObject({ code: 'hook-failed' });
    expect(fault.message).toContain('left no image');
    expect(ground.text()).toBe(text);
  });
});
