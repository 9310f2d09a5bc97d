import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BlobStore } from '../../src/providers/blob-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import type { Azurite } from '../support/azurite.ts';
import { ACCESS_KEY, ACCOUNT, placeIn, startAzurite } from '../support/azurite.ts';
import { claimed, holder } from '../support/lease.ts';
import { SHOP, keyturn, project, temporaryFolder } from './project.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

const environment = (): Record<string, string> => ({
  KEYTURN_BLOB_ENDPOINT: azurite.endpoint,
  ARM_ACCESS_KEY: ACCESS_KEY,
});

/** A project whose record is in `state/shop`, from an apply in the sandbox. */
async function applied(container: string | null): Promise<string> {
  const cwd = await project(SHOP);
  const first = await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  expect(first.err).not.toContain('error');
  expect(first).toMatchObject({ code: 0 });
  await mkdir(join(cwd, 'state'));
  await cp(join(cwd, '.keyturn', 'sandbox', 'state', 'shop'), join(cwd, 'state', 'shop'), {
    recursive: true,
  });
  if (container !== null) await declareBackend(cwd, container);
  return cwd;
}

/** From now on the stack keeps its record beside its Terraform state. */
async function declareBackend(cwd: string, container: string): Promise<void> {
  const main = await readFile(join(cwd, 'main.ts'), 'utf8');
  const backend = `new AzurermBackend(this, {
    storageAccountName: '${ACCOUNT}', containerName: '${container}', key: 'shop.tfstate' });`;
  await writeFile(join(cwd, 'main.ts'), main.replace('super(scope, id);', `super(scope, id); ${backend}`));
}

test('a record moves to the storage account that its stack declares, and back', async () => {
  const cwd = await applied('moving');
  const run = (...args: string[]) => keyturn(args, { cwd, env: environment() });
  const alone = await run('state', 'migrate');
  expect(alone).toMatchObject({ code: 1, out: '' });
  expect(alone.err).toContain('--auto-approve');
  const foreseen = await run('state', 'migrate', '--dry-run');
  expect(foreseen).toMatchObject({ code: 0 });
  expect(foreseen.out).toContain('the record moves from state/shop to ');
  expect(foreseen.out).toContain('Nothing was moved.');
  expect(JSON.parse((await run('state', 'list', '--format', 'json')).out)).toMatchObject({
    stacks: [{ stack: 'shop', serial: 0 }],
  });

  const moved = await run('state', 'migrate', '--auto-approve', '--reason', 'a team of two');
  expect(moved).toMatchObject({ code: 0 });
  expect(moved.out).toContain('read back');
  expect(await readdir(join(cwd, 'state', 'shop'))).toEqual(['history', 'state.json']);
  expect(JSON.parse((await run('state', 'list', '--format', 'json')).out)).toMatchObject({
    stacks: [{ stack: 'shop', serial: 2 }],
  });
  const history = await run('history', 'show', '2', 'shop');
  expect(history.out).toContain('Entry 2: migrate done');
  expect(history.out).toContain('moved from state/shop to http');
  const again = await run('state', 'migrate', '--auto-approve');
  expect(again).toMatchObject({ code: 0 });
  expect(again.out).toContain('moved by');

  // A checkout from before: it does not declare the storage account yet.
  const main = await readFile(join(cwd, 'main.ts'), 'utf8');
  await writeFile(join(cwd, 'main.ts'), main.replace(/new AzurermBackend\([^;]*;/, ''));
  const old = await run('plan', '--sandbox=swarm');
  await run('synth');
  const gone = await run('state', 'list', 'shop');
  expect(gone).toMatchObject({ code: 1 });
  expect(gone.err).toContain('(record-moved)');
  expect(old.code).not.toBe(0);
  await writeFile(join(cwd, 'main.ts'), main);

  const back = await run('state', 'migrate', '--to', 'local', '--auto-approve', '--format', 'json');
  expect(back).toMatchObject({ code: 0 });
  expect(JSON.parse(back.out)).toMatchObject({
    stack: 'shop',
    moved: true,
    to: 'state/shop',
    serial: 3,
    entries: 3,
  });
  const there = await run('state', 'list', 'shop');
  expect(there.err).toContain('was moved to state/shop');
}, 240_000);

test('a record is pulled, pushed where there is none, and refused where another one is', async () => {
  const cwd = await applied('pushing');
  const file = join(await temporaryFolder(), 'shop.record.json');
  await rm(join(cwd, 'cdktf.out'), { recursive: true });
  const pulled = await keyturn(['state', 'pull', 'shop'], { cwd });
  expect(pulled).toMatchObject({ code: 0 });
  await writeFile(file, pulled.out);

  const run = (...args: string[]) => keyturn(args, { cwd, env: environment() });
  const foreseen = await run('state', 'push', file, '--dry-run');
  expect(foreseen).toMatchObject({ code: 0 });
  expect(foreseen.out).toContain('serial 1, where there was none');
  const wrong = await run('state', 'push', file, 'bank');
  expect(wrong.err).toContain('the file holds the record of shop, not of bank (record-conflict)');
  const pushed = await run('state', 'push', file, 'shop', '--format', 'json');
  expect(pushed).toMatchObject({ code: 0 });
  expect(JSON.parse(pushed.out)).toMatchObject({ written: true, from: null, to: 1, entries: 1 });
  expect((await run('state', 'pull', 'shop')).out).toBe(pulled.out);
  expect((await run('state', 'push', file)).out).toContain('holds this very record');

  const other = pulled.out.replace(/"generation":1/, '"generation":2');
  await writeFile(file, other);
  const refused = await run('state', 'push', file);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain('the same serial, 1, and other content');
  expect((await run('state', 'pull', 'shop')).out).toBe(pulled.out);
}, 240_000);

test('a lease in the storage account is shown and taken from its holder', async () => {
  const cwd = await applied('leasing');
  const run = (...args: string[]) => keyturn(args, { cwd, env: environment() });
  expect(await run('state', 'migrate', '--auto-approve')).toMatchObject({ code: 0 });
  const store = new BlobStore(placeIn(azurite.endpoint, 'leasing-keyturn'), 'shop');
  const record = new StackRecord(store, 'shop', randomUUID);
  const elsewhere = holder({ holder: 'Ada', host: 'runner-7', run: 'https://ci.example/runs/811' });
  const held = await claimed(record, elsewhere);

  const shown = await run('state', 'unlock');
  expect(shown).toMatchObject({ code: 1 });
  expect(shown.out).toContain('https://ci.example/runs/811');
  expect(shown.out).toContain('cannot be told from here');
  const unlocked = await run('state', 'unlock', 'shop', '--auto-approve');
  expect(unlocked).toMatchObject({ code: 0 });
  expect(unlocked.out).toContain('Unlocked shop');
  const recorded = await record.read();
  await expect(held.write(recorded, 'some tag 1')).rejects.toMatchObject({ code: 'lease-lost' });
  await held.release();
  expect(await record.holder()).toBeNull();
}, 240_000);
