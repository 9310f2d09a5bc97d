import type { ConsumerAddress, Instant, SecretAddress } from '../../src/model/address.ts';
import { copyName, nameOf } from '../../src/model/address.ts';
import type {
  Declared,
  DeclaredConsumer,
  DeclaredSecret,
  Mount,
  Restarts,
} from '../../src/model/declared.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION, itemFingerprint } from '../../src/model/observed.ts';
import type { Cause } from '../../src/model/plan.ts';
import type { Freeze, Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import type {
  Recorded,
  RecordedConsumer,
  RecordedCopy,
  RecordedSecret,
  RecordedVersion,
} from '../../src/model/recorded.ts';
import { emptyRecord, priorVersion } from '../../src/model/recorded.ts';
import { causeToRotate, mintOperation } from '../../src/plan/cause.ts';
import { declarationDigest } from '../../src/plan/timing.ts';
import type { PlanInput } from '../../src/plan/view.ts';
import { NO_OPTIONS, View } from '../../src/plan/view.ts';
import {
  PLATFORM,
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
import { look, serviceFingerprint } from './look.ts';
import { World, tagsOf } from './world.ts';

/**
 * A situation in a page of JSON. A secret is in vault `shop-prod`, random, due on the first monday of each
 * quarter at 03:00 UTC and soaks 72 hours; a service runs on `prod`, exists, has two tasks and reads the current
 * versions; what is recorded is what is observed; all unless said otherwise.
 */
export interface Scenario {
  /** What the plan shows, in one sentence. */
  readonly says: string;
  readonly now: Instant;
  readonly options?: {
    readonly rotate?: readonly string[];
    readonly target?: readonly string[];
    readonly values?: readonly string[];
    readonly due?: boolean;
    readonly reason?: string;
    readonly prunePlatformOnly?: boolean;
  };
  /** The secret that goes back; the plan is a rollback. */
  readonly rollback?: string;
  /** Secrets that others have; the plan is that of the emergency `INC-7`, found out at `now`, with an hour to go. */
  readonly compromise?: {
    readonly named: readonly string[];
    readonly only?: true;
    readonly revokeFirst?: true;
  };
  readonly secrets: Readonly<Record<string, ScenarioSecret>>;
  /** By name; one that is called `web-1:/etc/shop/web.env` is a file on that host. */
  readonly services: Readonly<Record<string, ScenarioService>>;
  /** `2026-12-18 to 2027-01-03`, or `12-18 to 01-03` each year, in UTC; `of writer`: of that secret alone. */
  readonly freezes?: readonly string[];
  /** `1 at once`, `2 at once, pause PT5M`: of the platform `prod`. */
  readonly restarts?: string;
  /** `1 at once, pause PT1M`: of all hosts, which are one fleet. */
  readonly fleet?: string;
  /** Consumers that the smoke test `pnpm run smoke:local` tries. */
  readonly smoke?: readonly string[];
  /** Names on `prod` that someone else made. */
  readonly foreignCopies?: readonly string[];
  /** Vaults and platforms that do not answer. */
  readonly unknown?: readonly string[];
}

interface ScenarioSecret {
  /**
   * `v3` → `current since TIME`, `prior until TIME`, `retired`, `retired, copy kept`, `undone`, `retiring`; with
   * `, platform-only` it is in no vault, with ` for INC-7` that incident made it.
   */
  readonly versions?: Readonly<Record<string, string>>;
  readonly source?: 'manual';
  readonly cadence?: 'on request' | 'user-managed';
  readonly readers?: 'latest';
  readonly vault?: string;
  readonly soak?: string;
  readonly generation?: number;
  readonly recordedGeneration?: number;
  readonly keep?: number;
  readonly adopt?: boolean;
  readonly dependsOn?: readonly string[];
  readonly derivedFrom?: readonly string[];
  readonly together?: readonly string[];
  /** `reader by P14D`. */
  readonly apart?: readonly string[];
  /** `monday tuesday 02:00-05:00`, in UTC. */
  readonly window?: string;
  /** Recorded, but not in the stack any more. */
  readonly undeclared?: boolean;
  /** Why the last rotation failed: the schedule leaves it alone. */
  readonly held?: string;
  /** Of the promotion that made this version current, where that is another one than its date says. */
  readonly promotion?: Readonly<Record<string, string>>;
  /** What someone else did to the prior version since: in the vault, or to its copies. */
  readonly priorSince?: readonly ('disabled' | 'copies removed' | 'copies replaced')[];
  /** It can be revoked at its source; there is a negative probe of it. */
  readonly revoke?: true;
  readonly refused?: true;
  /** Names of what an emergency of it brings about. */
  readonly onCompromise?: readonly string[];
  /** What someone else did in the vault since. */
  readonly vaultSince?:
    | 'deleted'
    | 'new version by hand'
    | 'new version by stack other'
    | 'newest disabled'
    | 'the mint of this plan'
    | 'the mint of this plan, disabled'
    | 'a late arrival'
    | 'a late twin';
}

interface ScenarioService {
  /** Of a file: an image that is built with these secrets. */
  readonly builds?: readonly string[];
  /** Of a file: somebody else wrote it since; what reads it began before it was written and carries no marker. */
  readonly edited?: true;
  readonly unmarked?: true;
  /** `writer`, `writer@v2` (pinned), `writer as other_base`. */
  readonly mounts?: readonly string[];
  readonly platform?: string;
  readonly tasks?: number;
  readonly optional?: boolean;
  readonly dependsOn?: readonly string[];
  readonly probe?: 'none';
  readonly canary?: true;
  readonly order?: 'stop-first';
  readonly healthCheck?: boolean;
  /** Not in the stack; with `recorded` it once was. */
  readonly undeclared?: true | 'recorded';
  readonly absent?: boolean;
  readonly mode?: 'job';
  readonly state?: string;
  /** Names of copies that the spec, the previous spec and the tasks of an older spec use. */
  readonly reads?: readonly string[];
  readonly previous?: readonly string[];
  readonly lingering?: readonly string[];
  /** Names of copies that a task on a lost node uses. */
  readonly lost?: readonly string[];
  /** Why a task of it finds no node. */
  readonly homeless?: string;
  /** What was recorded, where it is not what is read now. */
  readonly recordedReads?: readonly string[];
  readonly settleAfter?: Instant;
  /** Its secrets are new to it: nothing of it is recorded. */
  readonly unrecorded?: boolean;
  /** Why the emergency `INC-7` could not move it. */
  readonly parked?: string;
}

/** The scenario as a planner is given it, and the world behind it. */
export function expand(scenario: Scenario): { readonly input: PlanInput; readonly world: World } {
  const world = new World();
  const declared = declaredOf(scenario);
  for (const { name } of declared.vaults) world.vaults.set(name, new Map());
  for (const { name, kind } of declared.platforms) {
    world.services.set(name, new Map());
    if (kind === 'host') world.hosts.add(name);
  }
  const secrets = Object.entries(scenario.secrets).map(
    ([name, given]) => [addressOf(scenario, name), recordSecret(name, given, scenario, world)] as const,
  );
  for (const name of scenario.foreignCopies ?? []) world.deliver(PLATFORM, name, {});
  const consumers = Object.entries(scenario.services).flatMap(([name, given]) =>
    recordService(name, given, scenario, world),
  );
  const recorded: Recorded = {
    ...emptyRecord('shop', '0123456789abcdef'),
    serial: secrets.some(([, record]) => record !== null) ? 7 : 0,
    secrets: Object.fromEntries(
      secrets.flatMap(([address, record]) => (record === null ? [] : [[address, record]])),
    ),
    consumers: Object.fromEntries(consumers),
  };
  for (const name of scenario.unknown ?? []) world.unknown.add(name);
  const {
    rotate = [],
    target = [],
    values = [],
    due = false,
    reason = null,
    prunePlatformOnly = false,
  } = scenario.options ?? {};
  const options = {
    rotate: rotate.map((name) => addressOf(scenario, name)),
    values: values.map((name) => addressOf(scenario, name)),
    target: target.map((name) =>
      name in scenario.secrets ? addressOf(scenario, name) : addressOfService(name, scenario),
    ),
    dueOnly: due,
    reason,
    prunePlatformOnly,
  };
  interfere(scenario, declared, recorded, world);
  const { now } = scenario;
  return {
    input: { declared, observed: look(world, declared, recorded, now), recorded, now, options },
    world,
  };
}

function addressOf({ secrets }: Scenario, name: string): SecretAddress {
  return secretAt(name, secrets[name]?.vault ?? VAULT);
}

function declaredOf(scenario: Scenario): Declared {
  const secrets = Object.entries(scenario.secrets).flatMap(([name, given]) =>
    given.undeclared === true ? [] : [declareSecret(name, given, scenario)],
  );
  const services = Object.entries(scenario.services).flatMap(([name, given]) =>
    given.undeclared === undefined ? [declareService(name, given, scenario)] : [],
  );
  const declared = stack(secrets, services);
  const restarts = restartsOf(scenario.restarts);
  const fleet = restartsOf(scenario.fleet);
  const smoke = (scenario.smoke ?? []).map((name) => addressOfService(name, scenario));
  const freezes = (scenario.freezes ?? []).map((text, index): Freeze => {
    const [, from = '', through = '', name] = /^(\S+) to (\S+)(?: of (\S+))?$/.exec(text) ?? [];
    const held = name === undefined ? [] : [addressOf(scenario, name)];
    const path = `shop/freeze-${index + 1}`;
    return { path, position: null, from, through, timeZone: 'UTC', reason: 'year end', secrets: held };
  });
  return {
    ...declared,
    platforms: declared.platforms.map((each) =>
      each.kind === 'host' && fleet !== null
        ? { ...each, fleet: 'web', restarts: fleet }
        : each.name === PLATFORM
          ? { ...each, restarts }
          : each,
    ),
    freezes,
    ...(smoke.length === 0 ? {} : { smokeTests: [{ ...SMOKE, consumers: smoke }] }),
  };
}

const SMOKE = {
  name: 'smoke',
  path: 'shop/smoke',
  position: null,
  argv: ['pnpm', 'run', 'smoke:local'],
  directory: null,
  timeout: 'PT5M',
};

function restartsOf(text = ''): Restarts | null {
  const [, atOnce, pause = 'PT0S'] = /^(\d+) at once(?:, pause (\S+))?$/.exec(text) ?? [];
  return atOnce === undefined ? null : { atOnce: Number(atOnce), pause };
}

/** A file is called by its host and its path. */
function placeOf(name: string, given: ScenarioService | undefined): { platform: string; service: string } {
  const [platform, service] = name.split(':');
  return service === undefined || platform === undefined
    ? { platform: given?.platform ?? PLATFORM, service: name }
    : { platform, service };
}

function addressOfService(name: string, scenario: Scenario): ConsumerAddress {
  const { platform, service: own } = placeOf(name, scenario.services[name]);
  return serviceAt(own, platform);
}

function windowsOf(text: string | undefined): Window[] {
  const [, days = '', from = '', until = ''] = /^(.+) (\S+)-(\S+)$/.exec(text ?? '') ?? [];
  if (days === '') return [];
  return [{ days: WEEKDAYS.filter((day) => days.split(' ').includes(day)), from, until, timeZone: 'UTC' }];
}

function declareSecret(name: string, given: ScenarioSecret, scenario: Scenario): DeclaredSecret {
  const { vault = VAULT, soak = 'PT72H', generation = 1, keep = 0, adopt = false } = given;
  const named = (list: readonly string[] = []): SecretAddress[] =>
    list.map((other) => addressOf(scenario, other));
  return secret(name, {
    vault,
    soak,
    generation,
    keep,
    adopt,
    ...(given.source === 'manual' ? { source: { kind: 'manual', instructions: 'ask the card office' } } : {}),
    ...(given.cadence === undefined
      ? {}
      : { cadence: { kind: given.cadence === 'on request' ? 'onRequest' : 'userManaged' } }),
    ...(given.readers === undefined ? {} : { readers: given.readers }),
    dependsOn: named(given.dependsOn),
    derivedFrom: named(given.derivedFrom),
    together: named(given.together),
    apart: (given.apart ?? []).map((text) => {
      const [other = '', , by = ''] = text.split(' ');
      return { secret: addressOf(scenario, other), by };
    }),
    windows: windowsOf(given.window),
    ...(given.revoke === true
      ? { revoke: { kind: 'command' as const, argv: ['revoke-at-source', name], timeout: 'PT30S' } }
      : {}),
    ...(given.refused === true
      ? {
          refused: {
            kind: 'command' as const,
            argv: ['log-in', name],
            refused: 2,
            control: true,
            timeout: 'PT10S',
          },
        }
      : {}),
    ...(given.onCompromise === undefined
      ? {}
      : {
          onCompromise: given.onCompromise.map((effect) => ({
            kind: 'command' as const,
            name: effect,
            argv: ['bring-about', effect],
            timeout: 'PT30S',
          })),
        }),
  });
}

function declareService(name: string, given: ScenarioService, scenario: Scenario): DeclaredConsumer {
  const { platform, service: own } = placeOf(name, given);
  const { optional = false } = given;
  const dependsOn = (given.dependsOn ?? []).map((other) => addressOfService(other, scenario));
  const probe = given.probe === 'none' ? { probe: { kind: 'none' as const } } : {};
  const canary = given.canary === true;
  const more = { platform, optional, dependsOn, canary, ...probe };
  if (own === name) return service(name, mountsOf(name, given, scenario), more);
  const file = envFile(own, mountsOf(name, given, scenario), more);
  const path = `shop/${platform}${own}`;
  return given.builds === undefined
    ? { ...file, path }
    : { ...file, path, file: { ...file.file, builds: [BUILD] } };
}

const BUILD = {
  variable: 'WEB_IMAGE',
  image: 'registry.example/web',
  argv: ['docker', 'build', '.'],
  directory: '/srv/web',
  timeout: 'PT10M',
};

function mountsOf(service: string, given: ScenarioService, scenario: Scenario): Mount[] {
  if (service.includes(':')) return variablesOf(given, scenario);
  return (given.mounts ?? []).map((text) => {
    const [, name = text, pin, base] = /^([^@ ]+)(?:@v(\d+))?(?: as (\S+))?$/.exec(text) ?? [];
    const version = pin === undefined ? null : Number(pin);
    const target = name.replaceAll('-', '_');
    return mount(name, { secret: addressOf(scenario, name), version, target, base: base ?? target });
  });
}

function variablesOf({ mounts = [], builds = [] }: ScenarioService, scenario: Scenario): Mount[] {
  const read = mounts.map((text) => {
    const [name = '', pin] = text.split('@v');
    return variable(name, {
      secret: addressOf(scenario, name),
      version: pin === undefined ? null : Number(pin),
    });
  });
  const built = builds.map((name) =>
    variable(`NEXT_PUBLIC_${name}`, { secret: addressOf(scenario, name), build: BUILD.variable }),
  );
  return [...read, ...built];
}

function recordSecret(
  name: string,
  given: ScenarioSecret,
  scenario: Scenario,
  world: World,
): RecordedSecret | null {
  const address = addressOf(scenario, name);
  const versions = Object.entries(given.versions ?? {}).map(([key, role]) =>
    recordVersion(address, Number(key.slice(1)), role, scenario, world),
  );
  if (given.vaultSince === 'deleted') world.vaults.get(given.vault ?? VAULT)?.delete(name);
  if (versions.length === 0) return null;
  const newest = world.storeOf(address).at(-1);
  const failed: Cause = { kind: 'due', due: scenario.now };
  const declaration = declarationDigest(declareSecret(name, given, scenario));
  return {
    // What arrives late was given out once.
    highest: Math.max(
      ...versions.map(({ ordinal }) => ordinal),
      given.vaultSince === 'a late arrival' ? 4 : 0,
    ),
    current: versions.find(({ role }) => role === 'current')?.ordinal ?? null,
    generation: given.recordedGeneration ?? given.generation ?? 1,
    versions,
    fingerprint: newest === undefined ? null : itemFingerprint(newest),
    held:
      given.held === undefined
        ? null
        : { since: '2026-10-05T03:04:00Z', reason: given.held, cause: failed, declaration },
  };
}

function recordVersion(
  address: SecretAddress,
  ordinal: number,
  words: string,
  scenario: Scenario,
  world: World,
): RecordedVersion {
  const [, role = words, date = null] =
    /^(current|prior|retired|undone|retiring)(?: since| until)?(?: (\d[^ ,]+))?/.exec(words) ?? [];
  const isRetired = role === 'retired' || role === 'undone';
  const operation = `operation-of-v${ordinal}`;
  const isInVault = !words.endsWith('platform-only');
  const storeIds = isInVault ? [world.write(address, tagsOf('shop', ordinal, operation))] : [];
  const written = isInVault ? world.storeOf(address).at(-1) : undefined;
  if (isRetired && written !== undefined) written.enabled = false;
  const known = isRetired && !words.includes('kept') ? [] : copiesOf(address, ordinal, scenario, world);
  return {
    ordinal,
    role: isRetired ? 'retired' : role === 'prior' || role === 'retiring' ? role : 'current',
    storeIds,
    operation,
    cause: causeOf(ordinal, words),
    mintedAt: role === 'current' && date !== null ? date : '2026-01-05T03:00:00Z',
    promotedAt: role === 'current' ? date : role === 'undone' ? null : '2026-01-05T03:00:00Z',
    promotion:
      scenario.secrets[nameOf(address)]?.promotion?.[`v${ordinal}`] ??
      (role === 'current' && date !== null ? `apply of ${date}` : null),
    soakUntil: role === 'prior' ? date : null,
    ...(role === 'retiring' ? { unproved: 'the value is still accepted' } : {}),
    approvedBy: role === 'prior' ? 'feedfacecafe0000' : null,
    retiredAt: isRetired ? '2026-02-02T03:00:00Z' : null,
    retiredWhy: role === 'retired' ? 'soaked' : role === 'undone' ? 'undone' : null,
    copies: known,
  };
}

function causeOf(ordinal: number, words: string): Cause {
  const incident = / for (\S+)$/.exec(words)?.[1];
  if (incident !== undefined) return { kind: 'compromise', incident };
  return ordinal === 1 ? { kind: 'first' } : { kind: 'due', due: '2026-01-05T03:00:00Z' };
}

/** Delivers a version under each base that a service mounts it by. */
function copiesOf(address: SecretAddress, ordinal: number, scenario: Scenario, world: World): RecordedCopy[] {
  const labels = { [TAG_STACK]: 'shop', [TAG_VERSION]: String(ordinal), [LABEL_SECRET]: address };
  const copies = new Map<string, RecordedCopy>();
  for (const [service, given] of Object.entries(scenario.services)) {
    if (given.unrecorded === true || service.includes(':')) continue;
    const platform = given.platform ?? PLATFORM;
    for (const { secret: mounted, base } of mountsOf(service, given, scenario)) {
      const name = copyName(base, ordinal);
      if (mounted !== address || copies.has(`${platform} ${name}`)) continue;
      copies.set(`${platform} ${name}`, { platform, name, id: world.deliver(platform, name, labels) });
    }
  }
  return [...copies.values()];
}

function recordService(
  name: string,
  given: ScenarioService,
  scenario: Scenario,
  world: World,
): [ConsumerAddress, RecordedConsumer][] {
  const { platform, service: own } = placeOf(name, given);
  if (given.absent === true) return [];
  const mounts = mountsOf(name, given, scenario);
  const reading = mounts.flatMap(({ secret: address, target, base, version }) => {
    const versions = Object.entries(
      scenario.secrets[address.slice(address.lastIndexOf('/') + 1)]?.versions ?? {},
    );
    const current = versions.find(([, role]) => role.startsWith('current'))?.[0].slice(1);
    const ordinal = version ?? (current === undefined ? null : Number(current));
    return ordinal === null ? [] : [{ target, copy: copyName(base, ordinal), secret: address, ordinal }];
  });
  const usual = given.unrecorded === true ? [] : reading.map(({ copy }) => copy);
  const seen = world.service(platform, own);
  const isHost = world.hosts.has(platform);
  const refer = (copies: readonly string[]): (typeof seen)['references'] =>
    copies
      .filter((copy) => isHost || world.copies.get(platform)?.has(copy) === true)
      .map((copy) => {
        const base = copy.replace(/_v\d+$/, '');
        const target = mounts.find((one) => one.base === base)?.target ?? base;
        return world.reference(platform, target, copy);
      });
  const { tasks = isHost ? 1 : 2, mode = 'replicated' } = given;
  const { order = isHost ? 'stop-first' : 'start-first', healthCheck = !isHost } = given;
  Object.assign(seen, { tasks, mode, order, healthCheck, updateState: given.state ?? null });
  seen.references = refer(given.recordedReads ?? usual);
  const fingerprint = serviceFingerprint(seen);
  seen.references = refer(given.reads ?? usual);
  seen.previous = given.previous === undefined ? null : refer(given.previous);
  seen.lingering = refer(given.lingering ?? []).map(({ copyId }) => copyId);
  seen.lost = refer(given.lost ?? []).map(({ copyId }) => copyId);
  seen.homeless = given.homeless ?? null;
  if (isHost) Object.assign(seen, { isEdited: given.edited === true, isUnmarked: given.unmarked === true });
  const isRecorded = given.undeclared !== true && given.unrecorded !== true && reading.length > 0;
  if (!isRecorded) return [];
  const record: RecordedConsumer = {
    mounts: Object.fromEntries(
      reading.map(({ target, secret: from, ordinal }) => [target, { secret: from, ordinal }]),
    ),
    originals: given.settleAfter === undefined ? null : { update: 'rollback', rollback: 'continue' },
    flippedAt: null,
    settleAfter: given.settleAfter ?? null,
    fingerprint,
    ...(given.parked === undefined
      ? {}
      : { parked: { since: scenario.now, incident: 'INC-7', reason: given.parked } }),
  };
  return [[serviceAt(own, platform), record]];
}

/** What others did in the vault, once everything is recorded. */
function interfere(scenario: Scenario, declared: Declared, recorded: Recorded, world: World): void {
  for (const one of declared.secrets) {
    takeFromPrior(scenario.secrets[one.name]?.priorSince ?? [], recorded.secrets[one.address], one, world);
    const since = scenario.secrets[one.name]?.vaultSince;
    if (since === undefined || since === 'deleted') continue;
    const newest = world.storeOf(one.address).at(-1);
    if (since === 'newest disabled' && newest !== undefined) newest.enabled = false;
    if (since === 'new version by hand') world.write(one.address, {});
    if (since === 'new version by stack other') world.write(one.address, tagsOf('other', 1, 'theirs'));
    if (since === 'a late arrival') world.write(one.address, tagsOf('shop', 4, 'given up'));
    if (since === 'a late twin') world.write(one.address, newest?.tags ?? {});
    if (!since.startsWith('the mint')) continue;
    const { now } = scenario;
    const view = new View({ declared, recorded, now, observed: look(world, declared, recorded, now) });
    const cause = causeToRotate(one, view, NO_OPTIONS);
    if (cause === null) throw new Error(`${one.name} is not due`);
    const ordinal = view.highestOrdinal(one) + 1;
    world.write(one.address, tagsOf('shop', ordinal, mintOperation(one, cause, view)));
    const written = world.storeOf(one.address).at(-1);
    if (since.endsWith('disabled') && written !== undefined) written.enabled = false;
  }
}

function takeFromPrior(
  since: NonNullable<ScenarioSecret['priorSince']>,
  record: RecordedSecret | undefined,
  { address }: DeclaredSecret,
  world: World,
): void {
  const prior = priorVersion(record);
  if (since.length === 0 || prior === null) return;
  for (const written of world.storeOf(address)) {
    if (since.includes('disabled') && prior.storeIds.includes(written.storeId)) written.enabled = false;
  }
  for (const { platform, name } of prior.copies) {
    if (!since.includes('copies removed') && !since.includes('copies replaced')) continue;
    world.copies.get(platform)?.delete(name);
    if (since.includes('copies replaced')) world.deliver(platform, name, {});
  }
}
