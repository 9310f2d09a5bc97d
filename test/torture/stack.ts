import { secretAddress } from '../../src/model/address.ts';
import type {
  Cadence,
  Declared,
  DeclaredConsumer,
  DeclaredSecret,
  Source,
} from '../../src/model/declared.ts';
import { VAULT, declare, secret, service } from '../support/world.ts';
import { hooksInWords, withHooks } from './hooked-stack.ts';
import { fileInWords } from './hosted-stack.ts';
import type { Random } from './random.ts';

/** A declared stack, and what of it exists already. */
export interface Stack {
  readonly declared: Declared;
  readonly deployed: readonly string[];
}

const SOAKS = ['PT0S', 'PT0S', 'PT2H', 'PT12H'] as const;
const MOST_SECRETS = 4;
const MOST_SERVICES = 3;

/** One to four secrets and the services that read them. */
export function drawStack(random: Random): Stack {
  const count = random.weighted([
    [3, 1],
    [5, 2],
    [3, 3],
    [1, MOST_SECRETS],
  ]);
  const names = Array.from({ length: count }, (_, index) => `s${index + 1}`);
  const secrets = names.map((name, index) => drawSecret(name, index, names.slice(0, index), random));
  const services = random.weighted([
    [1, 0],
    [6, 1],
    [6, 2],
    [2, MOST_SERVICES],
  ]);
  const hooks = random.fork('hooks');
  const isHooked = hooks.chance(0.6);
  const hooked = secrets.map((each) => (isHooked ? withHooks(each, hooks.fork(each.name)) : each));
  const consumers: DeclaredConsumer[] = [];
  for (let index = 0; index < services; index += 1)
    consumers.push(drawService(index, names, consumers, random));
  const deployed = consumers.filter(({ optional }) => !optional || random.chance(0.4));
  return { declared: declare(hooked, consumers), deployed: deployed.map(({ service: name }) => name) };
}

export function drawSecret(
  name: string,
  index: number,
  before: readonly string[],
  random: Random,
): DeclaredSecret {
  const others = before.map((other) => secretAddress(VAULT, other));
  return secret(name, {
    // Its length says which secret a value is made for.
    source: drawSource(16 + index, random),
    cadence: drawCadence(random),
    soak: random.pick(SOAKS),
    keep: random.weighted([
      [4, 0],
      [2, 1],
      [1, 2],
    ]),
    together: random.some(others, 0.15),
    dependsOn: random.some(others, 0.15),
  });
}

function drawSource(bytes: number, random: Random): Source {
  return random.weighted<Source>([
    [7, { kind: 'random', bytes, encoding: 'base64url' }],
    [3, { kind: 'manual', instructions: null }],
    [1, { kind: 'keyPair', algorithm: 'ed25519', curve: null, bits: null }],
  ]);
}

function drawCadence(random: Random): Cadence {
  const every = {
    kind: 'every',
    period: 'P30D',
    anchor: '2026-01-05',
    at: '03:00',
    timeZone: 'UTC',
  } as const;
  return random.chance(0.6) ? { kind: 'onRequest' } : every;
}

function drawService(
  index: number,
  names: readonly string[],
  before: readonly DeclaredConsumer[],
  random: Random,
): DeclaredConsumer {
  const chosen = random.some(names, 0.6);
  const mounted = chosen.length === 0 ? [random.pick(names)] : chosen;
  const plain = service(`w${index + 1}`, mounted);
  const others = before.map(({ address }) => address);
  return {
    ...plain,
    mounts: plain.mounts.map((mount) => (random.chance(0.08) ? { ...mount, version: 1 } : mount)),
    dependsOn: random.some(others, 0.2),
    optional: random.chance(0.15),
    probe: random.chance(0.06) ? { kind: 'tcp', port: 80, image: 'lab/probe:1' } : { kind: 'none' },
    settleTime: 'PT0.05S',
    deadline: 'PT40S',
  };
}

/** The same stack without these secrets and services, and without what refers to them. */
export function without(declared: Declared, names: ReadonlySet<string>): Declared {
  const secrets = declared.secrets.filter(({ name }) => !names.has(name));
  const left = new Set(secrets.map(({ address }) => address));
  const consumers = declared.consumers
    .map((consumer) => ({ ...consumer, mounts: consumer.mounts.filter((mount) => left.has(mount.secret)) }))
    .filter(({ service: name, mounts }) => !names.has(name) && mounts.length > 0);
  const leftServices = new Set(consumers.map(({ address }) => address));
  const smaller = declare(
    secrets.map((each) => ({
      ...each,
      together: each.together.filter((address) => left.has(address)),
      dependsOn: each.dependsOn.filter((address) => left.has(address)),
    })),
    consumers.map((each) => ({
      ...each,
      dependsOn: each.dependsOn.filter((address) => leftServices.has(address)),
    })),
  );
  return { ...smaller, platforms: declared.platforms };
}

/** In a few words. */
export function describeStack(declared: Declared): string[] {
  const named = (addresses: readonly string[]): string =>
    addresses.map((address) => address.slice(address.lastIndexOf('/') + 1)).join(', ');
  return [
    ...declared.secrets.map((each) => {
      const { name, source, soak, keep, cadence, together, dependsOn, generation } = each;
      const further = [
        cadence.kind === 'every' ? `every ${cadence.period}` : '',
        keep > 0 ? `keep ${keep}` : '',
        generation > 1 ? `generation ${generation}` : '',
        together.length > 0 ? `together with ${named(together)}` : '',
        dependsOn.length > 0 ? `depends on ${named(dependsOn)}` : '',
        ...hooksInWords(each),
      ];
      return [`secret ${name}: ${source.kind}`, `soak ${soak}`, ...further].filter(Boolean).join(', ');
    }),
    ...declared.consumers.map((consumer) => {
      const { service: name, mounts, dependsOn, optional, probe, platform } = consumer;
      const reads = mounts.map(
        ({ target, version }) => `${target}${version === null ? '' : ` pinned to v${version}`}`,
      );
      const further = [
        optional ? 'optional' : '',
        dependsOn.length > 0 ? `depends on ${named(dependsOn)}` : '',
        probe.kind === 'none' ? '' : `${probe.kind} probe`,
      ];
      const what = consumer.kind === 'env-file' ? fileInWords(consumer) : `service ${name}`;
      return [`${what} on ${platform} reads ${reads.join(', ')}`, ...further].filter(Boolean).join(', ');
    }),
  ];
}
