import type { CalendarProblem } from '../calendar/rules.ts';
import { freezeProblems, windowProblems } from '../calendar/opening-rules.ts';
import { cadenceProblems, durationProblem } from '../calendar/rules.ts';
import type { IsoDuration } from '../model/address.ts';
import type {
  DeclaredConsumer,
  DeclaredEnvFile,
  DeclaredPlatform,
  DeclaredSecret,
  DeclaredService,
  DeclaredVault,
  Mount,
  Probe,
  Source,
} from '../model/declared.ts';
import { hookProblems } from '../model/hook-rules.ts';
import { envFileProblems, hostProblems, smokeTestProblems } from '../model/host-rules.ts';
import { notificationProblems } from '../model/notification-rules.ts';
import { ANCHOR } from '../model/seal.ts';
import { personalProblems } from '../model/personal.ts';
import type { Item } from './declaration.ts';

/** Docker's limit for a secret's name, less `_v` and an ordinal of four digits. */
const MAX_BASE = 64 - '_v9999'.length;
/** The vault takes 15 tags a version; five are kept for keyturn. */
const MAX_TAGS = 10;
/** Microsoft's pages say 512 for secrets and 256 for keys; below both nothing can go wrong. */
const MAX_TAG_LENGTH = 256;
const MAX_CONTENT_TYPE = 255;

/** What is wrong with one declaration by itself, and what to write instead; without its place. */
export function fieldProblems(item: Item): CalendarProblem[] {
  switch (item.kind) {
    case 'vault':
      return vaultProblems(item.vault);
    case 'platform':
      return platformProblems(item.platform);
    case 'secret':
      return secretProblems(item.secret);
    case 'consumer':
      return consumerProblems(item.consumer);
    case 'freeze':
      return freezeProblems(item.freeze);
    case 'notification':
      return notificationProblems(item.notification);
    case 'smoke-test':
      return [
        ...duration('timeout of the smoke test', item.smokeTest.timeout),
        ...smokeTestProblems(item.smokeTest),
      ];
    case 'fleet':
      return fleetProblems(item.name, item.hosts);
  }
}

function vaultProblems(vault: DeclaredVault): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  if (!/^[a-zA-Z](?!.*--)[0-9a-zA-Z-]{1,22}[0-9a-zA-Z]$/.test(vault.name)) {
    problems.push({
      what: `"${vault.name}" is no name of a key vault`,
      next: 'use 3 to 24 letters, digits and single hyphens, a letter first and no hyphen last',
    });
  }
  if (!URL.canParse(vault.uri) || new URL(vault.uri).protocol !== 'https:') {
    problems.push({ what: `"${vault.uri}" is no https address`, next: 'leave uri out, or write https://…' });
  }
  return problems;
}

function platformProblems(platform: DeclaredPlatform): CalendarProblem[] {
  const problems = [
    ...platformNameProblems(platform.kind, platform.name),
    ...(platform.kind === 'host' ? hostProblems(platform) : engineProblems(platform.endpoint)),
  ];
  const { restarts } = platform;
  if (restarts !== null) {
    if (!isCount(restarts.atOnce, 1)) {
      problems.push({ what: `${restarts.atOnce} restarts at once`, next: 'give 1 or more, or leave it out' });
    }
    problems.push(...duration('pause', restarts.pause));
  }
  return problems;
}

function platformNameProblems(kind: string, name: string): CalendarProblem[] {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name)) return [];
  return [
    {
      what: `"${name}" cannot name a ${kind}`,
      next: 'use at most 63 letters, digits, dots, hyphens and underscores, a letter or digit first',
    },
  ];
}

function engineProblems(endpoint: string | null): CalendarProblem[] {
  if (
    endpoint === null ||
    /^(unix:\/\/\/.+|ssh:\/\/[^/@\s]+(@[^/@\s]+)?\/?|tcp:\/\/[^/@\s]+\/?)$/.test(endpoint)
  ) {
    return [];
  }
  return [
    {
      what: `"${endpoint}" is no endpoint of a Docker engine`,
      next: 'write unix:///var/run/docker.sock, ssh://user@host or tcp://host:port, or leave it out for DOCKER_HOST',
    },
  ];
}

function fleetProblems(name: string, hosts: readonly string[]): CalendarProblem[] {
  const problems = platformNameProblems('fleet', name);
  if (hosts.length > 0) return problems;
  const next = "give hosts: [{ name: 'web-1', endpoint: 'ssh://deploy@web-1' }]";
  return [...problems, { what: 'a fleet without a host', next }];
}

function secretProblems(secret: DeclaredSecret): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(secret.name)) {
    problems.push({
      what: `"${secret.name}" is no name of a secret in a key vault`,
      next: 'use 1 to 127 letters, digits and hyphens; the name of a mount may differ',
    });
  }
  if (secret.name.toLowerCase() === ANCHOR) {
    problems.push({
      what: `"${secret.name}" is where keyturn seals its history`,
      next: 'give the secret another name',
    });
  }
  problems.push(...sourceProblems(secret.source), ...cadenceProblems(secret.cadence));
  problems.push(...duration('soak', secret.soak), ...duration('grace', secret.grace));
  problems.push(...secret.windows.flatMap(windowProblems));
  problems.push(...secret.apart.flatMap(({ by }) => duration('by of apart', by)));
  if (!isCount(secret.generation, 1)) {
    problems.push({
      what: `generation ${secret.generation} is not 1 or above`,
      next: 'start at 1 and count up',
    });
  }
  if (!isCount(secret.keep, 0)) {
    problems.push({ what: `keep ${secret.keep} is no number of copies`, next: 'give 0 or more' });
  }
  if ((secret.contentType?.length ?? 0) > MAX_CONTENT_TYPE) {
    problems.push({
      what: `contentType has ${secret.contentType?.length} characters`,
      next: `give at most ${MAX_CONTENT_TYPE}`,
    });
  }
  return [...problems, ...tagProblems(secret.tags), ...outsideProblems(secret), ...personalProblems(secret)];
}

function outsideProblems(secret: DeclaredSecret): CalendarProblem[] {
  const { revoke, refused, onCompromise = [] } = secret;
  return [
    ...(revoke === undefined ? [] : duration('timeout of revoke', revoke.timeout)),
    ...(refused === undefined ? [] : duration('timeout of refused', refused.timeout)),
    ...onCompromise.flatMap(({ name, timeout }) => duration(`timeout of effect "${name}"`, timeout)),
    ...hookProblems(secret),
  ];
}

function sourceProblems(source: Source): CalendarProblem[] {
  if (source.kind !== 'random' || (isCount(source.bytes, 8) && source.bytes <= 4096)) return [];
  return [{ what: `${source.bytes} random bytes`, next: 'give 8 to 4096; 32 are enough for any key' }];
}

function tagProblems(tags: Readonly<Record<string, string>>): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) {
    problems.push({
      what: `${entries.length} tags`,
      next: `give at most ${MAX_TAGS}: the vault takes 15, five are kept for keyturn`,
    });
  }
  for (const [key, value] of entries) {
    if (key.length === 0 || key.length > MAX_TAG_LENGTH || value.length > MAX_TAG_LENGTH) {
      problems.push({
        what: `tag "${key.slice(0, 40)}" is empty or too long`,
        next: `use at most ${MAX_TAG_LENGTH} characters in a tag's name and in its text`,
      });
    }
    if (key.toLowerCase().startsWith('keyturn-')) {
      problems.push({
        what: `tag "${key}" is reserved`,
        next: 'keyturn writes its own tags; use another name',
      });
    }
  }
  return problems;
}

function consumerProblems(consumer: DeclaredConsumer): CalendarProblem[] {
  return [
    ...(consumer.kind === 'env-file' ? fileProblems(consumer) : serviceProblems(consumer)),
    ...probeProblems(consumer.probe),
    ...duration('settle', consumer.settleTime),
    ...duration('deadline', consumer.deadline),
  ];
}

function fileProblems(consumer: DeclaredEnvFile): CalendarProblem[] {
  const { restarts, builds } = consumer.file;
  return [
    ...envFileProblems(consumer),
    ...restarts.flatMap((restart) =>
      restart.kind === 'command' ? duration('timeout of the command that restarts', restart.timeout) : [],
    ),
    ...builds.flatMap(({ timeout }) => duration('timeout of the build', timeout)),
    ...consumer.mounts.flatMap(pinProblems),
  ];
}

function serviceProblems(consumer: DeclaredService): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$/.test(consumer.service)) {
    problems.push({
      what: `"${consumer.service}" is no name of a swarm service`,
      next: 'use at most 63 letters, digits, hyphens and underscores, a letter or digit at both ends',
    });
  }
  return [...problems, ...consumer.mounts.flatMap(mountProblems)];
}

function mountProblems(mount: Mount): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  const { target, base } = mount;
  if (!/^(\/([^/\0]+\/)*)?[^/\0]+$/.test(target) || target.split('/').some((part) => /^\.\.?$/.test(part))) {
    problems.push({
      what: `"${target}" is no mount target`,
      next: 'give a file name (under /run/secrets) or an absolute path of a file in the container',
    });
  } else if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(base)) {
    problems.push({
      what: `"${base}" cannot begin a secret's name on the swarm`,
      next: 'give base: letters, digits, dots, hyphens and underscores, a letter or digit first',
    });
  }
  if (base.length > MAX_BASE) {
    problems.push({
      what: `"${base}_v9999" is longer than 64 characters`,
      next: `give base: at most ${MAX_BASE} characters, so that _v and four digits fit; the target may stay`,
    });
  }
  problems.push(...pinProblems(mount));
  if (!/^\d{1,10}$/.test(mount.uid) || !/^\d{1,10}$/.test(mount.gid)) {
    problems.push({
      what: `"${mount.uid}:${mount.gid}" is no owner of "${target}"`,
      next: 'give uid and gid as numbers',
    });
  }
  if (!isCount(mount.mode, 0) || mount.mode > 0o7777) {
    problems.push({ what: `${mount.mode} is no file mode of "${target}"`, next: 'write it in octal, 0o444' });
  }
  return problems;
}

function pinProblems({ target, version }: Mount): CalendarProblem[] {
  if (version === null || isCount(version, 1)) return [];
  return [{ what: `"${target}" is pinned to version ${version}`, next: 'versions count from 1' }];
}

function probeProblems(probe: Probe): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  if ('port' in probe && !(isCount(probe.port, 1) && probe.port <= 65_535)) {
    problems.push({ what: `${probe.port} is no port to probe`, next: 'give 1 to 65535' });
  }
  if ('image' in probe && !/^[a-zA-Z0-9][^\s]*$/.test(probe.image)) {
    problems.push({
      what: `"${probe.image}" is no image`,
      next: 'name the image of the probe, or leave it out',
    });
  }
  if (probe.kind === 'http') {
    if (!/^\/[^\s]*$/.test(probe.path)) {
      problems.push({ what: `"${probe.path}" is no path to probe`, next: 'begin it with a slash: /healthz' });
    }
    if (!isCount(probe.status, 100) || probe.status > 599) {
      problems.push({ what: `${probe.status} is no HTTP status`, next: 'give 100 to 599' });
    }
  }
  if (probe.kind === 'command') {
    if (probe.argv.length === 0 || probe.argv[0] === '') {
      problems.push({
        what: 'a probe without a command',
        next: "give the program and its arguments: ['./smoke', 'api']",
      });
    }
    problems.push(...duration('timeout of the probe', probe.timeout));
  }
  return problems;
}

/** All of ours are compared and counted down, so years and months are refused. */
function duration(field: string, text: IsoDuration): CalendarProblem[] {
  const problem = durationProblem(text, true);
  return problem === null ? [] : [{ what: `${field} ${problem.what}`, next: problem.next }];
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
