/**
 * Serves one embedded vault and one embedded swarm that hold what a converged stack of that size has: each secret once,
 * tagged as keyturn tags it, with a copy that one service reads. Forked by served.ts; tells its addresses, answers
 * questions, ends with SIGTERM.
 */
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { publish } from '../../src/cli/sandbox-claim.ts';
import { LABEL_SECRET, TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { secretAddress } from '../../src/model/address.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { STACK, SWARM, VAULT, baseName, secretName, secretsOf, serviceName } from './names.ts';
import type { Counts, Question, Size, Writes } from './served.ts';

const AT_ONCE = 32;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

const given = JSON.parse(process.argv[2] ?? '{}') as Size & { readonly folder: string };
const limits = { creates: 300, others: 4_000, windowMs: 10_000 };
const options = {
  name: VAULT,
  directory: null,
  latencyMs: 0,
  ...(given.throttled === true ? { limits } : {}),
};
const vault = await startVault(options);
const swarm = await startSwarm({
  name: SWARM,
  directory: null,
  listen: 'tcp://127.0.0.1:0',
  timeScale: 0.05,
});
if (given.throttled !== true) await fill(given);
const root = join(given.folder, '.keyturn', 'sandbox');
await mkdir(root, { recursive: true });
await publish(join(root, 'in-use.json'), new Map([[VAULT, vault.url]]), new Map([[SWARM, swarm.endpoint]]));
let seen = { vault: vault.requests.length, swarm: swarm.requests.length };
process.on('message', (question: Question) => process.send?.(answer(question)));
process.once('SIGTERM', () => process.exit(0));
process.send?.({ vault: vault.url, swarm: swarm.endpoint });

function answer(question: Question): object {
  if (question.ask === 'take counts') return takeCounts();
  if (question.ask === 'tell ids')
    return Object.fromEntries(vault.contents().map(({ name, versions }) => [name, versions.at(-1)?.id]));
  if (question.ask === 'tell writes') return writes();
  options.latencyMs = question.latencyMs;
  return {};
}

function takeCounts(): Counts {
  const counts: Record<string, number> = {};
  const add = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
  for (const { operation } of vault.requests.slice(seen.vault)) add(`vault ${operation ?? 'challenge'}`);
  for (const { operation } of swarm.requests.slice(seen.swarm)) add(`swarm ${operation ?? 'other'}`);
  seen = { vault: vault.requests.length, swarm: swarm.requests.length };
  return counts;
}

function writes(): Writes {
  const sets = vault.requests.filter(
    ({ operation, tokenName }) => operation === 'SecretSet' && tokenName !== null,
  );
  const times = sets.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  return {
    spanMs: (times.at(-1) ?? 0) - (times[0] ?? 0),
    writes: sets.filter(({ status }) => status === 200).length,
    refused: vault.requests.filter(({ status }) => status === 429).length,
  };
}

async function fill({ secrets, services }: Size): Promise<void> {
  const atOnce = pLimit(AT_ONCE);
  const numbers = Array.from({ length: secrets }, (_, n) => n);
  await Promise.all(numbers.map((n) => atOnce(() => write(n))));
  for (let n = 0; n < services; n += 1) {
    swarm.createService({
      name: serviceName(n),
      order: 'start-first',
      healthCheck: true,
      monitorMs: 500,
      secrets: secretsOf(n, secrets, services).map((secret) => ({
        target: baseName(secret),
        secretName: `${baseName(secret)}_v1`,
      })),
    });
  }
}

async function write(n: number): Promise<void> {
  const value = `value-${n}`;
  const tags = { [TAG_VERSION]: '1', [TAG_OPERATION]: `seed-${n}`, [TAG_STACK]: STACK };
  await send('PUT', `${vault.url}/secrets/${secretName(n)}?api-version=7.5`, { value, tags });
  const labels = { ...tags, [LABEL_SECRET]: secretAddress(VAULT, secretName(n)) };
  const copy = { Name: `${baseName(n)}_v1`, Data: Buffer.from(value).toString('base64'), Labels: labels };
  await send('POST', `${swarm.endpoint.replace('tcp:', 'http:')}/secrets/create`, copy);
}

function send(method: string, url: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'authorization': 'Bearer seed' };
    const sent = request(url, { method, agent, headers }, (response) => {
      response.resume().once('end', resolve);
      if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${url}: ${response.statusCode}`));
    });
    sent.once('error', reject);
    sent.end(JSON.stringify(body));
  });
}
