import { afterAll, beforeAll, expect, test } from 'vitest';
import { installCompose } from './compose-host.ts';
import type { ComposeProject } from './compose-host.ts';
import { bootHosts, describeHosts } from './hosts.ts';
import type { HostLab, LiveHost } from './hosts.ts';
import { describeLive, liveDockerHost } from './live.ts';

describeHosts('compose on a host', () => {
  describeLive('with an engine of the lab', () => {
    let lab: HostLab;
    let host: LiveHost;
    let project: ComposeProject;
    beforeAll(async () => {
      lab = await bootHosts(['web-1'], liveDockerHost()?.slice('unix://'.length));
      host = lab.hosts[0] ?? expect.fail('one was asked for');
      project = await installCompose(host, 2);
    });
    // The containers are the engine's: they do not end with the host.
    afterAll(async () => {
      await project.remove();
      await lab.close();
    });

    test('runs as many containers as asked, with what the file says, and replaces them when it says something else', async () => {
      const before = await project.containers('web');
      const beside = await project.containers('cache');
      expect(before).toHaveLength(2);
      await host.write(project.path, project.text.replace('LOG_LEVEL=info', 'LOG_LEVEL=debug'), 0o600);
      await project.compose('up', '--detach', '--no-deps', 'web');
      const after = await project.containers('web');
      expect(after).toHaveLength(2);
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      expect(await project.containers('cache')).toEqual(beside);
      for (const id of after) expect((await project.inspect(id)).Config.Env).toContain('LOG_LEVEL=debug');
    });
  });
});
