import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostShell } from '../../src/providers/host-shell.ts';
import { openShell } from '../../src/providers/host-shell.ts';
import { markerScript, TO_COME, writeScript } from '../../src/providers/host-write-script.ts';
import { copies, envFile, hostGround, reference, TEXT, WEB_ENV } from '../support/host-ground.ts';
import type { HostGround } from '../support/host-ground.ts';

let directory: string;
let ground: HostGround;
let shell: HostShell;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
  ground = await hostGround(directory);
  ground.write(TEXT);
  await ground.flip({ JWT_SECRET: [null, 1] });
  const environment = { PATH: process.env['PATH'] };
  shell = openShell({ endpoint: null, sudo: false, environment, embedded: ground.running });
});
afterEach(async () => {
  await shell.close();
  await ground.host.close();
  rmSync(directory, { recursive: true, force: true });
});

const markerText = (): string => readFileSync(join(ground.running.root, `${WEB_ENV}.keyturn`), 'utf8');
const beside = (): string[] => readdirSync(dirname(join(ground.running.root, WEB_ENV)));
const versions = async (): Promise<Record<string, string>> => copies(await ground.observe());

/** A write of v2 that is on its way, and is run when it is called. */
function onItsWay(): () => Promise<string> {
  const identity = /^KEYTURN_VERSIONS_FILE=(.*)$/m.exec(markerText())?.[1] ?? '';
  const stand = (ordinal: number, of: string) => ({
    identity: of,
    versions: new Map([['JWT_SECRET', reference('JWT_SECRET', ordinal)]]),
  });
  const none = { scale: new Map<string, number>(), taken: new Set<string>() };
  const script = writeScript(
    {
      path: WEB_ENV,
      content: Buffer.from(ground.text().replace(ground.valueOf('JWT_SECRET', 1), 'too late')),
      expected: identity,
      mode: null,
      owner: null,
      token: '0123456789ab',
      during: { now: stand(1, identity), next: stand(2, TO_COME), ...none },
      after: { now: stand(2, TO_COME), next: null, ...none },
      asOf: null,
    },
    (path) => join(ground.running.root, path),
  );
  return async () => {
    const { out } = await shell.run({ body: script, timeoutMs: 30_000 });
    return out.toString('utf8').trim();
  };
}

describe('a write on a host that comes when nobody waits for it any more', () => {
  it('touches neither the file of somebody who wrote since nor its marker', async () => {
    const arrive = onItsWay();
    await ground.flip({ JWT_SECRET: [1, 3] });
    const [text, marker] = [ground.text(), markerText()];
    expect(await arrive()).toBe('refused moved');
    expect([ground.text(), markerText()]).toEqual([text, marker]);
    expect((await ground.observe()).file).toMatchObject({ isEdited: false, stale: [] });
    expect(beside()).toEqual(['web.env', 'web.env.keyturn']);
  });

  it('leaves the marker alone where that speaks of another file by now', async () => {
    const at = join(ground.running.root, `${WEB_ENV}.keyturn`);
    const { ino, mtimeNs } = statSync(at, { bigint: true });
    const nanoseconds = String(mtimeNs % 1_000_000_000n).padStart(9, '0');
    const identity = /^KEYTURN_VERSIONS_FILE=(.*)$/m.exec(markerText())?.[1] ?? '';
    const now = { identity, versions: new Map([['JWT_SECRET', reference('JWT_SECRET', 1)]]) };
    const marker = { now, next: null, scale: new Map<string, number>(), taken: new Set<string>() };
    const expected = `${ino}.${mtimeNs / 1_000_000_000n}.${nanoseconds}`;
    const marking = { path: WEB_ENV, marker, expected, token: '0123456789ab', staysAsOld: true };
    const body = markerScript(marking, (path) => join(ground.running.root, path));
    const arrive = async (): Promise<string> =>
      (await shell.run({ body, timeoutMs: 30_000 })).out.toString('utf8').trim();
    await ground.flip({ JWT_SECRET: [1, 3] });
    const text = markerText();
    expect(await arrive()).toBe('refused moved');
    expect(markerText()).toBe(text);
    expect(beside()).toEqual(['web.env', 'web.env.keyturn']);
  });

  it('finds nothing to write behind the way back of it, although that had nothing to write either', async () => {
    const arrive = onItsWay();
    const [text, starts, asked] = [ground.text(), ground.starts('tracker.service'), ground.asked.length];
    expect(await ground.flip({ JWT_SECRET: [2, 1] }, true)).toMatchObject({ already: true });
    expect(await arrive()).toBe('refused moved');
    expect(ground.text()).toBe(text);
    expect(await versions()).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
    expect((await ground.observe()).file).toMatchObject({ isEdited: false, stale: [] });
    expect(ground.starts('tracker.service')).toBe(starts);
    expect(ground.asked).toHaveLength(asked);
  });

  it('nor behind that of a file whose readers cannot be seen, and are told to read it anew', async () => {
    const file = envFile({ restarts: [{ kind: 'command', argv: ['reread'], timeout: 'PT5S' }] });
    const arrive = onItsWay();
    const order = ground.order({ JWT_SECRET: [2, 1] }, true);
    const write = order.write === undefined ? {} : { write: { ...order.write, file } };
    await ground.connect({ files: [file] }).flip({ ...order, ...write });
    expect(await arrive()).toBe('refused moved');
    expect(await versions()).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
  });

  it('leaves nothing of itself once its way back was gone, wherever it was cut off', async () => {
    const left = `.web.env.keyturn-0123456789ab`;
    await shell.run({
      body: `echo part >'${join(dirname(join(ground.running.root, WEB_ENV)), left)}'`,
      timeoutMs: 30_000,
    });
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    expect(beside()).toEqual(['web.env', 'web.env.keyturn']);
  });

  it('keeps no way back from its end where nothing can be written at all', async () => {
    const full = "#!/bin/sh\necho 'mv: No space left on device' >&2\nexit 1\n";
    writeFileSync(join(ground.running.programs, 'mv'), full, { mode: 0o755 });
    const text = ground.text();
    expect(await ground.flip({ JWT_SECRET: [2, 1] }, true)).toMatchObject({ already: true });
    expect(ground.text()).toBe(text);
    expect(beside()).toEqual(['web.env', 'web.env.keyturn']);
  });
});
