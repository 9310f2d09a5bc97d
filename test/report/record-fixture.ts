import type { SecretAddress } from '../../src/model/address.ts';
import { copyName } from '../../src/model/address.ts';
import type { Declared, DeclaredConsumer, Mount } from '../../src/model/declared.ts';
import type { FaultRecord } from '../../src/model/fault.ts';
import type { HistoryEntry, HistoryStep, StepStatus } from '../../src/model/journal.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Recorded, RecordedSecret, RecordedVersion, Role } from '../../src/model/recorded.ts';
import { api, cache, reader, rotation, worker, writer } from './fixture.ts';

function version(base: string, ordinal: number, role: Role): RecordedVersion {
  return {
    ordinal,
    role,
    storeIds: [`${base}-${ordinal}-store`],
    operation: `op-${base}-${ordinal}`,
    cause: { kind: 'due', due: '2026-10-05T03:00:00Z' },
    mintedAt: '2026-11-22T03:12:04Z',
    promotedAt: role === 'pending' ? null : '2026-11-22T03:13:20Z',
    promotion: null,
    soakUntil: role === 'prior' ? '2026-11-25T03:13:20Z' : null,
    approvedBy: role === 'prior' ? '3f2a9c0d11e84b7f' : null,
    retiredAt: role === 'retired' ? '2026-11-22T03:14:00Z' : null,
    retiredWhy: role === 'retired' ? 'undone' : null,
    copies:
      role === 'retired'
        ? []
        : [{ platform: 'prod', name: copyName(base, ordinal), id: `id-${base}-${ordinal}` }],
  };
}

function secret(current: number, versions: RecordedVersion[]): RecordedSecret {
  const highest = Math.max(...versions.map((each) => each.ordinal));
  return { highest, current, generation: 1, versions, fingerprint: 'f', held: null };
}

const reads = (ordinal: number): Recorded['consumers'][typeof api]['mounts'] => ({
  busflow_db_writer: { secret: writer, ordinal },
  busflow_db_reader: { secret: reader, ordinal },
});

/** After a rotation of writer and reader to v4: both soak, api is not settled. */
export const rotated: Recorded = {
  format: 1,
  stack: 'busflow',
  lineage: '5f1c2a9e-6d1b-4f53-9a44-0c1f0f6e7b21',
  serial: 42,
  secrets: {
    [writer]: secret(4, [
      version('busflow_db_writer', 3, 'prior'),
      version('busflow_db_writer', 4, 'current'),
    ]),
    [reader]: secret(4, [
      version('busflow_db_reader', 3, 'prior'),
      version('busflow_db_reader', 4, 'current'),
    ]),
    [cache]: secret(1, [version('busflow_cache_password', 1, 'current')]),
  },
  consumers: {
    [api]: {
      mounts: reads(4),
      originals: { update: 'rollback', rollback: 'continue' },
      flippedAt: '2026-11-22T03:12:30Z',
      fingerprint: 'b',
      settleAfter: '2026-11-25T03:13:20Z',
    },
    [worker]: { mounts: {}, originals: null, flippedAt: null, fingerprint: null, settleAfter: null },
  },
  usedPlans: [],
  head: null,
};

export const refused: FaultRecord = {
  code: 'verify-failed',
  what: 'busflow_api did not become healthy on busflow_db_writer_v4',
  where: 'swarm://prod/busflow_api, task 2 of 3 on node worker-1: "health check exited with 1"',
  live: 'two tasks of busflow_api still answer on v3; the third was paused',
  next: 'read `docker service ps busflow_api`, then plan again',
};

/** After the same rotation failed and was undone: v4 is retired, writer and reader are held at v3. */
export const returned: Recorded = {
  ...rotated,
  secrets: {
    ...rotated.secrets,
    ...Object.fromEntries(
      [writer, reader].map((address): [SecretAddress, RecordedSecret] => {
        const base = address === writer ? 'busflow_db_writer' : 'busflow_db_reader';
        const held = {
          since: '2026-11-22T03:14:00Z',
          reason: 'busflow_api did not become healthy',
          cause: { kind: 'due' as const, due: '2026-10-05T03:00:00Z' },
          declaration: 'd',
        };
        return [address, { ...secret(3, [version(base, 3, 'current'), version(base, 4, 'retired')]), held }];
      }),
    ),
  },
  consumers: {
    [api]: { mounts: reads(3), originals: null, flippedAt: null, fingerprint: 'b', settleAfter: null },
  },
};

/** Before the rotation: both at v3, nothing soaks. */
export const before: Recorded = {
  ...returned,
  secrets: {
    [writer]: secret(3, [version('busflow_db_writer', 3, 'current')]),
    [reader]: secret(3, [version('busflow_db_reader', 3, 'current')]),
  },
};

/** The plan's first group alone. */
export const pairPlan: Plan = {
  ...rotation,
  groups: rotation.groups.slice(0, 1),
  steps: rotation.steps.filter((step) => step.group === 'g1'),
  blocked: [],
  notes: [],
};

function historyStep(step: Step, status: StepStatus): HistoryStep {
  const ran = status !== 'skipped' && status !== 'waiting';
  const evidence = {
    tasks: 3,
    elapsedMs: 31_000,
    updateState: 'completed',
    staleOnDownNodes: 0,
    probe: 'GET :8080/healthz answered 200 on 3 of 3 tasks',
  };
  return {
    id: step.id,
    kind: step.kind,
    address: step.address,
    text: step.text,
    status,
    elapsedMs: ran ? (step.kind === 'verify' ? 31_000 : 420) : null,
    fault: status === 'failed' ? refused : null,
    evidence: step.kind === 'verify' && status === 'done' ? evidence : null,
  };
}

function entry(
  outcome: HistoryEntry['outcome'],
  statuses: readonly StepStatus[],
  after: number,
): HistoryEntry {
  return {
    format: 1,
    entry: 42,
    previous: '9b1c55d0',
    kind: 'apply',
    apply: 'a-20261122-031200',
    startedAt: '2026-11-22T03:12:02Z',
    endedAt: '2026-11-22T03:13:21Z',
    continued: [],
    actor: { name: 'mira', knownBy: 'ci', host: 'runner-7', run: 'https://ci.example/runs/811' },
    reason: 'quarterly rotation',
    ticket: 'OPS-118',
    planDigest: '3f2a9c0d11e84b7fa6d25c93b1e0aa42',
    outcome,
    versions: { [writer]: { before: 3, after }, [reader]: { before: 3, after } },
    steps: pairPlan.steps.map((step, index) => historyStep(step, statuses[index] ?? 'skipped')),
  };
}

const all = (status: StepStatus): StepStatus[] => pairPlan.steps.map(() => status);
export const success = entry('done', all('done'), 4);
const undone: StepStatus[] = ['undone', 'undone', 'undone', 'undone', 'undone', 'failed', 'skipped'];
export const failure = entry('rolled-back', undone, 3);
export const stopped = entry(
  'stopped',
  ['done', 'done', 'done', 'done', 'undo-failed', 'failed', 'skipped'],
  3,
);
export const interrupted = entry(
  'interrupted',
  ['done', 'done', 'skipped', 'skipped', 'skipped', 'skipped'],
  3,
);

export function mount(secret: SecretAddress, base: string, version: number | null = null): Mount {
  return { secret, target: base, base, version, uid: '0', gid: '0', mode: 0o444 };
}

export function consumer(platform: string, service: string, mounts: readonly Mount[]): DeclaredConsumer {
  return {
    kind: 'swarm-service',
    address: `swarm://${platform}/${service}`,
    platform,
    service,
    path: service,
    position: null,
    mounts,
    probe: { kind: 'none' },
    settleTime: 'PT30S',
    deadline: 'PT5M',
    dependsOn: [],
    optional: false,
    canary: false,
  };
}

export function declaredWith(...consumers: readonly DeclaredConsumer[]): Declared {
  return { format: 1, stack: 'busflow', vaults: [], platforms: [], secrets: [], consumers, freezes: [] };
}
