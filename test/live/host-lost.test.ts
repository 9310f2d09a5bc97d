import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EnvFile } from '../../src/model/host.ts';
import { copies, reference } from '../support/host-ground.ts';
import { connectFile } from './host-file.ts';
import { describeHosts, openHost } from './hosts.ts';
import type { LiveHost } from './hosts.ts';
import { freshValue, installTracker } from './tracker-host.ts';

const FILE: EnvFile = {
  path: '/etc/tracker/web.env',
  format: 'systemd',
  mode: null,
  owner: null,
  restarts: [{ kind: 'systemd-unit', unit: 'tracker.service', action: 'restart' }],
  builds: [],
};

/**
 * In the place of mv: at one of its calls it has systemd kill sshd and whatever runs under it, itself included, without
 * a chance to tidy up. Every step that a write cannot take back is a mv.
 */
const TRAP = `#!/bin/bash
calls=$(($(cat /srv/trap/calls) + 1))
echo "$calls" >/srv/trap/calls
crash() { systemctl kill --signal=KILL ssh.service; sleep infinity; }
[ "$(cat /srv/trap/at)" != "before $calls" ] || crash
/srv/trap/mv "$@"
status=$?
[ "$(cat /srv/trap/at)" != "after $calls" ] || crash
exit $status
`;

async function setTrap(host: LiveHost): Promise<(at: string) => Promise<void>> {
  await host.run('install', '-D', '/usr/bin/mv', '/srv/trap/mv');
  await host.write('/srv/trap/trap', TRAP, 0o755);
  await host.run('mount', '--bind', '/srv/trap/trap', '/usr/bin/mv');
  return async (at) => {
    await host.write('/srv/trap/calls', '0\n');
    await host.write('/srv/trap/at', `${at}\n`);
  };
}

describeHosts('a host that is lost in the middle of a write', () => {
  test.each(['before 1', 'after 1', 'before 2', 'after 2', 'before 3', 'after 3'])(
    'is looked at anew, and ends with the new value, one restart and nothing beside (mv, %s)',
    async (at) => {
      const { host, environment } = await openHost();
      const { unit, text, values } = await installTracker(host);
      const web = connectFile(host, environment, FILE);
      onTestFinished(() => web.platform.close());
      const [first, second] = [freshValue(), freshValue()];
      web.give('JWT_SECRET', 1, first);
      web.give('JWT_SECRET', 2, second);
      await web.flip({ JWT_SECRET: [null, 1] });
      await web.verify({ JWT_SECRET: 1 });
      const before = (await host.journal(unit)).match(/^Starting/gm);
      const sshd = await host.property('ssh.service', 'NRestarts');

      const trap = await setTrap(host);
      await trap(at);
      await web.flip({ JWT_SECRET: [1, 2] });
      await web.verify({ JWT_SECRET: 2 });

      // It did happen.
      expect(Number(await host.property('ssh.service', 'NRestarts'))).toBe(Number(sshd) + 1);
      expect(await host.read(FILE.path)).toBe(text.replace(values.JWT_SECRET, second));
      expect(await readdir(host.root + dirname(FILE.path))).toEqual(['web.env', 'web.env.keyturn']);
      expect((await host.journal(unit)).match(/^Starting/gm)).toHaveLength((before ?? []).length + 1);
      expect(await host.environmentOf(unit)).toMatchObject({ JWT_SECRET: second });
      const seen = await web.observe();
      expect(copies(seen)).toEqual({ JWT_SECRET: reference('JWT_SECRET', 2) });
      expect(seen.file).toMatchObject({ isEdited: false, down: [], stale: [] });
      for (const value of [values.JWT_SECRET, first]) expect(await host.filesWith(value)).toEqual([]);
    },
  );
});
