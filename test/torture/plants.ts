import http from 'node:http';
import { Fault, asFault } from '../../src/model/fault.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { WriteAs, Written } from '../../src/model/vault.ts';
import type { OpenFile } from '../../src/record/files.ts';
import { LEASE_TERMS } from '../../src/record/lease.ts';
import type { Case } from './case.ts';
import type { Plant } from './plant.ts';
import type { Climate } from './weather.ts';
import { EMERGENCY_PLANTS } from './planted-emergencies.ts';
import { HOST_PLANTS } from './planted-hosts.ts';
import { finishing, journaling } from './planted-sinks.ts';
import { bound } from './planted-vault.ts';

const unsynced = (file: OpenFile): OpenFile => ({ ...file, sync: () => Promise.resolve() });
const withSteps = (plan: Plan, change: (step: Step) => Step): Plan => ({
  ...plan,
  steps: plan.steps.map(change),
});
const NEVER = new AbortController().signal;

/** Each is planted alone, and must be caught within a few seeds. */
export const PLANTS: readonly Plant[] = [
  {
    bug: 'the journal is not synced before the act',
    breaks: ['I10'],
    files: (files) => ({ ...files, openToAppend: (path) => unsynced(files.openToAppend(path)) }),
  },
  {
    bug: 'the outcome is written down before the act',
    breaks: ['I10'],
    sink: (held) =>
      journaling(held, async (entry, append) => {
        if (entry.type === 'outcome' && entry.result.status === 'done') return;
        await append(entry);
        if (entry.type !== 'intent') return;
        await append({ type: 'outcome', step: entry.step.id, result: { status: 'done', elapsedMs: 0 } });
      }),
  },
  {
    bug: 'the acts are not written down at all until they are done',
    breaks: ['I10'],
    sink: (held) =>
      journaling(held, async (entry, append) => {
        if (entry.type === 'outcome' || entry.type === 'end' || entry.type === 'seen') await append(entry);
      }),
  },
  {
    bug: 'a flip has no inverse',
    breaks: ['I7', 'I3', 'I5'],
    plan: (plan) => withSteps(plan, (step) => (step.kind === 'flip' ? { ...step, inverse: null } : step)),
    tilt: (given) => failing(weathered(given, { kind: 'calm' })),
  },
  {
    bug: 'a write whose answer is lost is sent again without looking',
    breaks: ['I6'],
    vault: (vault, uri) => ({
      ...bound(vault),
      write: (secret, value, as) => blindWrite(uri, secret, value.reveal(), as),
    }),
  },
  {
    bug: 'the last of a list is taken for the version that is looked for',
    breaks: ['I6', 'I3', 'I5', 'I12'],
    vault: (vault) => ({
      ...bound(vault),
      find: async (secret) => (await vault.versions(secret)).at(-1) ?? null,
    }),
  },
  {
    bug: 'the vault seals an entry before it is written',
    breaks: ['I10'],
    vault: (vault) => ({
      ...bound(vault),
      seal: (seal, accept) => vault.seal({ ...seal, entry: seal.entry + 1 }, accept),
    }),
  },
  {
    bug: 'a version is retired before its consumers are settled',
    breaks: ['I5'],
    platform: (platform) => ({
      ...platform,
      settle: () => Promise.resolve(),
      observe: async (signal) => {
        const seen = await platform.observe(signal);
        const blind = Object.entries(seen.services).map(([name, service]) => {
          return [name, { ...service, previousReferences: null }] as const;
        });
        return { ...seen, services: Object.fromEntries(blind) };
      },
    }),
  },
  {
    bug: 'whoever lost the lease goes on',
    breaks: ['I11'],
    fence: () => ({ pass: () => LEASE_TERMS.longestActMs, lost: NEVER }),
    clock: (clock) => ({ ...clock, now: () => 0, ticks: () => 0 }),
  },
  {
    bug: 'a lease is taken from whoever holds it',
    breaks: ['I11'],
    isAlive: () => false,
  },
  {
    bug: 'an ordinal is given out again',
    breaks: ['I6', 'I12'],
    plan: (plan) =>
      withSteps(plan, (step) =>
        step.kind === 'mint' ? { ...step, ordinal: Math.max(1, step.ordinal - 1) } : step,
      ),
  },
  {
    bug: 'what failed is not disabled on the way back',
    breaks: ['I6'],
    vault: (vault) => ({ ...bound(vault), disable: () => Promise.resolve(true) }),
  },
  {
    bug: 'the secrets of a service are flipped one at a time',
    breaks: ['I4'],
    platform: (platform) => ({
      ...platform,
      flip: async (order, signal) => {
        let receipt = await platform.flip({ ...order, changes: order.changes.slice(0, 1) }, signal);
        for (const change of order.changes.slice(1))
          receipt = await platform.flip({ ...order, changes: [change], undo: true }, signal);
        return receipt;
      },
    }),
  },
  {
    bug: 'a history entry does not name the one before',
    breaks: ['I10'],
    sink: (held) => finishing(held, (entry) => ({ ...entry, previous: null })),
  },
  {
    bug: 'an apply that is ended for another one gets an entry of its own name',
    breaks: ['I10'],
    sink: (held) => finishing(held, (entry) => ({ ...entry, apply: 'somebody' })),
  },
  {
    // In its text the guard would mask it.
    bug: 'an error quotes the value where the address of a secret stands',
    breaks: ['I1'],
    vault: (vault) => ({
      ...bound(vault),
      write: async (secret, value, as, signal) => {
        try {
          return await vault.write(secret, value, as, signal);
        } catch (thrown) {
          const fault = asFault(thrown).toJSON();
          throw new Fault({ ...fault, where: `vault://quoted/${value.reveal()}` });
        }
      },
    }),
    tilt: (given) => weathered(given, { kind: 'one', at: 'write', event: 1, what: 'refused with 403' }),
  },
  { bug: 'a saved plan is not compared with what is there now', breaks: ['I8'], appliesStale: true },
  {
    bug: 'a vault that does not answer is taken for an empty one',
    breaks: ['I13'],
    vault: (vault) => ({ ...bound(vault), list: (signal) => vault.list(signal).catch(() => []) }),
    tilt: (given) =>
      weathered(given, { kind: 'one', at: 'read', event: 1 + (given.seed % 6), what: 'refused with 403' }),
  },
  ...EMERGENCY_PLANTS,
  ...HOST_PLANTS,
];

function weathered(given: Case, climate: Climate): Case {
  return { ...given, operations: given.operations.map((operation) => ({ ...operation, climate })) };
}

/** Every apply rotates everything, to values that no service takes. */
function failing(given: Case): Case {
  const rotate = given.declared.secrets.map(({ name }) => name);
  const bad = Object.fromEntries(rotate.map((name) => [name, 'bad']));
  const operations = given.operations.map((operation) =>
    operation.kind === 'apply' ? { ...operation, order: { ...operation.order, rotate, bad } } : operation,
  );
  return { ...given, operations };
}

/** A PUT, and another one where the first was not answered with success. */
async function blindWrite(uri: string, secret: string, value: string, as: WriteAs): Promise<Written> {
  for (let tries = 1; ; tries += 1) {
    const answer = await put(uri, secret, value, as).catch(() => null);
    if (answer !== null && answer.id !== undefined)
      return { storeId: answer.id.slice(answer.id.lastIndexOf('/') + 1), isFound: false };
    if (tries === 3) throw new Fault({ code: 'vault-unreachable', what: 'the vault does not answer' });
  }
}

function put(uri: string, secret: string, value: string, as: WriteAs): Promise<{ id?: string }> {
  const { hostname, port } = new URL(uri);
  const headers = { 'authorization': 'Bearer applier', 'content-type': 'application/json' };
  const tags = {
    ...(as.ordinal === null ? {} : { [TAG_VERSION]: String(as.ordinal) }),
    [TAG_OPERATION]: as.operation,
    [TAG_STACK]: as.stack,
  };
  const options = { method: 'PUT', hostname, port, path: `/secrets/${secret}?api-version=7.5`, headers };
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(JSON.parse(text) as { id?: string }));
    });
    request.on('error', reject);
    setTimeout(() => request.destroy(new Error('no answer in time')), 30_000);
    request.end(JSON.stringify({ value, tags }));
  });
}
