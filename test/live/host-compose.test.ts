import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { EnvFile } from '../../src/model/host.ts';
import { copies, faultOf, reference } from '../support/host-ground.ts';
import { installCompose } from './compose-host.ts';
import type { ComposeProject } from './compose-host.ts';
import { filesWith } from './files-with.ts';
import { connectFile } from './host-file.ts';
import type { LiveFile } from './host-file.ts';
import { bootHosts, describeHosts } from './hosts.ts';
import type { HostLab, LiveHost } from './hosts.ts';
import { describeLive, liveDockerHost } from './live.ts';
import { freshValue } from './tracker-host.ts';

const LONG = { timeout: 240_000 };
const SCALE = 2;
/** Where the engine keeps what it knows of containers, their environment among it. */
const CONTAINERS = join(process.env['KEYTURN_LAB'] ?? '', 'n1', 'data', 'containers');

/** compose of version 1: what it does to containers is the same as in version 2, how it reads env files is not. */
describeHosts('a file of variables of a compose project', () => {
  describeLive('with an engine of the lab', () => {
    let lab: HostLab;
    let host: LiveHost;
    let project: ComposeProject;
    beforeAll(async () => {
      lab = await bootHosts(['web-1'], liveDockerHost()?.slice('unix://'.length));
      host = lab.hosts[0] ?? expect.fail('one was asked for');
    });
    afterAll(() => lab.close());
    beforeEach(async () => {
      project = await installCompose(host, SCALE);
      onTestFinished(() => project.remove());
    });

    const connect = (rolling: boolean): LiveFile => {
      const { path, directory, name } = project;
      const file: EnvFile = {
        path,
        format: 'compose',
        mode: null,
        owner: null,
        restarts: [
          {
            kind: 'compose-service',
            service: 'web',
            directory,
            files: [],
            project: name,
            program: ['docker-compose'],
            rolling,
          },
        ],
        builds: [],
      };
      const connected = connectFile(host, lab.environment, file);
      onTestFinished(() => connected.platform.close());
      return connected;
    };
    const environments = async (): Promise<readonly (readonly string[])[]> => {
      const found = await Promise.all((await project.containers('web')).map((id) => project.inspect(id)));
      return found.map(({ Config }) => Config.Env);
    };
    const deadline = { deadlineMs: 60_000 };

    test(
      'gets a new value, and its containers are replaced one at a time, each healthy before an old one goes',
      LONG,
      async () => {
        const web = connect(true);
        const beside = await project.containers('cache');
        const old = await project.containers('web');
        const happened = watchContainers(old);
        const value = freshValue();
        web.give('JWT_SECRET', 1, value);
        expect(await web.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: false });
        const evidence = await web.verify({ JWT_SECRET: 1 }, deadline);
        expect(evidence).toMatchObject({
          tasks: SCALE,
          probe: 'the environment of 2 of 2 names these versions',
        });

        expect(await host.read(project.path)).toBe(project.text.replace(project.values.JWT_SECRET, value));
        const now = await project.containers('web');
        expect(now).toHaveLength(SCALE);
        expect(now.filter((id) => old.includes(id))).toEqual([]);
        expect(await project.containers('cache')).toEqual(beside);
        for (const environment of await environments()) {
          expect(environment).toContain(`JWT_SECRET=${value}`);
          expect(environment).toContain(`KEYTURN_VERSIONS=JWT_SECRET:${reference('JWT_SECRET', 1)}`);
        }
        const replaced = ['a new one is healthy', 'an old one ended'];
        await expect.poll(() => happened).toEqual([...replaced, ...replaced]);
        expect(await host.filesWith(project.values.JWT_SECRET)).toEqual([]);
        expect(await filesWith(CONTAINERS, project.values.JWT_SECRET)).toEqual([]);
        expect(await filesWith(CONTAINERS, value)).toHaveLength(SCALE);
        expect((await web.observe()).file).toMatchObject({ isEdited: false, down: [], stale: [] });
        expect(await web.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: true });
        expect(await project.containers('web')).toEqual(now);
      },
    );

    test(
      'that a new container is not healthy with costs none of the old ones, and the way back brings the file back',
      LONG,
      async () => {
        const web = connect(true);
        const [first, bad] = [freshValue(), freshValue('bad')];
        web.give('JWT_SECRET', 1, first);
        web.give('JWT_SECRET', 2, bad);
        await web.flip({ JWT_SECRET: [null, 1] });
        await web.verify({ JWT_SECRET: 1 }, deadline);
        const [old, text] = [await project.containers('web'), await host.read(project.path)];
        const fault = await faultOf(web.flip({ JWT_SECRET: [1, 2] }));
        expect(fault.message).toMatch(
          /no further container of "web" came up beside the old ones: .* is unhealthy/,
        );
        expect(await project.containers('web')).toEqual(old);
        await web.flip({ JWT_SECRET: [2, 1] }, true);
        await web.verify({ JWT_SECRET: 1 }, deadline);
        expect(await host.read(project.path)).toBe(text);
        for (const environment of await environments()) expect(environment).toContain(`JWT_SECRET=${first}`);
        expect(await project.containers('web')).toHaveLength(SCALE);
        expect(await host.filesWith(bad)).toEqual([]);
        expect(await filesWith(CONTAINERS, bad)).toEqual([]);
      },
    );

    test(
      'gets a new value, and its containers are replaced together where it is not declared as rolling',
      LONG,
      async () => {
        const web = connect(false);
        const [old, beside] = [await project.containers('web'), await project.containers('cache')];
        web.give('JWT_SECRET', 1, freshValue());
        await web.flip({ JWT_SECRET: [null, 1] });
        await web.verify({ JWT_SECRET: 1 }, deadline);
        const now = await project.containers('web');
        expect(now).toHaveLength(SCALE);
        expect(now.filter((id) => old.includes(id))).toEqual([]);
        expect(await project.containers('cache')).toEqual(beside);
        expect(statSync(host.root + project.path).mode & 0o7777).toBe(0o600);
        expect(copies(await web.observe())).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
      },
    );

    test(
      'whose containers end with the new value does not pass, and the way back brings them back',
      LONG,
      async () => {
        const web = connect(false);
        const first = freshValue();
        web.give('JWT_SECRET', 1, first);
        web.give('JWT_SECRET', 2, freshValue('crash'));
        await web.flip({ JWT_SECRET: [null, 1] });
        await web.verify({ JWT_SECRET: 1 }, deadline);
        await web.flip({ JWT_SECRET: [1, 2] });
        expect(await faultOf(web.verify({ JWT_SECRET: 2 }, deadline))).toMatchObject({
          code: 'verify-failed',
        });
        await web.flip({ JWT_SECRET: [2, 1] }, true);
        await web.verify({ JWT_SECRET: 1 }, deadline);
        for (const environment of await environments()) expect(environment).toContain(`JWT_SECRET=${first}`);
      },
    );

    /** What happens to web's containers from now on, in order: a new one becomes healthy, one of these ends. */
    function watchContainers(old: readonly string[]): readonly string[] {
      const filters = [
        'type=container',
        `label=com.docker.compose.project=${project.name}`,
        'label=com.docker.compose.service=web',
        'event=health_status',
        'event=die',
      ].flatMap((filter) => ['--filter', filter]);
      const since = String(Date.now() / 1_000);
      const args = ['events', '--since', since, '--format', '{{.ID}} {{.Status}}', ...filters];
      const events = spawn('docker', ['-H', liveDockerHost() ?? '', ...args]);
      onTestFinished(() => void events.kill());
      const happened: string[] = [];
      createInterface(events.stdout).on('line', (line) => {
        const isOld = old.some((id) => line.startsWith(id));
        if (line.endsWith(' die')) happened.push(isOld ? 'an old one ended' : 'a new one ended');
        else if (line.endsWith(': healthy') && !isOld) happened.push('a new one is healthy');
      });
      return happened;
    }
  });
});
