import type { Declared, DeclaredConsumer } from '../../src/model/declared.ts';
import { declare, service } from '../support/world.ts';
import { addEmergencies } from './emergency-script.ts';
import { addHost } from './hosted-stack.ts';
import type { Beside, Case, Meddling, Operation } from './case.ts';
import { drawSecret, drawStack, without } from './stack.ts';
import { drawOrder } from './orders.ts';
import { Random } from './random.ts';
import type { Climate } from './weather.ts';

const HOSTS = ['here', 'there'] as const;
const MOST_EVENTS = 260;

/** The case of a seed. `hasHost`: also where the seed has drawn none. */
export function drawCase(seed: number, hasHost = false): Case {
  const random = new Random(`case ${seed}`);
  const { declared, deployed } = drawStack(random.fork('stack'));
  const drawn: Case = {
    seed,
    declared,
    deployed,
    replicas: random.whole(1, 2),
    slowestMs: random.weighted([
      [6, 0],
      [1, 40],
      [1, 2500],
    ]),
    operations: addEmergencies(
      drawOperations(declared, random.fork('script')),
      declared,
      random.fork('emergencies'),
    ),
    troubles: null,
  };
  return addHost(drawn, random.fork('host'), hasHost);
}

function drawOperations(first: Declared, random: Random): Operation[] {
  const operations: Operation[] = [];
  let declared = first;
  const count = random.whole(3, 7);
  const add = (climate: Climate, rest: Shape): void => {
    const host = random.weighted([
      [5, HOSTS[0]],
      [1, HOSTS[1]],
    ]);
    operations.push({ id: operations.length + 1, climate, host, ...rest });
  };
  add(random.chance(0.7) ? { kind: 'calm' } : drawClimate(random), {
    kind: 'apply',
    order: { due: false, lenient: false, rotate: [], bad: {}, hasValues: true },
    beside: null,
  });
  while (operations.length < count) {
    const next = drawShape(declared, random);
    if (next.kind === 'declare') declared = next.declared;
    add(drawClimate(random), next);
    if (next.kind !== 'save') continue;
    // Something happens, or not, before it is applied, perhaps twice.
    const between = drawShape(declared, random);
    if (between.kind === 'declare') declared = between.declared;
    if (random.chance(0.7)) add({ kind: 'calm' }, between);
    add(drawClimate(random), { kind: 'apply saved' });
    if (random.chance(0.3)) add({ kind: 'calm' }, { kind: 'apply saved' });
  }
  return operations;
}

type Shape = Operation extends infer Each
  ? Each extends Operation
    ? Omit<Each, 'id' | 'climate' | 'host'>
    : never
  : never;

function drawShape(declared: Declared, random: Random): Shape {
  const secrets = declared.secrets.map(({ name }) => name);
  const kind = random.weighted<Exclude<Operation['kind'], 'compromise' | 'save emergency'>>([
    [10, 'apply'],
    [2, 'rollback'],
    [2, 'save'],
    [2, 'declare'],
    [2.5, 'wait'],
    [0.5, 'jump'],
    [3, 'meddle'],
  ]);
  switch (kind) {
    case 'apply':
      return { kind, order: drawOrder(declared, random), beside: drawBeside(random) };
    case 'rollback':
      return { kind, secret: random.pick(secrets) };
    case 'save':
      return { kind, order: { ...drawOrder(declared, random), bad: {} } };
    case 'apply saved':
      return { kind };
    case 'declare':
      return { kind, ...redeclared(declared, random) };
    case 'wait':
      return { kind, hours: random.pick([1, 3, 13, 13, 24 * 31]) };
    case 'jump':
      return { kind, hours: random.pick([-5, -1, 1, 5]) };
    case 'meddle':
      return { kind, meddling: drawMeddling(declared, random) };
  }
}

function drawBeside(random: Random): Beside | null {
  if (!random.chance(0.2)) return null;
  return {
    at: random.whole(1, MOST_EVENTS),
    patienceMs: random.pick([0, 0, 600_000]),
    suspended: random.weighted<Beside['suspended']>([
      [2, null],
      [2, 'suspended'],
      [1, 'asleep'],
    ]),
  };
}

function drawClimate(random: Random): Climate {
  return random.weighted<Climate>([
    [1, { kind: 'calm' }],
    [6, { kind: 'one', at: 'write', event: random.whole(1, 10) }],
    [3, { kind: 'one', at: 'read', event: random.whole(1, 45) }],
    [3, { kind: 'one', at: 'file', event: random.whole(1, 110) }],
    [3, { kind: 'storm', probability: { read: 0.015, write: 0.12, file: 0.004, hook: 0.1 } }],
    [2, { kind: 'storm', probability: { read: 0.06, write: 0.3, file: 0.015, hook: 0.3 } }],
  ]);
}

function drawMeddling(declared: Declared, random: Random): Meddling {
  const secret = random.pick(declared.secrets.map(({ name }) => name));
  const services = declared.consumers.map(({ service: name }) => name);
  const any: (readonly [number, Meddling])[] = [
    [2, { act: 'write', secret }],
    [2, { act: 'copy tags', secret, of: random.pick(['current', 'prior'] as const) }],
    [2, { act: 'disable', secret, which: random.pick(['current', 'prior'] as const) }],
    [1, { act: 'remove copy' }],
  ];
  if (services.length === 0) return random.weighted(any);
  const name = random.pick(services);
  return random.weighted<Meddling>([
    ...any,
    [2, { act: 'scale', service: name, replicas: random.whole(0, 3) }],
    [2, { act: 'redeploy', service: name, failureAction: random.pick(['continue', 'pause', 'rollback']) }],
    [0.7, { act: 'remove service', service: name }],
  ]);
}

/** The stack with one thing changed. */
function redeclared(declared: Declared, random: Random): { declared: Declared; text: string } {
  const { secrets, consumers } = declared;
  const some = random.pick(secrets);
  const kind = random.pick([
    'generation',
    'generation',
    'add',
    'remove',
    'mount',
    'unmount',
    'soak',
  ] as const);
  const consumer: DeclaredConsumer | undefined = consumers[random.whole(0, consumers.length)];
  if (kind === 'add' && secrets.length < 5) {
    const name = `s${Math.max(...secrets.map((each) => Number(each.name.slice(1)))) + 1}`;
    const added = drawSecret(name, Number(name.slice(1)) - 1, [], random);
    const text = `secret ${name} is added (${added.source.kind}, soak ${added.soak})`;
    return { declared: declare([...secrets, added], consumers), text };
  }
  if (kind === 'remove' && secrets.length > 1) {
    return { declared: without(declared, new Set([some.name])), text: `secret ${some.name} is taken out` };
  }
  if (kind === 'mount' && consumer !== undefined) {
    const has = consumer.mounts.some((mount) => mount.secret === some.address);
    const mounts = has ? consumer.mounts : [...consumer.mounts, ...service('x', [some.name]).mounts];
    const changed = consumers.map((each) => (each === consumer ? { ...each, mounts } : each));
    return { declared: declare(secrets, changed), text: `${consumer.service} also reads ${some.name}` };
  }
  if (kind === 'unmount' && consumer !== undefined && consumer.mounts.length > 1) {
    const mounts = consumer.mounts.slice(1);
    const changed = consumers.map((each) => (each === consumer ? { ...each, mounts } : each));
    const text = `${consumer.service} no longer reads ${consumer.mounts[0]?.target ?? ''}`;
    return { declared: declare(secrets, changed), text };
  }
  const soak = random.pick(['PT0S', 'PT4H'] as const);
  const change = kind === 'soak' ? { soak } : { generation: some.generation + 1 };
  const changed = secrets.map((each) => (each === some ? { ...each, ...change } : each));
  const text = kind === 'soak' ? `soak of ${some.name} is ${soak}` : `generation of ${some.name} goes up`;
  return { declared: declare(changed, consumers), text };
}
