import fc from 'fast-check';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { Instant, SecretAddress } from '../../src/model/address.ts';
import type { Declared, DeclaredSecret } from '../../src/model/declared.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { Replay } from '../../src/record/fold.ts';
import type { PlanInput, PlanOptions } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import type { Damage } from './damage.ts';
import { hurt } from './damage.ts';
import {
  PLATFORM,
  QUARTERLY,
  VAULT,
  envFile,
  mount,
  secret,
  secretAt,
  service,
  serviceAt,
  stack,
  variable,
} from './declare.ts';
import { look } from './look.ts';
import { World, tagsOf } from './world.ts';

const NAMES = ['ada', 'bob', 'cyd', 'dan'] as const;
const SERVICES = ['web', 'job', 'api'] as const;
/** The platform of a service; on the host it is a file. */
const PLACES = [PLATFORM, PLATFORM, PLATFORM, 'edge', 'box', 'box'] as const;
const START: Instant = '2026-01-01T00:00:00Z';
const SOAKS = ['PT0S', 'PT24H', 'PT72H'] as const;

/** All that a planner is given, and the world behind it. */
export interface Situation {
  readonly declared: Declared;
  readonly recorded: Recorded;
  readonly world: World;
  readonly now: Instant;
  readonly options: PlanOptions;
}

interface SecretShape {
  readonly soak: (typeof SOAKS)[number];
  readonly keep: number;
  readonly generation: number;
  readonly isDated: boolean;
  readonly isManual: boolean;
  readonly isElsewhere: boolean;
  readonly dependsOn: readonly number[];
  readonly together: readonly number[];
}

interface ServiceShape {
  readonly mounts: readonly { readonly secret: number; readonly pin: number | null; readonly base: number }[];
  readonly dependsOn: readonly number[];
  readonly isOptional: boolean;
  readonly isAbsent: boolean;
  readonly place: (typeof PLACES)[number];
}

/** What happens in a stack's life. `which` names a secret or a service by position. */
type Happening =
  | { readonly kind: 'apply'; readonly hours: number }
  | { readonly kind: 'scheduled'; readonly hours: number }
  | { readonly kind: 'request' | 'generation' | 'forget' | 'unpin' | 'appear'; readonly which: number }
  | { readonly kind: 'pin'; readonly which: number; readonly version: number };

/** A small tale that `lived` makes a situation of, so that a counterexample can be read. */
export interface Life {
  readonly secrets: readonly SecretShape[];
  readonly services: readonly ServiceShape[];
  readonly happenings: readonly Happening[];
  readonly hours: number;
  readonly damages: readonly Damage[];
  readonly options: {
    readonly rotate: readonly number[];
    readonly target: readonly number[];
    readonly dueOnly: boolean;
  };
}

const which = fc.nat({ max: 3 });

const secretShape: fc.Arbitrary<SecretShape> = fc.record({
  soak: fc.constantFrom(...SOAKS),
  keep: fc.constantFrom(0, 0, 1, 2),
  generation: fc.constantFrom(1, 1, 2),
  isDated: fc.boolean(),
  isManual: fc.constantFrom(false, false, false, true),
  isElsewhere: fc.constantFrom(false, false, true),
  dependsOn: fc.uniqueArray(which, { maxLength: 1 }),
  together: fc.constantFrom<readonly number[]>([], [], [0], [1], [2]),
});

const serviceShape: fc.Arbitrary<ServiceShape> = fc.record({
  mounts: fc.uniqueArray(
    fc.record({
      secret: which,
      pin: fc.constantFrom(null, null, null, null, 1, 2, 9),
      base: fc.constantFrom(0, 0, 0, 1),
    }),
    { selector: (shape) => shape.secret, minLength: 1, maxLength: 3 },
  ),
  dependsOn: fc.uniqueArray(which, { maxLength: 1 }),
  isOptional: fc.constantFrom(false, false, true),
  isAbsent: fc.constantFrom(false, false, false, true),
  place: fc.constantFrom(...PLACES),
});

const hours = fc.constantFrom(0, 1, 24, 30, 72, 80, 24 * 92);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('apply' as const), hours }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('scheduled' as const), hours }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'request' as const,
        'generation' as const,
        'forget' as const,
        'unpin' as const,
        'appear' as const,
      ),
      which,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pin' as const),
      which,
      version: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      ...(['put back', 'foreign reader', 'busy', 'paused', 'job', 'gone', 'lost node', 'homeless'] as const),
      ...(['deleted', 'foreign version', 'taken name', 'held', 'disabled'] as const),
      ...(['lost answer', 'lost answer, disabled'] as const),
    ),
    which,
  }),
  fc.record({ kind: fc.constantFrom('unknown vault' as const, 'unknown platform' as const) }),
);

const life = (damages: fc.Arbitrary<readonly Damage[]>): fc.Arbitrary<Life> =>
  fc.record({
    secrets: fc.array(secretShape, { minLength: 1, maxLength: 4 }),
    services: fc.array(serviceShape, { maxLength: 3 }),
    happenings: fc.array(happening, { maxLength: 6 }),
    hours,
    damages,
    options: fc.record({
      rotate: fc.uniqueArray(which, { maxLength: 2 }),
      target: fc.constantFrom<readonly number[]>([], [], [], [0], [1, 2]),
      dueOnly: fc.constantFrom(false, false, false, true),
    }),
  });

/** A stack with a past of perfect applies, as observed now. */
export const healthy: fc.Arbitrary<Life> = life(fc.constant([]));

/** The same, with up to three things gone wrong since. */
export const damaged: fc.Arbitrary<Life> = life(fc.array(damage, { maxLength: 3 }));

export function inputOf({ declared, recorded, world, now, options }: Situation): PlanInput {
  return { declared, observed: look(world, declared, recorded, now), recorded, now, options };
}

/** Lives a life: perfect applies, one after another, and then the damage. Throws where an apply is refused. */
export function lived(shape: Life): Situation {
  const world = new World();
  let declared = declaredOf(shape);
  for (const vault of declared.vaults) world.vaults.set(vault.name, new Map());
  for (const { name, kind } of declared.platforms) {
    world.services.set(name, new Map());
    if (kind === 'host') world.hosts.add(name);
  }
  declared.consumers.forEach((consumer, index) => {
    if (shape.services[index]?.isAbsent !== true) world.service(consumer.platform, consumer.service);
  });
  let situation: Situation = {
    declared,
    world,
    now: START,
    recorded: emptyRecord('shop', 'lineage-of-this-test'),
    options: { ...NO_OPTIONS, values: declared.secrets.filter(isManual).map(({ address }) => address) },
  };
  for (const happens of shape.happenings) situation = after(situation, happens);
  declared = situation.declared;
  for (const broken of shape.damages) situation = { ...situation, recorded: hurt(situation, broken) };
  const { rotate, target, dueOnly } = shape.options;
  const chosen = (list: readonly number[]): SecretAddress[] =>
    list.flatMap((index) => declared.secrets[index]?.address ?? []);
  const values = declared.secrets.filter((one) => isManual(one) && one.generation === 2);
  situation = {
    ...situation,
    now: addDuration(situation.now, `PT${shape.hours}H`),
    options: {
      rotate: chosen(rotate),
      target: chosen(target),
      dueOnly,
      reason: null,
      values: values.map(({ address }) => address),
      prunePlatformOnly: false,
    },
  };
  for (const broken of shape.damages) {
    if (broken.kind !== 'lost answer' && broken.kind !== 'lost answer, disabled') continue;
    situation = {
      ...situation,
      recorded: interrupted(situation, broken.which, broken.kind === 'lost answer'),
    };
  }
  return situation;
}

/** The plan's mint was done, and nobody knows but the vault; where it is not `enabled` it was undone as blindly. */
function interrupted(situation: Situation, which: number, enabled: boolean): Recorded {
  const mints = makePlan(inputOf(situation)).steps.filter(({ kind }) => kind === 'mint');
  const step = mints[which];
  if (step?.kind !== 'mint') return situation.recorded;
  situation.world.write(step.secret, tagsOf('shop', step.ordinal, step.operation));
  const written = situation.world.storeOf(step.secret).at(-1);
  if (written !== undefined) written.enabled = enabled;
  return new Replay(situation.recorded, [{ seq: 1, at: situation.now, type: 'intent', step }]).recorded;
}

function isManual({ source }: DeclaredSecret): boolean {
  return source.kind === 'manual';
}

function declaredOf({ secrets, services }: Life): Declared {
  const vaultOf = (index: number): string => (secrets[index]?.isElsewhere === true ? 'other-vault' : VAULT);
  const addressOf = (index: number): SecretAddress => secretAt(NAMES[index] ?? '', vaultOf(index));
  const declaredSecrets = secrets.map((shape, index) =>
    secret(NAMES[index] ?? '', {
      vault: vaultOf(index),
      soak: shape.soak,
      keep: shape.keep,
      generation: shape.generation,
      cadence: shape.isDated ? QUARTERLY : { kind: 'onRequest' },
      source: shape.isManual
        ? { kind: 'manual', instructions: null }
        : { kind: 'random', bytes: 32, encoding: 'base64url' },
      dependsOn: shape.dependsOn.filter((other) => other < index).map(addressOf),
      together: shape.together.filter((other) => other < secrets.length && other !== index).map(addressOf),
    }),
  );
  const consumers = services.map((shape, index) => {
    const { place, isOptional } = shape;
    const mounts = shape.mounts
      .filter((one) => one.secret < secrets.length)
      .map((one) => {
        const name = NAMES[one.secret] ?? '';
        const given = { secret: addressOf(one.secret), version: one.pin };
        return place === 'box'
          ? variable(name, given)
          : mount(`${name}${one.base === 0 ? '' : '_other'}`, given);
      });
    const first = shape.dependsOn.filter((other) => other < index);
    const dependsOn = first.map((other) => serviceAt(nameAt(other, services), services[other]?.place));
    const given = { platform: place, dependsOn, optional: isOptional };
    const name = nameAt(index, services);
    return place === 'box' ? envFile(name, mounts, given) : service(name, mounts, given);
  });
  return stack(declaredSecrets, consumers);
}

function nameAt(index: number, services: readonly ServiceShape[]): string {
  const name = SERVICES[index] ?? '';
  return services[index]?.place === 'box' ? `/etc/shop/${name}.env` : name;
}

function after(situation: Situation, happens: Happening): Situation {
  const { declared, world } = situation;
  switch (happens.kind) {
    case 'apply':
    case 'scheduled': {
      const now = addDuration(situation.now, `PT${happens.hours}H`);
      const options = { ...situation.options, dueOnly: happens.kind === 'scheduled' };
      const plan = makePlan(inputOf({ ...situation, now, options }));
      const recorded = world.execute(plan, situation.recorded, now);
      return { ...situation, now, recorded, options: { ...situation.options, rotate: [] } };
    }
    case 'request': {
      const rotate = declared.secrets.slice(happens.which, happens.which + 1).map(({ address }) => address);
      return { ...situation, options: { ...situation.options, rotate } };
    }
    case 'generation':
      return withSecret(situation, happens.which, (one) => ({ ...one, generation: one.generation + 1 }));
    case 'forget': {
      const gone = declared.consumers[happens.which]?.address;
      const consumers = declared.consumers
        .filter(({ address }) => address !== gone)
        .map((one) => ({ ...one, dependsOn: one.dependsOn.filter((address) => address !== gone) }));
      return { ...situation, declared: { ...declared, consumers } };
    }
    case 'appear': {
      const consumer = declared.consumers[happens.which];
      if (consumer !== undefined) world.service(consumer.platform, consumer.service);
      return situation;
    }
    case 'pin':
      return withPin(situation, happens.which, happens.version);
    case 'unpin':
      return withPin(situation, happens.which, null);
  }
}

function withSecret(
  situation: Situation,
  which: number,
  change: (one: DeclaredSecret) => DeclaredSecret,
): Situation {
  const secrets = situation.declared.secrets.map((one, index) => (index === which ? change(one) : one));
  return { ...situation, declared: { ...situation.declared, secrets } };
}

function withPin(situation: Situation, which: number, version: number | null): Situation {
  const consumers = situation.declared.consumers.map((one, index) =>
    index === which ? { ...one, mounts: one.mounts.map((each) => ({ ...each, version })) } : one,
  );
  return { ...situation, declared: { ...situation.declared, consumers } };
}
