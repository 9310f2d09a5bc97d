import { cp, mkdir, readFile, readdir, rename } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { thisProcess } from '../../src/cli/live-process.ts';
import { BlobStore } from '../../src/providers/blob-store.ts';
import { openRecord, StackRecord } from '../../src/record/record.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { Azurite } from '../support/azurite.ts';
import { ACCESS_KEY, ACCOUNT, placeIn, startAzurite } from '../support/azurite.ts';
import type { Relay } from '../support/blob-relay.ts';
import { startRelay } from '../support/blob-relay.ts';
import { claimed, holder } from '../support/lease.ts';
import { recordOneApply } from '../support/one-apply.ts';
import type { Ran } from './project.ts';
import { keyturn, project, put, temporaryFolder } from './project.ts';

let azurite: Azurite;
let relay: Relay;
let swarm: RunningSwarm;
let container: string;

beforeAll(async () => {
  azurite = await startAzurite();
  relay = await startRelay(azurite.url);
  swarm = await startSwarm({ name: 'shop', directory: null, listen: 'tcp://127.0.0.1:0', timeScale: 0.01 });
});
afterAll(async () => {
  await relay.close();
  await swarm.close();
  await azurite.stop();
});
beforeEach(() => {
  container = `c${randomUUID().slice(0, 8)}`;
  relay.asked.splice(0);
  relay.mishap = () => 'none';
});

/** A stack that has nothing to do: it asks one swarm and its record, and no vault. */
const stackIn = (backend: string): Promise<string> =>
  project(`${backend} new Swarm(this, 'swarm', { name: 'shop', endpoint: '${swarm.endpoint}' });`);
const azure = (): string =>
  `new AzurermBackend(this, { storageAccountName: '${ACCOUNT}', containerName: '${container}', key: 'shop.tfstate' });`;

function run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const access = { KEYTURN_BLOB_ENDPOINT: `${relay.url}/${ACCOUNT}`, ARM_ACCESS_KEY: ACCESS_KEY };
  return keyturn(args, { cwd, env: { ...access, ...env } });
}

/** On one line. */
const said = ({ err }: Ran): string => err.replaceAll(/\s+/g, ' ');

function recordInAzure(): StackRecord {
  const place = placeIn(azurite.endpoint, `${container}-keyturn`);
  return new StackRecord(new BlobStore(place, 'shop'), 'shop', randomUUID);
}

const owner = (): ContainerClient =>
  new ContainerClient(
    `${azurite.endpoint}/${container}-keyturn`,
    new StorageSharedKeyCredential(ACCOUNT, ACCESS_KEY),
  );

describe('a stack with the backend of Azure', () => {
  it('keeps its record there, also in a CI, and nothing in the project', async () => {
    const folder = await stackIn(azure());
    const applied = await run(folder, ['apply', '--auto-approve'], { CI: 'true' });
    expect(applied).toMatchObject({ code: 0, err: '' });
    expect(applied.out).toContain('No changes.');
    expect(await owner().exists()).toBe(true);
    expect(await recordInAzure().holder()).toBeNull();
    expect(await readdir(folder)).not.toContain('state');
  });

  it('is looked at beside others that have one too', async () => {
    const folder = await stackIn(
      `new AzurermBackend(this, { storageAccountName: '${ACCOUNT}', containerName: '${container}', key: id + '.tfstate' });`,
    );
    const main = join(folder, 'main.ts');
    const more = "for (const id of ['blog', 'docs', 'wiki']) new Shop(app, id);";
    await put(main, (await readFile(main, 'utf8')).replace('app.synth();', `${more}\napp.synth();`));
    for (const command of ['plan', 'status', 'drift'])
      expect(await run(folder, [command]), command).toMatchObject({ code: 0, err: '' });
  });

  it('is planned and shown with reading requests alone; an absent container is an empty record', async () => {
    const folder = await stackIn(azure());
    for (const command of ['plan', 'status', 'output']) {
      expect(await run(folder, [command])).toMatchObject({ code: 0 });
    }
    expect(await run(folder, ['history', 'list'])).toMatchObject({
      code: 0,
      out: 'Nothing was applied yet.\n',
    });
    expect(relay.asked.length).toBeGreaterThan(5);
    expect(relay.asked.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(await owner().exists()).toBe(false);
  });

  it('is applied by one at a time: the second ends with 13 and says who holds it', async () => {
    const folder = await stackIn(azure());
    const living = {
      ...thisProcess(),
      host: hostname(),
      expires: new Date(Date.now() + 60_000).toISOString(),
    };
    const held = await claimed(recordInAzure(), holder({ holder: 'Ada <ada@example.org>', ...living }));
    const second = await run(folder, ['apply', '--auto-approve']);
    expect(second.code).toBe(13);
    expect(said(second)).toContain(`the lease is held by Ada <ada@example.org> since`);
    expect(said(second)).toContain(`pid ${process.pid} on ${hostname()}`);
    await held.release();
    expect(await run(folder, ['apply', '--auto-approve'])).toMatchObject({ code: 0 });
  });

  it('takes the lease of a killed apply of this host at once, without a flag', async () => {
    const folder = await stackIn(azure());
    const dead = { host: hostname(), pid: process.pid, started: '1' };
    await claimed(recordInAzure(), holder({ holder: 'dead', ...dead }));
    expect(await run(folder, ['apply', '--auto-approve'])).toMatchObject({ code: 0, err: '' });
    expect(await recordInAzure().holder()).toBeNull();
  });

  it('is done although its lease cannot be given back, and says how long that lasts', async () => {
    const folder = await stackIn(azure());
    relay.mishap = ({ method }) =>
      method === 'DELETE' ? { status: 403, code: 'AuthorizationFailure' } : 'none';
    const applied = await run(folder, ['apply', '--auto-approve']);
    expect(applied.code).toBe(0);
    expect(said(applied)).toMatch(
      /^the lease could not be given back \(.*\); the next run waits up to 90 s for its end/,
    );
    relay.mishap = () => 'none';
    // The process is dead: nobody waits for it on this host.
    expect(await run(folder, ['apply', '--auto-approve'])).toMatchObject({ code: 0, err: '' });
  });

  it('has its history and state read from where the last synth says, without running the app', async () => {
    const folder = await stackIn(azure());
    await recordOneApply(recordInAzure());
    const unknown = await run(folder, ['history', 'list', 'shop']);
    expect(unknown).toMatchObject({ code: 1 });
    expect(said(unknown)).toContain('run keyturn synth first or give --manifest');
    await run(folder, ['synth']);
    await put(join(folder, 'main.ts'), 'throw new Error("the app was run")');
    expect((await run(folder, ['history', 'show', '1'])).out).toContain('ann');
    expect((await run(folder, ['state', 'list', 'shop'])).out).toContain('serial 1, lineage l');
  });

  it('has them read by an auditor who has its manifest and nothing else', async () => {
    const folder = await stackIn(azure());
    await recordOneApply(recordInAzure());
    await run(folder, ['synth']);
    const elsewhere = await temporaryFolder();
    const manifest = join(elsewhere, 'keyturn.json');
    await cp(join(folder, 'cdktf.out', 'stacks', 'shop', 'keyturn.json'), manifest);
    const listed = await run(elsewhere, ['history', 'list', '--manifest', manifest, '--format', 'json']);
    expect(JSON.parse(listed.out)).toMatchObject({ stacks: [{ stack: 'shop', entries: [{ apply: 'a1' }] }] });
    expect((await run(elsewhere, ['state', 'list', '--manifest', manifest])).out).toContain('lineage l');
  });

  it('is kept apart in the sandbox, which asks no storage account', async () => {
    const folder = await stackIn(azure());
    expect(await run(folder, ['apply', '--sandbox', '--auto-approve'], { CI: 'true' })).toMatchObject({
      code: 0,
    });
    expect(relay.asked).toEqual([]);
  });

  it('says what is wrong where the account refuses the key, and prints the key nowhere', async () => {
    const folder = await stackIn(azure());
    const wrong = Buffer.from('a key of some other account, 32 b').toString('base64');
    const env = { ARM_ACCESS_KEY: wrong, AZURE_LOG_LEVEL: 'verbose' };
    const refused = await run(folder, ['plan', '--debug'], env);
    expect(refused.code).toBe(1);
    expect(said(refused)).toContain(`error: storage account "${ACCOUNT}"`);
    expect(said(refused)).toContain('ARM_ACCESS_KEY');
    expect(refused.out + refused.err).not.toContain(wrong);
    expect(refused.out + refused.err).not.toMatch(/SharedKey [a-z0-9]+:/i);
  });
});

describe('a stack with another backend', () => {
  it('is refused by name, with the two that there are', async () => {
    const folder = await stackIn("new S3Backend(this, { bucket: 'b', key: 'k' });");
    const refused = await run(folder, ['plan']);
    expect(refused.code).toBe(1);
    expect(said(refused)).toContain('the record of "shop" cannot be kept in the backend "s3"');
    expect(said(refused)).toContain('AzurermBackend');
    expect(said(refused)).toContain('LocalBackend');
  });
});

describe('a local record', () => {
  it.each([
    ['CI', 'true'],
    ['GITHUB_ACTIONS', 'true'],
    ['GITLAB_CI', 'true'],
    ['TF_BUILD', 'True'],
  ])('is not written in a CI (%s=%s) unless it is asked for', async (name, value) => {
    const folder = await stackIn('');
    const env = { [name]: value };
    const refused = await run(folder, ['apply', '--auto-approve'], env);
    expect(refused.code).toBe(1);
    expect(said(refused)).toContain(
      'the record of "shop" is local, and the runner of a CI forgets its files',
    );
    expect(said(refused)).toContain('--local-record');
    expect(await run(folder, ['plan'], env)).toMatchObject({ code: 0 });
    expect(await run(folder, ['apply', '--auto-approve', '--local-record'], env)).toMatchObject({ code: 0 });
  });

  it('is not rolled back in one either', async () => {
    const folder = await project();
    const refused = await run(folder, ['rollback', 'key', '--auto-approve'], { CI: '1' });
    expect(refused).toMatchObject({ code: 1 });
    expect(said(refused)).toContain('forgets its files');
  });

  it('is written where CI says no', async () => {
    const folder = await stackIn('');
    expect(await run(folder, ['apply', '--auto-approve'], { CI: 'false' })).toMatchObject({ code: 0 });
  });

  it('is read by an auditor from a copy of its directory and nothing else', async () => {
    const folder = await temporaryFolder();
    await recordOneApply(openRecord({ directory: join(folder, 'state'), stack: 'shop' }));
    const copy = await temporaryFolder();
    await mkdir(join(copy, 'audit'));
    await rename(join(folder, 'state'), join(copy, 'audit', 'state'));
    const audited = await keyturn(['history', 'show', '1', '-C', join(copy, 'audit')], { cwd: copy });
    expect(audited).toMatchObject({ code: 0, err: '' });
    expect(audited.out).toContain('ann');
  });
});
