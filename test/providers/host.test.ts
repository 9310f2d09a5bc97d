import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copies, envFile, faultOf, hostGround, reference, TEXT, WEB_ENV } from '../support/host-ground.ts';
import type { HostGround } from '../support/host-ground.ts';

let directory: string;
let ground: HostGround;

const open = async (file = envFile()): Promise<HostGround> => {
  ground = await hostGround(directory, file);
  ground.write(TEXT);
  return ground;
};
const beside = (): string[] => readdirSync(dirname(join(ground.running.root, ground.file.path)));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
});
afterEach(async () => {
  await ground?.host.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a file of variables on a host', () => {
  it('gets two new values in one write that touches their two lines alone', async () => {
    await open();
    chmodSync(join(ground.running.root, WEB_ENV), 0o640);
    const receipt = await ground.flip({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 4] });
    expect(receipt).toMatchObject({ serviceId: WEB_ENV, already: false, originals: null });
    const before = TEXT.split('\n');
    const after = ground.text().split('\n');
    expect(after).toHaveLength(before.length);
    const changed = after.filter((line, at) => line !== before[at]);
    expect(changed).toHaveLength(2);
    expect(changed[0]).toContain(ground.valueOf('JWT_SECRET', 1));
    expect(changed[1]).toContain(ground.valueOf('VALKEY_PASSWORD', 4));
    expect(ground.mode()).toBe('640');
    expect(beside()).toEqual(['web.env', 'web.env.keyturn']);
  });

  it('is restarted once for it, runs on it, and says so', async () => {
    await open();
    const starts = ground.starts('tracker.service');
    await ground.flip({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 4] });
    expect(ground.starts('tracker.service')).toBe(starts + 1);
    const expected = { JWT_SECRET: 1, VALKEY_PASSWORD: 4 };
    expect(await ground.verify(expected)).toMatchObject({ tasks: 1, updateState: null, staleOnDownNodes: 0 });
    const service = await ground.observe();
    expect(copies(service)).toEqual({
      JWT_SECRET: reference('JWT_SECRET', 1),
      VALKEY_PASSWORD: reference('VALKEY_PASSWORD', 4),
    });
    expect(service.file).toEqual({ isThere: true, isEdited: false, mode: 0o600, down: [], stale: [] });
    expect(service.liveTasks).toEqual([
      {
        name: 'tracker.service',
        node: null,
        isLost: false,
        copyIds: [reference('JWT_SECRET', 1), reference('VALKEY_PASSWORD', 4)],
      },
    ]);
  });

  it('is left alone by a flip to what it holds already, and no value is asked for', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    const [text, starts, asked] = [ground.text(), ground.starts('tracker.service'), ground.asked.length];
    expect(await ground.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: true, originals: null });
    expect(ground.text()).toBe(text);
    expect(ground.starts('tracker.service')).toBe(starts);
    expect(ground.asked).toHaveLength(asked);
  });

  it('loses a variable with its line, and its marker no longer names it', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 4] });
    await ground.flip({ VALKEY_PASSWORD: [4, null] });
    expect(ground.text()).not.toContain('VALKEY_PASSWORD');
    expect(copies(await ground.observe())).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
  });

  it('is made anew where only its directory is there, for nobody else to read', async () => {
    await open();
    rmSync(join(ground.running.root, WEB_ENV));
    expect((await ground.observe()).file).toMatchObject({ isThere: false, mode: null });
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(ground.text()).toContain(ground.valueOf('JWT_SECRET', 1));
    expect(ground.mode()).toBe('600');
  });

  it('gets the mode that is declared', async () => {
    await open(envFile({ mode: 0o440 }));
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(ground.mode()).toBe('440');
  });

  it('is no consumer at all where its directory is not there', async () => {
    await open();
    rmSync(dirname(join(ground.running.root, WEB_ENV)), { recursive: true });
    expect((await ground.host.observe()).services).toEqual({});
    expect(await faultOf(ground.flip({ JWT_SECRET: [null, 1] }))).toMatchObject({ code: 'service-absent' });
  });

  it('that somebody edited is seen as edited, holds what its marker last said, and is healed by the next flip', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    ground.write(`${ground.text()}MORE=theirs\n`);
    const service = await ground.observe();
    expect(service.file).toMatchObject({ isEdited: true });
    expect(copies(service)).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
    expect(await ground.flip({ JWT_SECRET: [1, 1] })).toMatchObject({ already: false });
    expect((await ground.observe()).file).toMatchObject({ isEdited: false, stale: [] });
    expect(ground.text()).toContain('MORE=theirs\n');
  });

  it('is not flipped from what it does not hold', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 2] });
    const text = ground.text();
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 3] }));
    expect(fault).toMatchObject({ code: 'service-busy', where: `host://web-1${WEB_ENV}` });
    expect(fault.message).toContain(reference('JWT_SECRET', 2));
    expect(ground.text()).toBe(text);
  });
});

describe('what reads a file of variables', () => {
  const refusing = async (ordinal: number): Promise<HostGround> => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    ground.switchOn('units/tracker.service/refuses', `${reference('JWT_SECRET', ordinal)}\n`);
    return ground;
  };

  it('and does not come back is a fault, and the way back brings back file and unit', async () => {
    await refusing(2);
    const text = ground.text();
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    expect(fault.message).toContain('"tracker.service" did not restart');
    expect(fault.live).toContain('holds the new versions');
    expect(fault.next).toContain('journalctl -u tracker.service');
    expect((await ground.observe()).file).toMatchObject({ down: ['tracker.service'] });
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    expect(ground.text()).toBe(text);
    await ground.verify({ JWT_SECRET: 1 });
    expect((await ground.observe()).file).toMatchObject({ down: [], stale: [], isEdited: false });
  });

  it('goes back to what a variable was before keyturn, and leaves nothing of that beside it', async () => {
    await open();
    ground.switchOn('units/tracker.service/refuses', `${reference('JWT_SECRET', 1)}\n`);
    await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(ground.text()).not.toContain('"before"');
    await ground.flip({ JWT_SECRET: [1, null] }, true);
    expect(ground.text()).toBe(TEXT);
    expect(readFileSync(join(ground.running.root, `${WEB_ENV}.keyturn`), 'utf8')).not.toContain('TAKEN');
    await ground.verify({ JWT_SECRET: null });
  });

  it('says so where the process that knew it is gone, and believes the person who wrote it by hand', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    const text = ground.text();
    const another = ground.connect();
    const back = () => another.flip(ground.order({ JWT_SECRET: [1, null] }, true));
    const fault = await faultOf(back());
    expect(fault.message).toContain('is known to nobody any more');
    expect(ground.text()).toBe(text);
    ground.write(`${text}ANOTHER_LINE=by-hand\n`);
    expect((await faultOf(back())).message).toContain('is known to nobody any more');
    ground.write(text.replace(ground.valueOf('JWT_SECRET', 1), 'by-hand'));
    await back();
    expect(ground.text()).toContain('by-hand');
    expect(copies(await ground.observe())).toEqual({});
  });

  it('that was rotated since has its way back in the vault alone', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    await ground.flip({ JWT_SECRET: [1, 2] });
    await ground.connect().flip(ground.order({ JWT_SECRET: [2, 1] }, true));
    expect(ground.text()).toContain(ground.valueOf('JWT_SECRET', 1));
  });

  it('is called by its name in what is said, also where a value of the file is that word', async () => {
    await refusing(2);
    ground.write(`${ground.text()}APP_NAME=tracker\nAPI_TOKEN=tracker-token-of-another\n`);
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    expect(fault.message).toContain('"tracker.service" did not restart');
  });

  it('and failed too often is started again by the way back', async () => {
    await refusing(2);
    ground.switchOn('units/tracker.service/failures', '5\n');
    await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    await ground.flip({ JWT_SECRET: [2, 1] }, true);
    await ground.verify({ JWT_SECRET: 1 });
  });

  it('and may not be restarted leaves the file as it was, so that the way back finds nothing to do', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    const text = ground.text();
    ground.switchOn('units/tracker.service/forbidden');
    const fault = await faultOf(ground.flip({ JWT_SECRET: [1, 2] }));
    expect(fault).toMatchObject({ code: 'platform-refused' });
    expect(fault.live).toBe(`"${WEB_ENV}" and "tracker.service" are as they were`);
    expect(ground.text()).toBe(text);
    expect(await ground.flip({ JWT_SECRET: [2, 1] }, true)).toMatchObject({ already: true });
    await ground.verify({ JWT_SECRET: 1 });
  });

  it('and is no unit of the host is refused before anything is written', async () => {
    await open();
    rmSync(join(ground.running.root, 'run/keyturn/units/tracker.service'), { recursive: true });
    const fault = await faultOf(ground.flip({ JWT_SECRET: [null, 1] }));
    expect(fault).toMatchObject({ code: 'service-absent' });
    expect(ground.text()).toBe(TEXT);
  });

  it('and crashes again and again is never verified, although it is up whenever one looks', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    ground.switchOn('units/tracker.service/crashes');
    const fault = await faultOf(ground.verify({ JWT_SECRET: 1 }, { settleMs: 60_000, deadlineMs: 120_000 }));
    expect(fault).toMatchObject({ code: 'verify-failed' });
    expect(fault.message).toMatch(/does not stay up: it ended and was started again 3 times/);
  });

  it('and was not restarted since is stale, and is restarted without another write', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    const text = ground.text();
    // Somebody restarted it a moment before the file took its place.
    const stat = join(
      ground.running.root,
      'proc',
      readdirSync(join(ground.running.root, 'proc'))[0] ?? '',
      'stat',
    );
    const parts = readFileSync(stat, 'utf8').split(' ');
    ground.switchOn(
      '../../' + stat.slice(ground.running.root.length + 1),
      [...parts.slice(0, 21), String(Number(parts[21]) - 6_000), '0\n'].join(' '),
    );
    expect((await ground.observe()).file).toMatchObject({ stale: ['tracker.service'] });
    const asked = ground.asked.length;
    expect(await ground.flip({ JWT_SECRET: [null, 1] })).toMatchObject({ already: false });
    expect(ground.asked).toHaveLength(asked);
    expect(ground.text()).toBe(text);
    expect((await ground.observe()).file).toMatchObject({ stale: [] });
  });

  it('is told by the time it began where its environment has no marker', async () => {
    await open();
    ground.switchOn('units/tracker.service/hides');
    await ground.flip({ JWT_SECRET: [null, 1] });
    const { probe } = await ground.verify({ JWT_SECRET: 1 });
    expect(probe).toBe('1 of 1 began since the file was written');
  });

  it('and is reloaded keeps its process, which the evidence says', async () => {
    const unit = { kind: 'systemd-unit', unit: 'tracker.service', action: 'reload' } as const;
    await open(envFile({ restarts: [unit] }));
    const starts = ground.starts('tracker.service');
    await ground.flip({ JWT_SECRET: [null, 1] });
    expect(ground.starts('tracker.service')).toBe(starts);
    const { probe } = await ground.verify(
      { JWT_SECRET: 1 },
      { probe: { kind: 'tcp', port: 8080, image: '' } },
    );
    expect(probe).toMatch(/^tcp :8080 accepted; tracker.service was reloaded and keeps its processes/);
  });

  it('and answers a probe with something else fails its verification', async () => {
    await open();
    await ground.flip({ JWT_SECRET: [null, 1] });
    ground.switchOn('probe-fails', 'answered 500');
    const http = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: '' } as const;
    let now = 0;
    const clock = { ticks: () => now, sleep: async (ms: number) => void (now += ms) };
    const order = { service: WEB_ENV, expected: {}, since: null, settleMs: 0, deadlineMs: 1_000, labels: {} };
    const host = ground.connect({ clock });
    const fault = await faultOf(host.verify({ ...order, probe: http, file: ground.file }, () => {}));
    expect(fault.message).toContain('GET :8080/healthz: answered 500');
  });
});

it('an embedded host is the same one for the next process', async () => {
  await open();
  await ground.flip({ JWT_SECRET: [null, 1] });
  const [text, before] = [ground.text(), await ground.observe()];
  ground = await hostGround(directory);
  expect(ground.text()).toBe(text);
  expect(await ground.observe()).toEqual(before);
  expect(existsSync(join(ground.running.root, 'etc/machine-id'))).toBe(true);
});
