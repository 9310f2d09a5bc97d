import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copies, faultOf, hostGround, reference, TEXT } from '../support/host-ground.ts';
import type { HostGround } from '../support/host-ground.ts';

/** What a script changes things with, and looks with in between. */
const STEPS = ['cat', 'chmod', 'cp', 'mv', 'readlink', 'rm', 'sync', 'wc'];

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/**
 * Ends a script of ours, with all that it runs, when it is about to take its step number `at`. Every later script is
 * ended at its first step, until `revive`.
 */
function dieAt(ground: HostGround, at: number): { hasDied(): boolean; revive(): void } {
  const { programs } = ground.running;
  const [count, dead] = [join(directory, 'count'), join(directory, 'dead')];
  writeFileSync(count, '');
  for (const step of STEPS) {
    const real = execFileSync('sh', ['-c', `command -v ${step}`], { encoding: 'utf8' }).trim();
    const wrapper = `#!/bin/sh
case $(tr '\\0' ' ' </proc/$PPID/cmdline) in
  "sh -s ")
    echo ${step} >>'${count}'
    if [ -e '${dead}' ] || [ "$(grep -c . '${count}')" -eq ${at} ]; then
      : >'${dead}'
      kill -9 0
    fi
    ;;
esac
exec ${real} "$@"
`;
    writeFileSync(join(programs, step), wrapper, { mode: 0o755 });
  }
  return {
    hasDied: () => existsSync(dead),
    revive: () => {
      for (const step of STEPS) rmSync(join(programs, step));
      rmSync(dead, { force: true });
    },
  };
}

describe('a host that dies in the middle of a write', () => {
  it(
    'at any step leaves a file that is the old or the new one, a marker that says which, and heals',
    { timeout: 600_000 },
    async () => {
      const ground = await hostGround(directory);
      ground.write(TEXT);
      const host = ground.connect({ clock: { ticks: () => performance.now(), sleep: async () => {} } });
      const around = dirname(join(ground.running.root, ground.file.path));
      await host.flip(ground.order({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 1] }));

      const seen = new Set<string>();
      let [now, next] = [1, 2];
      for (let at = 1; ; at++) {
        const moves = { JWT_SECRET: [now, next], VALKEY_PASSWORD: [now, next] } as const;
        const old = ground.text();
        const death = dieAt(ground, at);
        const outcome = await host.flip(ground.order(moves)).then(
          () => 'done',
          () => 'died',
        );
        const hasDied = death.hasDied();
        death.revive();
        // Where all that was left is a restart, it goes on by itself.
        if (!hasDied) expect(outcome).toBe('done');

        if (!hasDied) break;

        const text = ground.text();
        const isNew = text !== old;
        for (const target of ['JWT_SECRET', 'VALKEY_PASSWORD'])
          expect(text, `step ${at}`).toContain(ground.valueOf(target, isNew ? next : now));
        const service = await ground.observe();
        expect(service.file, `step ${at}`).toMatchObject({ isThere: true, isEdited: false });
        const held = isNew ? next : now;
        expect(copies(service), `step ${at}`).toEqual({
          JWT_SECRET: reference('JWT_SECRET', held),
          VALKEY_PASSWORD: reference('VALKEY_PASSWORD', held),
        });
        if (isNew && outcome === 'died')
          expect(service.file?.stale, `step ${at}`).toEqual(['tracker.service']);
        seen.add(isNew ? 'new' : 'old');

        await host.flip(ground.order(moves));
        await ground.verify({ JWT_SECRET: next, VALKEY_PASSWORD: next });
        expect(readdirSync(around), `step ${at}`).toEqual(['web.env', 'web.env.keyturn']);
        expect(ground.text().split('\n').length).toBe(TEXT.split('\n').length);
        [now, next] = [next, next + 1];
      }
      expect([...seen].sort()).toEqual(['new', 'old']);
      expect(next).toBeGreaterThan(12);
    },
  );

  it('goes on by itself where only the connection broke', async () => {
    const ground = await hostGround(directory);
    ground.write(TEXT);
    const host = ground.connect({ clock: { ticks: () => performance.now(), sleep: async () => {} } });
    const programs = ground.running.programs;
    const mark = join(directory, 'once');
    writeFileSync(
      join(programs, 'mv'),
      `#!/bin/sh\n[ -e '${mark}' ] || { : >'${mark}'; kill -9 0; }\nexec /bin/mv "$@"\n`,
      { mode: 0o755 },
    );
    expect(await host.flip(ground.order({ JWT_SECRET: [null, 1] }))).toMatchObject({ already: false });
    await ground.verify({ JWT_SECRET: 1 });
  });
});

describe('a write that the host does not take', () => {
  const refused = async (program: string, said: string) => {
    const ground = await hostGround(directory);
    ground.write(TEXT);
    writeFileSync(
      join(ground.running.programs, program),
      `#!/bin/sh\n[ $# -gt 0 ] && [ ${program} = cat ] && exec /bin/cat "$@"\necho '${said}' >&2\nexit 1\n`,
      {
        mode: 0o755,
      },
    );
    const fault = await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(ground.text()).toBe(TEXT);
    const around = readdirSync(dirname(join(ground.running.root, ground.file.path)));
    expect(around.filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await ground.observe()).references).toEqual([]);
    return fault;
  };

  it('says that the disk is full, and leaves the file as it was', async () => {
    const fault = await refused('cat', 'cat: write error: No space left on device');
    expect(fault).toMatchObject({
      code: 'platform-refused',
      live: 'the file and what reads it are as they were',
    });
    expect(fault.message).toContain('the disk is full');
  });

  it('says that the file system is read-only', async () => {
    const fault = await refused('mv', 'mv: cannot move: Read-only file system');
    expect(fault.message).toContain('the file system is read-only');
  });

  it('says that there is no right to it', async () => {
    const fault = await refused('mv', 'mv: cannot move: Permission denied');
    expect(fault.message).toContain('no right to write there');
    expect(fault.next).toContain('declare sudo');
  });

  it('meets a real limit of the size of files, and leaves nothing behind', async () => {
    const ground = await hostGround(directory);
    const long = `${TEXT}${'# filler\n'.repeat(400)}`;
    ground.write(long);
    // A shell that may write two blocks: the temporary file does not fit, as on a disk without room.
    const shell = join(directory, 'bin', 'sh');
    execFileSync('mkdir', ['-p', dirname(shell)]);
    writeFileSync(shell, `#!/bin/dash\ntrap '' XFSZ\nulimit -f 2\nexec /bin/sh "$@"\n`, { mode: 0o755 });
    const host = ground.connect({ environment: { PATH: `${dirname(shell)}:${process.env['PATH'] ?? ''}` } });
    const fault = await faultOf(host.flip(ground.order({ JWT_SECRET: [null, 1] })));
    expect(fault.message).toContain('the disk is full (cat: write error: File too large)');
    expect(ground.text()).toBe(long);
    expect(readdirSync(dirname(join(ground.running.root, ground.file.path)))).toEqual(['web.env']);
  });

  it('is one whose file was written by somebody else in between, again and again', async () => {
    const ground = await hostGround(directory);
    ground.write(TEXT);
    const path = join(ground.running.root, ground.file.path);
    // The last program before the file takes its place: the sync of the marker's directory.
    writeFileSync(
      join(ground.running.programs, 'sync'),
      `#!/bin/sh\necho '# theirs' >>'${path}'\nexec /bin/sync "$@"\n`,
      { mode: 0o755 },
    );
    const fault = await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(fault).toMatchObject({ code: 'service-busy' });
    expect(readFileSync(path, 'utf8').startsWith(TEXT)).toBe(true);
    expect(ground.text()).not.toContain(ground.valueOf('JWT_SECRET', 1));
  });
});
