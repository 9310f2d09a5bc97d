import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MASKS } from '../../src/model/guard.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { filesWith, makeCanary } from '../support/canary.ts';
import { sandboxedProject } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { put, REPOSITORY, temporaryFolder } from './project.ts';

/*
 * Everything that the real program writes, while everybody whom it talks to says the values back: an engine that quotes
 * them in its errors, receivers that return them, programs that print them, and a person who puts one into a reason.
 */

const printing = (exit: number): string => JSON.stringify(['sh', '-c', `tee /dev/stderr; exit ${exit}`]);

const BODY = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const token = new Secret(this, 'token', {
      vault, source: Source.manual(), cadence: Cadence.onRequest(),
      owner: 'Erika Mustermann', tags: { contact: 'erika@example.org' }, pii: ['owner', 'tags.contact'],
      revoke: Revoke.command(${printing(0)}),
      refused: Probe.refused.command(${printing(9)}, { refused: 9, control: false }),
      onCompromise: [Effect.http('tell Erika Mustermann', { url: fromEnvironment('HOOK'), timeout: Duration.seconds(3) })],
    });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [token.at('token')], settle: Duration.seconds(0),
      probe: Probe.command(['sh', '-c', 'cat VALUE; cat VALUE >&2']),
    });
    new Notification(this, 'alerts', { to: Receiver.slack(fromEnvironment('HOOK')) });
    new Notification(this, 'audit', { to: Receiver.webhook({ url: fromEnvironment('HOOK') }) });`;

test('nothing that the program writes holds a value or personal data, whoever says it back', async () => {
  const canary = makeCanary();
  const [first, second] = [canary.value('first'), canary.value('second')];
  let said = '';
  let isRefusing = true;
  const swarm = await startSwarm({
    name: 'shop',
    directory: null,
    listen: { port: 0 },
    timeScale: 0.05,
    intercept: ({ operation, carryOut }) => {
      if (operation !== 'SecretCreate' || !isRefusing) return Promise.resolve(carryOut());
      const bytes = Buffer.from(said);
      const quotes = [said, bytes.toString('base64'), bytes.toString('hex'), encodeURIComponent(said)];
      return Promise.resolve({ status: 400, body: { message: `cannot take ${quotes.join(' or ')}` } });
    },
  });
  onTestFinished(() => swarm.close());
  swarm.createService({ name: 'shop_web' });
  const receiver = await startReceiver(() => ({ status: 500, headers: { 'x-said': said }, body: said }));

  const shop = await sandboxedProject(BODY, swarm.endpoint);
  const { folder, runs } = shop;
  const main = await readFile(join(folder, 'main.ts'), 'utf8');
  const door = `import { Notification, Receiver, fromEnvironment } from '${REPOSITORY}/src/declare/declare.ts';\n`;
  const outside = await temporaryFolder();
  const valueFile = join(outside, 'value');
  await put(join(folder, 'main.ts'), door + main.replaceAll('VALUE', valueFile));
  const env = { HOOK: receiver.url };
  const always = ['--debug', '--notify', '--sandbox-outside', '--auto-approve', '--events', 'events.jsonl'];
  const apply = async (value: string, ...args: readonly string[]) => {
    said = value;
    await put(valueFile, value);
    return shop.keyturn([...args, ...always], { env: { ...env, TOKEN: value }, stdin: `${value}\n` });
  };

  // The engine refuses the copy and quotes it; the person wrote the value into the reason and the ticket.
  const because = ['--reason', `it was ${first}`, '--ticket', `OPS ${first}`];
  const failed = await apply(first, 'apply', '--value', 'token=env:TOKEN', ...because);
  expect(failed.code, failed.err).toBe(10);
  expect(failed.out + failed.err).toContain(`cannot take ${MASKS.value} or ${MASKS.value}`);
  isRefusing = false;
  const applied = await apply(first, 'apply', '--value', `token=file:${valueFile}`, ...because);
  expect(applied.code, applied.err).toBe(0);
  const ended = await apply(
    second,
    'compromise',
    'token',
    '--incident',
    'INC-7',
    '--value',
    'token=-',
    ...because,
  );
  expect([0, 11], ended.err).toContain(ended.code);

  const asked = [
    ['plan', '--out', 'shop.plan.json', '--rotate', 'token', '--detailed-exitcode'],
    ['plan', '--format', 'json'],
    ['status'],
    ['status', '--format', 'json'],
    ['status', '--format', 'prometheus'],
    ['status', '--textfile', 'keyturn.prom'],
    ['output'],
    ['history', 'list', '--format', 'json'],
    ['history', 'show', '1', '--format', 'json'],
    ['history', 'show', '2'],
    ['history', 'show', '3', '--format', 'json'],
    ['state', 'show', '--format', 'json'],
  ];
  for (const args of asked) await shop.keyturn(args, { env });
  expect(runs.slice(-asked.length).filter(({ code }) => code !== 0 && code !== 2)).toEqual([]);

  // The embedded vault is the vault.
  const isVault = (path: string): boolean => path.includes('/sandbox/vaults/');
  const { found, read } = await filesWith(canary, folder, isVault);
  expect(found).toEqual([]);
  expect(read).toBeGreaterThan(8);
  expect(canary.foundIn(shop.printed())).toEqual([]);
  expect(receiver.received.length).toBeGreaterThan(2);
  const told = receiver.received.map((each) => JSON.stringify(each)).join('\n');
  expect(canary.foundIn(told)).toEqual([]);

  const history = join(folder, '.keyturn', 'sandbox', 'state', 'shop', 'history');
  const entries = await Promise.all(
    (await readdir(history)).map((name) => readFile(join(history, name), 'utf8')),
  );
  expect(entries.join('\n')).toContain(`"reason":"it was ${MASKS.value}","`);
  const personal = /Erika|Mustermann|example\.org/;
  // What the vault's tags hold is on its way there in the plan; everything else is masked.
  const events = await readFile(join(folder, 'events.jsonl'), 'utf8');
  for (const text of [shop.printed(), told, events, ...entries]) expect(text).not.toMatch(personal);
  expect(told).toContain(`tell ${MASKS.personal}`);
}, 300_000);
