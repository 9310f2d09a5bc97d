import type { Page } from '../../src/report/paint.ts';
import { makePaint } from '../../src/report/paint.ts';
import type { ConsumerAddress, SecretAddress } from '../../src/model/address.ts';
import { consumerAddress, copyName, nameOf, secretAddress } from '../../src/model/address.ts';
import type { Probe } from '../../src/model/declared.ts';
import type {
  Arrival,
  Cause,
  FlipChange,
  FlipStep,
  LaterStep,
  MintStep,
  Plan,
  PromoteStep,
  RetireStep,
  StageStep,
  VerifyStep,
} from '../../src/model/plan.ts';

export const NOW = '2026-11-22T03:12:00Z';
export const writer = secretAddress('busflow-prod', 'db-writer');
export const reader = secretAddress('busflow-prod', 'db-reader');
export const cache = secretAddress('busflow-prod', 'cache-password');
export const api = consumerAddress('prod', 'busflow_api');
export const worker = consumerAddress('prod', 'busflow_worker');

export function page(width: number, colour = false): Page & { now: string } {
  return { paint: makePaint(colour), width, now: NOW };
}

const SOAK = 'PT72H';
const SOAK_END = '2026-11-25T03:12:00Z';
const due: Cause = { kind: 'due', due: '2026-10-05T03:00:00Z' };
const base = (secret: SecretAddress): string => `busflow_${nameOf(secret).replaceAll('-', '_')}`;

export interface Turn {
  readonly secret: SecretAddress;
  readonly to: number;
  readonly cause: Cause;
}

function mint(turn: Turn, id: string, group: string): MintStep {
  const { secret, to, cause } = turn;
  const prior = to > 1 ? to - 1 : null;
  const common = { group, address: secret, secret, needs: [], cause, contentType: null, tags: {} };
  const back = prior === null ? '' : `make v${prior} the newest of ${nameOf(secret)} again and `;
  return {
    ...common,
    kind: 'mint',
    id,
    text: `mint ${nameOf(secret)} v${to} in busflow-prod (random)`,
    ordinal: to,
    operation: `op-${id}`,
    source: { kind: 'random', bytes: 32, encoding: 'base64url' },
    inverse: {
      ...common,
      kind: 'restore',
      undoes: 'op',
      id: `${id}:undo`,
      text: `${back}disable v${to} in busflow-prod`,
      failed: to,
      to: prior,
      operation: `op-${id}-undo`,
      inverse: null,
    },
  };
}

function stage(turn: Turn, id: string, group: string): StageStep {
  const { secret, to, cause } = turn;
  const copy = copyName(base(secret), to);
  const common = { group, address: secret, secret, cause, ordinal: to, platform: 'prod', copy };
  return {
    ...common,
    kind: 'stage',
    id,
    needs: [],
    text: `deliver ${copy} to prod, unused`,
    inverse: {
      ...common,
      kind: 'unstage',
      id: `${id}:undo`,
      needs: [],
      text: `remove ${copy} from prod`,
      inverse: null,
    },
  };
}

function change(turn: Turn): FlipChange {
  const { secret, to } = turn;
  const from = to > 1 ? { copy: copyName(base(secret), to - 1), ordinal: to - 1 } : null;
  return {
    target: base(secret),
    secret,
    from,
    to: { copy: copyName(base(secret), to), ordinal: to },
    uid: '0',
    gid: '0',
    mode: 0o444,
  };
}

function flip(
  consumer: ConsumerAddress,
  turns: readonly Turn[],
  tasks: number,
  id: string,
  group: string,
): FlipStep {
  const service = nameOf(consumer);
  const changes = turns.map(change);
  const cause = turns[0]?.cause ?? due;
  const common = {
    kind: 'flip' as const,
    group,
    address: consumer,
    consumer,
    needs: [],
    cause,
    platform: 'prod',
    service,
    tasks,
  };
  const what = `${changes.length} ${changes.length === 1 ? 'secret' : 'secrets'} of ${service}`;
  return {
    ...common,
    id,
    text: `flip ${what} in one update`,
    changes,
    inverse: {
      ...common,
      id: `${id}:undo`,
      text: `flip ${what} back in one update`,
      changes: changes.map((each) => ({ ...each, from: each.to, to: each.from })),
      inverse: null,
    },
  };
}

function verify(from: FlipStep, probe: Probe, id: string): VerifyStep {
  const expected = Object.fromEntries(from.changes.map(({ target, to }) => [target, to?.copy ?? '']));
  return {
    kind: 'verify',
    id,
    group: from.group,
    address: from.consumer,
    needs: [from.id],
    cause: from.cause,
    text: `verify ${from.service}`,
    consumer: from.consumer,
    platform: 'prod',
    service: from.service,
    expected,
    probe,
    settleTime: 'PT30S',
    deadline: 'PT5M',
    inverse: null,
  };
}

function promote(
  consumers: readonly ConsumerAddress[],
  turns: readonly Turn[],
  id: string,
  group: string,
): PromoteStep {
  const first = turns[0];
  const address = first?.secret ?? writer;
  const cause = first?.cause ?? due;
  const mounts = Object.fromEntries(
    turns.map((turn) => [base(turn.secret), { secret: turn.secret, ordinal: turn.to }]),
  );
  const arrivals: Arrival[] = consumers.map((consumer) => ({ consumer, mounts, settleAfter: SOAK }));
  return {
    kind: 'promote',
    id,
    group,
    address,
    needs: [],
    cause,
    text: `record ${turns.map((turn) => `${nameOf(turn.secret)} v${turn.to}`).join(', ')} as current`,
    promotions: turns.map(({ secret, to }) => ({
      secret,
      ordinal: to,
      prior: to > 1 ? to - 1 : null,
      soak: SOAK,
      generation: 1,
    })),
    consumers: arrivals,
    inverse: {
      kind: 'demote',
      id: `${id}:undo`,
      group,
      address,
      needs: [],
      cause,
      text: 'record the prior versions as current again',
      demotions: turns.map(({ secret, to }) => ({ secret, ordinal: to, to: to > 1 ? to - 1 : null })),
      consumers: [],
      inverse: null,
    },
  };
}

/** The whole path of one group: mint, stage, flip, verify, promote. */
export function turnGroup(
  id: string,
  turns: readonly Turn[],
  consumer: ConsumerAddress,
  tasks: number,
  probe: Probe,
): Plan['steps'] {
  let count = 0;
  const next = (): string => `${id}.${(count += 1)}`;
  const mints = turns.map((turn) => mint(turn, next(), id));
  const stages = turns.map((turn) => stage(turn, next(), id));
  const flipped = flip(consumer, turns, tasks, next(), id);
  return [
    ...mints,
    ...stages,
    flipped,
    verify(flipped, probe, next()),
    promote([consumer], turns, next(), id),
  ];
}

export function laterOf(turns: readonly Turn[], consumer: ConsumerAddress): LaterStep[] {
  const at = { after: SOAK, notBefore: SOAK_END };
  const service = nameOf(consumer);
  return [
    {
      kind: 'settle',
      address: consumer,
      ...at,
      text: `put ${service}'s own update settings back and let its previous spec go, no restart`,
    },
    ...turns.flatMap(({ secret, to }): LaterStep[] =>
      to === 1
        ? []
        : [
            {
              kind: 'retire',
              address: secret,
              ...at,
              text: `disable ${nameOf(secret)} v${to - 1} in the vault`,
            },
            {
              kind: 'prune',
              address: secret,
              ...at,
              text: `remove ${copyName(base(secret), to - 1)} from prod`,
            },
          ],
    ),
  ];
}

export const http: Probe = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: 'busybox:1.37' };

const pair: readonly Turn[] = [
  { secret: writer, to: 4, cause: due },
  { secret: reader, to: 4, cause: { kind: 'together', secret: writer, of: due } },
];
const single: readonly Turn[] = [{ secret: cache, to: 1, cause: { kind: 'first' } }];

/** Two secrets that share `api`, a first version for `worker`, dated steps, one blocked secret, drift and notes. */
export const rotation: Plan = {
  format: 1,
  stack: 'busflow',
  kind: 'apply',
  createdAt: NOW,
  basis: {
    lineage: '5f1c2a9e-6d1b-4f53-9a44-0c1f0f6e7b21',
    serial: 41,
    recorded: {},
    fingerprints: { [writer]: 'a1', [reader]: 'a2', [cache]: 'absent', [api]: 'b1', [worker]: 'b2' },
  },
  groups: [
    { id: 'g1', needs: [], secrets: [writer, reader], consumers: [api] },
    { id: 'g2', needs: ['g1'], secrets: [cache], consumers: [worker] },
  ],
  steps: [...turnGroup('g1', pair, api, 3, http), ...turnGroup('g2', single, worker, 1, { kind: 'none' })],
  later: [...laterOf(pair, api), ...laterOf(single, worker)],
  blocked: [
    {
      address: secretAddress('busflow-prod', 'smtp-password'),
      why: 'awaiting-value',
      text: 'is due, and awaits a value; a person must bring the new value',
      next: 'run `keyturn apply --value vault://busflow-prod/smtp-password=-`',
      fault: null,
    },
    {
      address: consumerAddress('staging', 'busflow_api'),
      why: 'unknown',
      text: 'its platform could not be observed',
      next: null,
      fault: {
        code: 'platform-unreachable',
        what: 'no Docker engine answers at "ssh://deploy@staging-1"',
        where: 'swarm://staging',
        next: 'check that the manager is up and that the key of deploy is accepted, then plan again',
      },
    },
  ],
  notes: [
    {
      kind: 'drift',
      address: worker,
      text: 'busflow_worker was changed by someone else since the last apply',
    },
    {
      kind: 'downtime',
      address: worker,
      text: 'busflow_worker stops each task before it starts the next (stop-first)',
    },
    {
      kind: 'forgotten',
      address: null,
      text: 'old-token is no longer declared: it stays as it is and is not rotated',
    },
  ],
};

export const empty: Plan = { ...rotation, groups: [], steps: [], later: [], blocked: [], notes: [] };

const soaked: Cause = { kind: 'soaked', since: '2026-11-22T01:12:00Z' };
const retire: RetireStep = {
  kind: 'retire',
  id: 'd2.1',
  group: 'd2',
  address: writer,
  needs: [],
  cause: soaked,
  text: 'disable db-writer v3 in the vault',
  secret: writer,
  ordinal: 3,
  approvedBy: '3f2a9c0d11e84b7fa6d25c93b1e0aa42',
  inverse: null,
};

/** What `apply --due` does once a soak has ended. */
export const dated: Plan = {
  ...empty,
  groups: [
    { id: 'd1', needs: [], secrets: [], consumers: [api] },
    { id: 'd2', needs: ['d1'], secrets: [writer], consumers: [] },
  ],
  steps: [
    {
      kind: 'settle',
      id: 'd1.1',
      group: 'd1',
      address: api,
      needs: [],
      cause: soaked,
      text: "put busflow_api's own update settings back and let its previous spec go, no restart",
      consumer: api,
      platform: 'prod',
      service: 'busflow_api',
      inverse: null,
    },
    retire,
    {
      kind: 'prune',
      id: 'd2.2',
      group: 'd2',
      address: writer,
      needs: ['d2.1'],
      cause: soaked,
      text: 'remove busflow_db_writer_v3 from prod',
      secret: writer,
      ordinal: 3,
      platform: 'prod',
      copy: 'busflow_db_writer_v3',
      inverse: null,
    },
  ],
};
