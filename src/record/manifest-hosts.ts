import { z } from 'zod';
import { nameOf } from '../model/address.ts';
import type { Declared, DeclaredConsumer, DeclaredEnvFile, DeclaredHost } from '../model/declared.ts';
import { bakedProblem, envFileProblems, hostProblems, smokeTestProblems } from '../model/host-rules.ts';
import { consumerRef } from './addresses.ts';
import { duration } from './manifest-outside.ts';

/*
 * The shapes of hosts, of files of variables on them and of smoke tests. What may stand in them is asked of the rules of a
 * synth (model/host-rules.ts) once the shape is right.
 */

export const hostFields = {
  kind: z.literal('host'),
  endpoint: z.string().startsWith('ssh://').nullable(),
  sudo: z.boolean(),
  fleet: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/, 'no name of a fleet')
    .nullable(),
};

const argv = z.array(z.string()).min(1);

const restart = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('systemd-unit'),
    unit: z.string(),
    action: z.enum(['restart', 'reload']),
  }),
  z.strictObject({
    kind: z.literal('compose-service'),
    service: z.string(),
    directory: z.string(),
    files: z.array(z.string()),
    project: z.string().nullable(),
    program: argv,
    rolling: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('command'), argv, timeout: duration }),
]);

const file = z.strictObject({
  path: z.string(),
  format: z.enum(['systemd', 'compose']),
  mode: z.int().min(0).max(0o777).nullable(),
  owner: z.string().nullable(),
  restarts: z.array(restart),
  builds: z.array(
    z.strictObject({
      variable: z.string(),
      image: z.string(),
      argv,
      directory: z.string(),
      timeout: duration,
    }),
  ),
});

/** What a mount of a file has instead of a target in a container. */
export const variableFields = {
  target: z.string(),
  base: z.string(),
  build: z.string().exactOptional(),
};

export const envFileFields = { kind: z.literal('env-file'), service: z.string(), file };

export const smokeTestSchema = z.strictObject({
  name: z.string(),
  path: z.string(),
  position: z.string().nullable(),
  argv,
  directory: z.string().nullable(),
  timeout: duration,
  consumers: z.array(consumerRef).min(1),
});

type Say = (where: string, what: string) => void;

/** Tells what contradicts itself, or the rules of a synth, in what is declared of hosts and smoke tests. */
export function hostContradictions(declared: Declared, say: Say): void {
  const hosts = declared.platforms.flatMap((each) => (each.kind === 'host' ? [each] : []));
  for (const host of hosts) for (const { what } of hostProblems(host)) say(host.path, what);
  fleetContradictions(hosts, say);
  const kinds = new Map(declared.platforms.map(({ name, kind }) => [name, kind]));
  for (const consumer of declared.consumers) {
    const kind = kinds.get(consumer.platform);
    const wanted = consumer.kind === 'env-file' ? 'host' : 'swarm';
    if (kind !== undefined && kind !== wanted)
      say(consumer.address, `is on "${consumer.platform}", which is no ${wanted}`);
    if (consumer.kind === 'env-file') fileContradictions(consumer, declared, say);
  }
  nameContradictions(declared.consumers, say);
  const consumers = new Set(declared.consumers.map(({ address }) => address));
  for (const test of declared.smokeTests ?? []) {
    for (const { what } of smokeTestProblems(test)) say(test.path, what);
    for (const consumer of test.consumers) {
      if (!consumers.has(consumer)) say(test.path, `tries "${consumer}", which is not declared`);
    }
  }
}

/** The planner counts the restarts of a fleet by what one of its hosts says. */
function fleetContradictions(hosts: readonly DeclaredHost[], say: Say): void {
  const firsts = new Map<string, DeclaredHost>();
  for (const host of hosts) {
    if (host.fleet === null) continue;
    const first = firsts.get(host.fleet) ?? host;
    firsts.set(host.fleet, first);
    const isAlike =
      host.restarts?.atOnce === first.restarts?.atOnce && host.restarts?.pause === first.restarts?.pause;
    if (!isAlike) say(host.path, `counts restarts otherwise than "${first.name}" of the same fleet`);
  }
}

function fileContradictions(consumer: DeclaredEnvFile, declared: Declared, say: Say): void {
  const { address, service, file: written, mounts } = consumer;
  if (written.path !== service) say(address, `is not the file "${written.path}"`);
  for (const { what } of envFileProblems(consumer)) say(address, what);
  for (const mount of mounts) {
    if (mount.base !== nameOf(mount.secret))
      say(address, `"${mount.base}" is not the name of ${mount.secret}`);
    const secret = declared.secrets.find((each) => each.address === mount.secret);
    const baked = secret === undefined ? null : bakedProblem(mount, secret);
    if (baked !== null) say(address, baked.what);
  }
}

/** Which version a host holds is said by the secret's name alone. */
function nameContradictions(consumers: readonly DeclaredConsumer[], say: Say): void {
  const firsts = new Map<string, string>();
  for (const { kind, address, platform, mounts } of consumers) {
    if (kind !== 'env-file') continue;
    for (const { secret, base } of mounts) {
      const first = firsts.get(`${platform} ${base}`) ?? secret;
      firsts.set(`${platform} ${base}`, first);
      if (first !== secret) say(address, `"${base}" names ${secret} and ${first} on one host`);
    }
  }
}
