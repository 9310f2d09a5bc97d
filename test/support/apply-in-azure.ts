import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAlive, thisProcess } from '../../src/cli/live-process.ts';
import { execute, resume } from '../../src/execute/execute.ts';
import type { Outside } from '../../src/execute/work.ts';
import { digestOf } from '../../src/model/canonical.ts';
import { asFault } from '../../src/model/fault.ts';
import { observe } from '../../src/observe/observe.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { declarationDigest } from '../../src/plan/timing.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { BlobStore } from '../../src/providers/blob-store.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { generateValue } from '../../src/providers/sources.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { LEASE_TERMS } from '../../src/record/lease.ts';
import { StackRecord } from '../../src/record/record.ts';
import { placeIn } from './azurite.ts';
import { holder, REAL_CLOCK } from './lease.ts';
import { declare, secret, service, STACK, SWARM, VAULT } from './world.ts';

/** What the program is told, as JSON: its one argument. */
export interface Setup {
  readonly name: string;
  /** Of Azurite. */
  readonly endpoint: string;
  readonly container: string;
  readonly vault: string;
  readonly swarm: string;
  /** The probe of the one service. */
  readonly probe: readonly string[];
}

/** What it says at its end, as JSON on standard output. */
export interface Said {
  /** How the apply before it was ended; null where there was none. */
  readonly resumed?: string | null;
  readonly outcome?: string;
  /** The fault that kept it from beginning. */
  readonly code?: string;
  readonly what?: string;
}

/*
 * One apply of one secret and one service, in a process of its own, with its record in Azurite: what `keyturn apply`
 * does, without the program's rule that a sandbox keeps its record in a directory.
 */

const setup = JSON.parse(process.argv[2] ?? '') as Setup;
const probe = { kind: 'command', argv: setup.probe, timeout: 'PT5M' } as const;
const declared = declare([secret('key')], [service('web', ['key'], { probe, deadline: 'PT5M' })]);
const vault = connectKeyVault({
  name: VAULT,
  uri: setup.vault,
  auth: 'cli',
  tenantId: null,
  sandboxToken: 'applier',
});
const platform = connectSwarm({ name: SWARM, endpoint: setup.swarm, environment: {}, stack: STACK });
const connections = { vaults: new Map([[VAULT, vault]]), platforms: new Map([[SWARM, platform]]) };
const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const record = new StackRecord(
  new BlobStore(placeIn(setup.endpoint, setup.container), STACK),
  STACK,
  randomUUID,
);

async function apply(held: HeldRecord): Promise<Said> {
  const outside: Outside = {
    ...connections,
    values: new Map(),
    generate: generateValue,
    hooks: connectHooks({ environment: {} }),
    fence: held.fence,
    declarations: new Map(declared.secrets.map((each) => [each.address, declarationDigest(each)])),
    now,
    ticks: () => performance.now(),
  };
  const how = { outside, listen: () => {}, parallelism: 8 };
  const resumed = await resume(how, held);
  const recorded = await record.read();
  const observed = await observe({ declared, recorded, ...connections, now });
  const plan = makePlan({ declared, observed, recorded, now: now(), options: NO_OPTIONS });
  const actor = { name: setup.name, knownBy: 'os-user' as const, host: hostname(), run: null };
  const who = { apply: randomUUID(), actor, reason: null, ticket: null };
  const signal = new AbortController().signal;
  const { outcome } = await execute({ ...how, ...who, plan, planDigest: digestOf(plan), signal }, held);
  return { resumed: resumed?.outcome ?? null, outcome };
}

async function run(): Promise<Said> {
  const own = holder({ holder: setup.name, host: hostname(), ...thisProcess() });
  try {
    const held = await record.claim(own, {
      isAlive: (other) => (other.host === hostname() ? isAlive(other) : null),
      timeoutMs: 0,
      terms: LEASE_TERMS,
      clock: REAL_CLOCK,
      tell: () => {},
    });
    try {
      return await apply(held);
    } finally {
      await held.release();
    }
  } catch (thrown) {
    const { code, message } = asFault(thrown);
    return { code, what: message };
  } finally {
    await platform.close();
  }
}

process.stdout.write(JSON.stringify(await run()));
