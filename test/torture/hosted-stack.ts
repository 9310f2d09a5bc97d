import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { Declared, DeclaredConsumer, DeclaredEnvFile } from '../../src/model/declared.ts';
import type { EnvFile, Restart } from '../../src/model/host.ts';
import { STACK, VAULT } from '../support/world.ts';
import type { Case, CaseHost, FileEdit, Operation } from './case.ts';
import type { Random } from './random.ts';
import type { Climate } from './weather.ts';

export const HOST = 'web-1';
/** Operations that are put in between have ids of their own, so that the weather of the others stays as it is. */
const FIRST_ID = 81;
/** Of all cases. */
const SHARE = 0.12;

/** The same case with files of variables on a host beside its services, in one of eight; in all where `always`. */
export function addHost(given: Case, random: Random, always: boolean): Case {
  if (!random.chance(SHARE) && !always) return given;
  // A key of several lines fits into no file of every format.
  const plain = given.declared.secrets.filter(({ source }) => source.kind !== 'keyPair');
  const names = plain.map(({ name }) => name);
  if (names.length === 0) return given;
  const count = random.weighted([
    [3, 1],
    [2, 2],
  ]);
  const files: DeclaredEnvFile[] = [];
  for (let index = 0; index < count; index += 1) files.push(drawFile(index, names, files, random));
  const withFiles = (declared: Declared): Declared => hosted(declared, files);
  const texts = files.map(({ service, mounts }) => {
    const before = random.some(mounts, 0.4).map(({ target }) => `${target}="what was there before"`);
    return [service, textWith(before, random.chance(0.3))] as const;
  });
  const units = files.flatMap(({ file }) => file.restarts.map(nameOfRestart));
  const machine: CaseHost = { texts: Object.fromEntries(texts), hidden: random.some(units, 0.25) };
  const operations = given.operations
    .map((operation) =>
      operation.kind === 'declare' ? { ...operation, declared: withFiles(operation.declared) } : operation,
    )
    .map((operation) => weathered(operation, random.fork(`weather ${operation.id}`)));
  return {
    ...given,
    machine,
    declared: withFiles(given.declared),
    operations: withEdits(operations, files, random.fork('edits')),
  };
}

function drawFile(
  index: number,
  names: readonly string[],
  before: readonly DeclaredEnvFile[],
  random: Random,
): DeclaredEnvFile {
  const path = `/etc/app/w${index + 1}.env`;
  const chosen = random.some(names, 0.6);
  const format = random.pick(['systemd', 'systemd', 'compose'] as const);
  const file: EnvFile = {
    path,
    format,
    mode: random.chance(0.3) ? 0o640 : null,
    owner: null,
    restarts: drawRestarts(index, format, before, random),
    builds: [],
  };
  return {
    kind: 'env-file',
    address: consumerAddress(HOST, path),
    platform: HOST,
    service: path,
    path: `${STACK}/file-${index + 1}`,
    position: null,
    mounts: (chosen.length === 0 ? [random.pick(names)] : chosen).map((name) => mountOf(name)),
    probe: random.chance(0.1) ? { kind: 'tcp', port: 80, image: 'none' } : { kind: 'none' },
    settleTime: 'PT0.5S',
    deadline: 'PT40S',
    dependsOn: random.some(
      before.map(({ address }) => address),
      0.2,
    ),
    optional: false,
    canary: false,
    file,
  };
}

function mountOf(name: string): DeclaredConsumer['mounts'][number] {
  const secret = secretAddress(VAULT, name);
  return { secret, target: name.toUpperCase(), base: name, version: null, uid: '0', gid: '0', mode: 0 };
}

/** Two files may be read by one unit. */
function drawRestarts(
  index: number,
  format: EnvFile['format'],
  before: readonly DeclaredEnvFile[],
  random: Random,
): Restart[] {
  const program = ['docker', 'compose'];
  const isRolling = random.chance(0.4);
  const rolling = { directory: '/srv/app', files: [], project: null, program, rolling: isRolling } as const;
  const kind = format === 'compose' ? 'service' : random.pick(['unit', 'unit', 'unit', 'command', 'nothing']);
  switch (kind) {
    case 'service':
      return [{ kind: 'compose-service', service: `web${index + 1}`, ...rolling }];
    case 'command':
      return [{ kind: 'command', argv: [`reread-${index + 1}`], timeout: 'PT10S' }];
    case 'nothing':
      return [];
    default: {
      const own = unit(`web${index + 1}.service`);
      const shared = before.flatMap(({ file }) => file.restarts).find((each) => each.kind === 'systemd-unit');
      if (shared !== undefined && random.chance(0.3)) return [shared];
      return random.chance(0.3) ? [own, unit(`more${index + 1}.service`)] : [own];
    }
  }
}

function unit(name: string): Restart {
  return { kind: 'systemd-unit', unit: name, action: 'restart' };
}

export function nameOfRestart(restart: Restart): string {
  switch (restart.kind) {
    case 'systemd-unit':
      return restart.unit;
    case 'compose-service':
      return restart.service;
    case 'command':
      return restart.argv[0] ?? '';
  }
}

function textWith(lines: readonly string[], isOdd: boolean): string {
  const odd = isOdd ? ['', '  # indented', "QUOTED='a  b'   ", 'EMPTY='] : [];
  return ['# of the app, by hand', 'NODE_ENV=production', ...odd, ...lines, 'PORT=8080', ''].join('\n');
}

/** The same stack with the files, as far as it has what they hold. */
function hosted(declared: Declared, files: readonly DeclaredEnvFile[]): Declared {
  const names = new Set(declared.secrets.map(({ address }) => address));
  const held = files
    .map((file) => ({ ...file, mounts: file.mounts.filter(({ secret }) => names.has(secret)) }))
    .filter(({ mounts }) => mounts.length > 0);
  const host = { kind: 'host', endpoint: null, sudo: false, fleet: null, restarts: null } as const;
  const addresses = new Set(held.map(({ address }) => address));
  const consumers = held.map((file) => ({
    ...file,
    dependsOn: file.dependsOn.filter((address) => addresses.has(address)),
  }));
  return {
    ...declared,
    platforms: [...declared.platforms, { ...host, name: HOST, path: `${STACK}/${HOST}` }],
    consumers: [...declared.consumers, ...consumers],
  };
}

/** More than half of all troubles are the host's, and some come where there was none. */
function weathered(operation: Operation, random: Random): Operation {
  const { climate } = operation;
  const own: Climate = { kind: 'one', at: 'run', event: random.whole(1, 3) };
  if (climate.kind === 'calm') {
    const acts = operation.kind === 'apply' || operation.kind === 'compromise';
    return acts && random.chance(0.3) ? { ...operation, climate: own } : operation;
  }
  if (climate.kind === 'storm') {
    const scale = random.pick([0.02, 0.08]);
    const probability = { ...climate.probability, look: scale, run: scale * 4 };
    return { ...operation, climate: { ...climate, probability } };
  }
  const drawn = random.weighted<Climate>([
    [3, climate],
    [6, own],
    [1, { kind: 'one', at: 'look', event: random.whole(1, 12) }],
  ]);
  return { ...operation, climate: drawn };
}

/** Somebody else writes the files now and then. */
function withEdits(
  operations: readonly Operation[],
  files: readonly DeclaredEnvFile[],
  random: Random,
): Operation[] {
  const all = [...operations];
  const count = random.weighted([
    [3, 0],
    [3, 1],
    [2, 2],
  ]);
  for (let index = 0; index < count; index += 1) {
    const how = random.weighted<FileEdit>([
      [3, 'another line'],
      [3, 'another line, by another file'],
      [1, 'a value'],
      [2, 'the file before'],
      [2, 'the marker before'],
      [2, 'both before'],
      [1, 'no file'],
      [1, 'no marker'],
    ]);
    const meddling = { act: 'edit file', file: random.pick(files).service, how } as const;
    const id = FIRST_ID + index;
    const edit: Operation = { id, climate: { kind: 'calm' }, host: 'here', kind: 'meddle', meddling };
    all.splice(random.whole(1, all.length), 0, edit);
  }
  return all;
}

export function fileInWords({ service, file }: DeclaredEnvFile): string {
  const restarts = file.restarts.map((restart) => {
    const isRolling = restart.kind === 'compose-service' && restart.rolling;
    return `${nameOfRestart(restart)}${isRolling ? ' one by one' : ''}`;
  });
  return `file ${service} (${file.format}, restarts ${restarts.join(', ') || 'nothing'})`;
}
