import { describe, expect, it } from 'vitest';
import { judge, NOTHING_SEEN, stableMs } from '../../src/providers/swarm-judge.ts';
import type { Expectation, Memory, Sighting, Verdict } from '../../src/providers/swarm-judge.ts';
import type { WireNode, WireService, WireTask } from '../../src/providers/swarm-wire.ts';

const FLIPPED = '2026-11-22T03:00:00.5Z';
const EXPECT: Expectation = { expected: { db: 'db_v2' }, since: FLIPPED, settleMs: 1_000 };

const reference = (copy: string) => ({
  File: { Name: 'db', UID: '0', GID: '0', Mode: 292 },
  SecretID: `id-${copy}`,
  SecretName: copy,
});

type Over<T> = { readonly [K in keyof T]?: T[K] };

function service(
  over: Over<WireService> & { copy?: string; replicas?: number; spec?: object } = {},
): WireService {
  const { copy = 'db_v2', replicas = 3, spec, ...rest } = over;
  return {
    ID: 'svc',
    Version: { Index: 10 },
    UpdatedAt: FLIPPED,
    Spec: {
      Name: 'api',
      TaskTemplate: { ContainerSpec: { Secrets: [reference(copy)] } },
      Mode: { Replicated: { Replicas: replicas } },
      UpdateConfig: { FailureAction: 'pause', Monitor: 1e9 },
      ...spec,
    },
    UpdateStatus: { State: 'completed', Message: 'update completed' },
    ...rest,
  };
}

interface TaskSketch {
  readonly state?: string;
  readonly desired?: string;
  readonly slot?: number;
  readonly node?: string;
  readonly err?: string;
  readonly exit?: number;
  readonly created?: string;
}

function task(id: string, copy: string, sketch: TaskSketch = {}): WireTask {
  const { state = 'running', desired = 'running', slot, node = 'n1', err, exit } = sketch;
  return {
    ID: id,
    CreatedAt: sketch.created ?? (copy === 'db_v2' ? '2026-11-22T03:00:01Z' : '2026-11-21T00:00:00Z'),
    ServiceID: 'svc',
    ...(slot === undefined ? {} : { Slot: slot }),
    NodeID: node,
    DesiredState: desired,
    Spec: { ContainerSpec: { Secrets: [reference(copy)] } },
    Status: {
      State: state,
      ...(err === undefined ? {} : { Err: err }),
      ...(exit === undefined ? {} : { ContainerStatus: { ExitCode: exit } }),
    },
  };
}

const node = (id: string, state = 'ready'): WireNode => ({
  ID: id,
  Status: { State: state },
  Description: { Hostname: `host-${id}` },
});
const NODES = [node('n1'), node('n2'), node('n3')];
const GOOD = [1, 2, 3].map((slot) => task(`g${slot}`, 'db_v2', { slot, node: `n${slot}` }));

/** The verdicts of the same sighting at these milliseconds, with the memory handed on. */
function watch(sighting: Omit<Sighting, 'at'>, times: readonly number[], expectation = EXPECT): Verdict[] {
  let memory: Memory = NOTHING_SEEN;
  return times.map((at) => {
    const result = judge({ ...sighting, at }, expectation, memory);
    memory = result.memory;
    return result.verdict;
  });
}

function once(
  over: { service?: WireService; tasks?: readonly WireTask[]; nodes?: readonly WireNode[] },
  expectation = EXPECT,
): Verdict {
  const sighting = { service: service(), tasks: GOOD, nodes: NODES, ...over };
  const [verdict] = watch(sighting, [0], expectation);
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
}

/** What is said in the end of a sighting that never changes. */
function inTheEnd(
  over: { service?: WireService; tasks?: readonly WireTask[]; nodes?: readonly WireNode[] },
  expectation = EXPECT,
): Verdict {
  const verdict = watch(
    { service: service(), tasks: GOOD, nodes: NODES, ...over },
    [0, 60_000, 120_000],
    expectation,
  ).at(-1);
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
}

describe('a good flip', () => {
  it('is good once every slot runs on the expected copy and has stayed so', () => {
    const verdicts = watch({ service: service(), tasks: GOOD, nodes: NODES }, [0, 999, 1_000]);
    expect(verdicts.map(({ kind }) => kind)).toEqual(['waiting', 'waiting', 'good']);
    expect(verdicts[2]).toMatchObject({ staleOnDownNodes: 0, updateState: 'completed' });
  });

  it('starts to watch anew when one of the tasks is another one', () => {
    const first = judge({ service: service(), tasks: GOOD, nodes: NODES, at: 0 }, EXPECT, NOTHING_SEEN);
    const replaced = [...GOOD.slice(0, 2), task('g9', 'db_v2', { slot: 3, node: 'n3' })];
    const second = judge(
      { service: service(), tasks: replaced, nodes: NODES, at: 5_000 },
      EXPECT,
      first.memory,
    );
    expect(second.verdict.kind).toBe('waiting');
    const third = judge(
      { service: service(), tasks: replaced, nodes: NODES, at: 6_000 },
      EXPECT,
      second.memory,
    );
    expect(third.verdict.kind).toBe('good');
  });

  it('does not need an UpdateStatus', () => {
    const { UpdateStatus: _, ...quiet } = service();
    expect(inTheEnd({ service: quiet })).toMatchObject({ kind: 'good', updateState: null });
  });

  it('waits while swarm still updates, although all tasks run', () => {
    expect(inTheEnd({ service: service({ UpdateStatus: { State: 'updating' } }) }).kind).toBe('waiting');
  });

  it('watches while swarm does: both look at the same tasks, and neither waits for the other', () => {
    const sighting = { tasks: GOOD, nodes: NODES };
    const updating = service({ UpdateStatus: { State: 'updating' } });
    const first = judge({ ...sighting, service: updating, at: 0 }, EXPECT, NOTHING_SEEN);
    const second = judge({ ...sighting, service: updating, at: 1_000 }, EXPECT, first.memory);
    expect(second.verdict).toEqual({ kind: 'waiting', why: 'swarm watches the new tasks' });
    const third = judge({ ...sighting, service: service(), at: 1_400 }, EXPECT, second.memory);
    expect(third.verdict.kind).toBe('good');
  });

  it('does not begin to watch before every task that reads something else has ended', () => {
    const updating = service({ UpdateStatus: { State: 'updating' } });
    const tasks = [...GOOD, task('o', 'db_v1', { slot: 1, desired: 'shutdown' })];
    const first = judge({ service: updating, tasks, nodes: NODES, at: 0 }, EXPECT, NOTHING_SEEN);
    const ended = { service: service(), tasks: GOOD, nodes: NODES };
    const second = judge({ ...ended, at: 5_000 }, EXPECT, first.memory);
    expect(second.verdict.kind).toBe('waiting');
    expect(judge({ ...ended, at: 6_000 }, EXPECT, second.memory).verdict.kind).toBe('good');
  });

  it('counts a slot once, however many of its tasks run', () => {
    const tasks = [1, 1, 2].map((slot, at) => task(`t${at}`, 'db_v2', { slot }));
    expect(inTheEnd({ tasks })).toEqual({ kind: 'waiting', why: '2 of 3 tasks run on the expected secrets' });
  });

  it('ignores what other targets read', () => {
    const other = { ...reference('tls_v9'), File: { Name: 'tls', UID: '0', GID: '0', Mode: 292 } };
    const tasks = GOOD.map((good) => ({
      ...good,
      Spec: { ContainerSpec: { Secrets: [reference('db_v2'), other] } },
    }));
    expect(inTheEnd({ tasks }).kind).toBe('good');
  });
});

describe('completed is not success', () => {
  it('when a new leader wrote it while the tasks are still starting', () => {
    const tasks = GOOD.map((good) => ({ ...good, Status: { State: 'starting' } }));
    expect(inTheEnd({ tasks })).toMatchObject({
      kind: 'waiting',
      why: '0 of 3 tasks run on the expected secrets',
    });
  });

  it('when every task crash-loops under FailureAction continue', () => {
    const tasks = [
      ...GOOD,
      task('c', 'db_v2', { slot: 1, state: 'failed', desired: 'shutdown', err: 'task: non-zero exit (7)' }),
    ];
    expect(once({ tasks })).toMatchObject({
      kind: 'failed',
      what: '1 task of "api" failed on the expected secrets',
      problems: [{ what: 'task: non-zero exit (7)', where: 'task api.1 on node host-n1' }],
    });
  });

  it('when a failed rollback ended as completed: the spec names the old copy', () => {
    expect(once({ service: service({ copy: 'db_v1' }) }).kind).toBe('failed');
  });

  it('when an old task still uses its grace period', () => {
    const old = task('o', 'db_v1', { slot: 1, desired: 'shutdown' });
    expect(inTheEnd({ tasks: [...GOOD, old] })).toEqual({
      kind: 'waiting',
      why: '1 task with other secrets still stops',
    });
    const gone = { ...old, Status: { State: 'shutdown' } };
    expect(inTheEnd({ tasks: [...GOOD, gone] }).kind).toBe('good');
  });

  it('when an old task still holds what is to be mounted no more', () => {
    const bare = (each: WireTask): WireTask => ({ ...each, Spec: { ContainerSpec: { Secrets: [] } } });
    const without = service({ spec: { TaskTemplate: { ContainerSpec: { Secrets: [] } } } });
    const expectation = { ...EXPECT, expected: { db: null } };
    const old = task('o', 'db_v2', { slot: 1, desired: 'shutdown' });
    const tasks = [...GOOD.map(bare), old];
    expect(inTheEnd({ service: without, tasks }, expectation)).toEqual({
      kind: 'waiting',
      why: '1 task with other secrets still stops',
    });
    expect(inTheEnd({ service: without, tasks: GOOD.map(bare) }, expectation).kind).toBe('good');
    expect(inTheEnd({ tasks: GOOD }, expectation).kind).toBe('failed');
  });

  it('when swarm leaves an old task as it is, as it does while it waits for a node that it lost', () => {
    const old = task('o', 'db_v1', { slot: 1, desired: 'running' });
    expect(inTheEnd({ tasks: [...GOOD, old] })).toEqual({
      kind: 'waiting',
      why: '1 task still runs on other secrets',
    });
  });

  it('when tasks of ours run on a node that is down', () => {
    const nodes = [node('n1'), node('n2'), node('n3', 'down')];
    expect(inTheEnd({ nodes }).kind).toBe('waiting');
  });

  it('without a word about old tasks on nodes that are down: they are counted as unprovable', () => {
    const old = [task('o1', 'db_v1', { node: 'n4' }), task('o2', 'db_v1', { node: 'gone' })];
    const nodes = [...NODES, node('n4', 'down')];
    expect(inTheEnd({ tasks: [...GOOD, ...old], nodes })).toMatchObject({
      kind: 'good',
      staleOnDownNodes: 2,
    });
  });
});

describe('a bad flip', () => {
  it('is one whose task ends as complete with exit 0, as after a failed health check', () => {
    const tasks = [...GOOD, task('c', 'db_v2', { slot: 2, state: 'complete', exit: 0 })];
    expect(once({ tasks })).toMatchObject({
      kind: 'failed',
      problems: [{ what: expect.stringContaining('health check') as string }],
    });
  });

  it('is one whose task was rejected, and the reason is told', () => {
    const tasks = [task('r', 'db_v2', { slot: 1, state: 'rejected', err: 'No such image: x:1', node: 'n2' })];
    expect(once({ tasks })).toMatchObject({
      kind: 'failed',
      problems: [{ what: 'No such image: x:1', where: 'task api.1 on node host-n2' }],
    });
  });

  it('is one that finds no node for longer than an old task takes to stop', () => {
    const err = 'no suitable node (host-mode port already in use on 1 node)';
    const tasks = [task('p', 'db_v2', { slot: 1, state: 'pending', node: '', err })];
    const verdicts = watch({ service: service(), tasks, nodes: NODES }, [0, 19_000, 20_000]);
    expect(verdicts.map(({ kind }) => kind)).toEqual(['waiting', 'waiting', 'failed']);
    expect(verdicts[2]).toMatchObject({ problems: [{ what: err }] });
  });

  it('is no more homeless once a node was found in between', () => {
    const err = 'no suitable node';
    const pending = [task('p', 'db_v2', { slot: 1, state: 'pending', node: '', err })];
    const base = { service: service(), nodes: NODES };
    let memory = judge({ ...base, tasks: pending, at: 0 }, EXPECT, NOTHING_SEEN).memory;
    memory = judge({ ...base, tasks: [], at: 15_000 }, EXPECT, memory).memory;
    expect(judge({ ...base, tasks: pending, at: 30_000 }, EXPECT, memory).verdict.kind).toBe('waiting');
  });

  it.each(['paused', 'rollback_started', 'rollback_paused', 'rollback_completed'])(
    'is one whose update is %s',
    (State) => {
      const verdict = inTheEnd({
        service: service({ UpdateStatus: { State, Message: 'early termination' } }),
      });
      expect(verdict).toMatchObject({
        kind: 'failed',
        what: `the update of "api" is ${State}: early termination`,
      });
    },
  );

  it('is told by its task where swarm paused a moment before the task could be read', () => {
    const base = { service: service({ UpdateStatus: { State: 'paused', Message: 'task x' } }), nodes: NODES };
    const first = judge({ ...base, tasks: GOOD, at: 0 }, EXPECT, NOTHING_SEEN);
    expect(first.verdict.kind).toBe('waiting');
    const tasks = [...GOOD, task('c', 'db_v2', { slot: 1, state: 'failed', err: 'refused' })];
    const second = judge({ ...base, tasks, at: 400 }, EXPECT, first.memory);
    expect(second.verdict).toMatchObject({ kind: 'failed', problems: [{ what: 'refused' }] });
  });

  it('was rolled back by swarm when the spec is another and the state says so', () => {
    const back = service({ copy: 'db_v1', UpdateStatus: { State: 'rollback_completed', Message: 'done' } });
    expect(once({ service: back })).toMatchObject({ what: 'swarm rolled "api" back: done' });
  });

  it('was superseded when the spec is another and no rollback was under way', () => {
    expect(once({ service: service({ copy: 'db_v3' }) })).toMatchObject({
      what: 'someone else changed what "api" reads',
    });
  });

  it('is any flip of a job', () => {
    const job = service({ spec: { Mode: { ReplicatedJob: {} } } });
    expect(once({ service: job })).toMatchObject({ kind: 'failed', what: '"api" is a job' });
  });
});

describe('failures of another time', () => {
  const before = task('f', 'db_v2', { slot: 1, state: 'failed', created: '2026-11-22T02:59:59Z' });

  it('do not count when they are older than the flip', () => {
    expect(inTheEnd({ tasks: [...GOOD, before] }).kind).toBe('good');
  });

  it('do not count without a flip, unless they happen while we look', () => {
    const expectation = { ...EXPECT, since: null };
    const base = { service: service(), nodes: NODES };
    const first = judge({ ...base, tasks: [...GOOD, before], at: 0 }, expectation, NOTHING_SEEN);
    expect(first.verdict.kind).toBe('waiting');
    const later = task('f2', 'db_v2', { slot: 1, state: 'failed' });
    const second = judge({ ...base, tasks: [...GOOD, before, later], at: 500 }, expectation, first.memory);
    expect(second.verdict).toMatchObject({ kind: 'failed', problems: [{}] });
  });

  it('of the old copy do not count at all', () => {
    const tasks = [...GOOD, task('o', 'db_v1', { slot: 1, state: 'failed', desired: 'shutdown' })];
    expect(inTheEnd({ tasks }).kind).toBe('good');
  });

  it('a rollback that ended before verification without a flip leaves the say to the tasks', () => {
    const back = service({ UpdateStatus: { State: 'rollback_completed' } });
    expect(inTheEnd({ service: back }, { ...EXPECT, since: null }).kind).toBe('good');
  });
});

describe('other kinds of services', () => {
  it('with zero replicas are good at once', () => {
    expect(once({ service: service({ replicas: 0 }), tasks: [] }).kind).toBe('good');
  });

  it('scaled to zero still wait for the last old task', () => {
    const old = task('o', 'db_v1', { slot: 1, desired: 'shutdown' });
    expect(inTheEnd({ service: service({ replicas: 0 }), tasks: [old] }).kind).toBe('waiting');
  });

  it('that are global need one task on each node that has one', () => {
    const global = service({ spec: { Mode: { Global: {} } } });
    const tasks = ['n1', 'n2', 'n3'].map((id) => task(`g-${id}`, 'db_v2', { node: id }));
    expect(inTheEnd({ service: global, tasks }).kind).toBe('good');
    const starting = [...tasks.slice(0, 2), task('g-n3', 'db_v2', { node: 'n3', state: 'starting' })];
    expect(inTheEnd({ service: global, tasks: starting })).toEqual({
      kind: 'waiting',
      why: '2 of 3 tasks run on the expected secrets',
    });
  });

  it('that are global and not begun are not good because nothing is counted yet', () => {
    const global = service({ spec: { Mode: { Global: {} } } });
    const tasks = ['n1', 'n2'].map((id) => task(`o-${id}`, 'db_v1', { node: id }));
    expect(inTheEnd({ service: global, tasks }).kind).toBe('waiting');
  });

  it('that are global without a node are good at once', () => {
    const global = service({ spec: { Mode: { Global: {} } } });
    expect(once({ service: global, tasks: [] }).kind).toBe('good');
  });
});

describe('how long tasks are watched', () => {
  const checked = (Healthcheck: object) =>
    service({ spec: { TaskTemplate: { ContainerSpec: { Secrets: [reference('db_v2')], Healthcheck } } } });

  it('is the declared time, or what swarm itself watches if that is longer', () => {
    expect(stableMs(service(), { settleMs: 4_000 })).toBe(4_000);
    expect(stableMs(service(), { settleMs: 10 })).toBe(1_000);
    expect(stableMs(service({ spec: { UpdateConfig: {} } }), { settleMs: 10 })).toBe(5_000);
  });

  it('lets the health check fail as often as it takes to be believed', () => {
    const health = { Test: ['CMD', '/hc'], Interval: 2e9, Retries: 4 };
    expect(stableMs(checked(health), { settleMs: 10 })).toBe(8_000);
    expect(stableMs(checked({ Test: ['CMD', '/hc'] }), { settleMs: 10 })).toBe(90_000);
    expect(stableMs(checked({ Test: ['NONE'] }), { settleMs: 10 })).toBe(1_000);
  });
});
