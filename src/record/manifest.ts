import { z } from 'zod';
import type { Declared } from '../model/declared.ts';
import { MANIFEST_FORMAT } from '../model/declared.ts';
import { watchForPersonal } from '../model/guard.ts';
import { WEEKDAYS } from '../model/openings.ts';
import { ANCHOR } from '../model/seal.ts';
import { personalTexts } from '../model/personal.ts';
import { atOnce, inTurns } from '../model/turn.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { consumerRef, secretRef } from './addresses.ts';
import { parseFormat, parseFormatInTurns } from './formats.ts';
import { envFileFields, hostFields, smokeTestSchema, variableFields } from './manifest-hosts.ts';
import { contradictions, sayRepeated } from './manifest-contradictions.ts';
import { notificationSchema } from './manifest-notifications.ts';
import { duration, outsideFields } from './manifest-outside.ts';

const NEXT = 'run keyturn synth again; a manifest is written by it and never by hand';
/** As in declare/: `_v` and four digits fit behind it in the 64 characters of a Docker secret. */
const MAX_BASE = 58;

const vaultName = z
  .string()
  .regex(/^[a-zA-Z](?!.*--)[0-9a-zA-Z-]{1,22}[0-9a-zA-Z]$/, 'no name of a key vault');
const secretName = z
  .string()
  .regex(/^[0-9a-zA-Z-]{1,127}$/, 'no name of a secret in a key vault')
  .refine((name) => name.toLowerCase() !== ANCHOR, 'is where keyturn seals its history');
const platformName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/, 'no name of a platform');
const serviceName = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$/, 'no name of a swarm service');

const period = z
  .string()
  .regex(
    /^P(?=\d|T\d)(?=.*[1-9])(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}S)?)?$/,
    'no period above zero such as P90D',
  );
const clock = {
  at: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'no time of day hh:mm'),
  timeZone: z.string().refine(isTimeZone, 'no time zone of the IANA database'),
};
const day = z
  .string()
  .regex(
    /^((first|second|third|fourth|last) (mon|tues|wednes|thurs|fri|satur|sun)day|[1-9]|[12][0-9]|3[01])$/,
    'no day such as "first monday" or 15',
  );

const source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('random'),
    bytes: z.int().min(8).max(4096),
    encoding: z.enum(['base64url', 'base64', 'hex']),
  }),
  z.strictObject({
    kind: z.literal('keyPair'),
    algorithm: z.enum(['ed25519', 'ec', 'rsa']),
    curve: z.enum(['P-256', 'P-384', 'P-521']).nullable(),
    bits: z.union([z.literal(2048), z.literal(3072), z.literal(4096)]).nullable(),
  }),
  z.strictObject({ kind: z.literal('manual'), instructions: z.string().nullable() }),
]);

const cadence = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('every'), period, anchor: z.iso.date(), ...clock }),
  z.strictObject({
    kind: z.literal('calendar'),
    each: z.enum(['month', 'quarter', 'year']),
    on: day,
    month: z.int().min(1).max(12).nullable(),
    ...clock,
    offset: z
      .string()
      .regex(/^P(?=\d)(\d{1,2}W)?(\d{1,3}D)?$/, 'no number of days such as P14D')
      .exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('cron'),
    expression: z.string().regex(/^[^\s?@]+( [^\s?@]+){4}$/, 'no cron expression of five fields'),
    timeZone: clock.timeZone,
  }),
  z.strictObject({ kind: z.enum(['onRequest', 'onCompromise', 'userManaged']) }),
]);

const window = z.strictObject({
  days: z.array(z.enum(WEEKDAYS)).min(1),
  from: clock.at,
  until: clock.at,
  timeZone: clock.timeZone,
});

const freezeDay = z.string().regex(/^(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'no day of a freeze');
const freeze = z.strictObject({
  path: z.string(),
  position: z.string().nullable(),
  from: freezeDay,
  through: freezeDay,
  timeZone: clock.timeZone,
  reason: z.string().nullable(),
  secrets: z.array(secretRef),
});

/* What came later has a default, so that the manifest of an earlier version can be read. */
const secret = z.strictObject({
  address: secretRef,
  vault: vaultName,
  name: secretName,
  path: z.string(),
  position: z.string().nullable(),
  source,
  cadence,
  soak: duration,
  owner: z.string().nullable(),
  environment: z.string().nullable(),
  classification: z.string().nullable(),
  description: z.string().nullable(),
  contentType: z.string().max(255).nullable(),
  generation: z.int().positive(),
  keep: z.int().nonnegative(),
  readers: z.enum(['pinned', 'latest']),
  adopt: z.boolean(),
  dependsOn: z.array(secretRef),
  derivedFrom: z.array(secretRef),
  together: z.array(secretRef),
  apart: z.array(z.strictObject({ secret: secretRef, by: duration })).default([]),
  windows: z.array(window).default([]),
  grace: duration.default('PT24H'),
  tags: z
    .record(z.string().min(1).max(256), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= 10, 'more than 10 tags'),
  ...outsideFields,
  pii: z.array(z.string()).min(1).exactOptional(),
});

const mount = z.strictObject({
  secret: secretRef,
  target: z.string().regex(/^(\/([^/\0]+\/)*)?[^/\0]+$/, 'no file name and no absolute path'),
  base: z
    .string()
    .max(MAX_BASE)
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/, "no beginning of a secret's name on the swarm"),
  version: z.int().positive().nullable(),
  uid: z.string().regex(/^\d{1,10}$/, 'no number'),
  gid: z.string().regex(/^\d{1,10}$/, 'no number'),
  mode: z.int().min(0).max(0o7777),
});

const port = z.int().min(1).max(65_535);
const probe = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('http'),
    path: z.string().regex(/^\/\S*$/, 'no path that begins with a slash'),
    port,
    status: z.int().min(100).max(599),
    image: z.string().min(1),
  }),
  z.strictObject({ kind: z.literal('tcp'), port, image: z.string().min(1) }),
  z.strictObject({ kind: z.literal('command'), argv: z.array(z.string()).min(1), timeout: duration }),
]);

const auth = z.enum(['default', 'cli', 'workload', 'managed', 'github-oidc', 'env']);

const service = z.strictObject({
  kind: z.literal('swarm-service'),
  address: consumerRef,
  platform: platformName,
  service: serviceName,
  path: z.string(),
  position: z.string().nullable(),
  mounts: z.array(mount),
  probe,
  settleTime: duration,
  deadline: duration,
  dependsOn: z.array(consumerRef),
  optional: z.boolean(),
  canary: z.boolean().default(false),
});

const consumer = z.discriminatedUnion('kind', [
  service,
  service.extend({ ...envFileFields, mounts: z.array(mount.extend(variableFields)) }),
]);

const swarm = z.strictObject({
  kind: z.literal('swarm'),
  name: platformName,
  path: z.string(),
  endpoint: z
    .string()
    .regex(/^(unix|ssh|tcp):\/\/\S+$/, 'no endpoint of a Docker engine')
    .nullable(),
  restarts: z
    .strictObject({ atOnce: z.int().min(1), pause: duration })
    .nullable()
    .default(null),
});

/** No address is in it: a manifest of a pull request must not send a credential to a host of its choice. */
const record = z.strictObject({
  kind: z.literal('azure-blob'),
  account: z.string().regex(/^[a-z0-9]{3,24}$/, 'no name of a storage account'),
  container: z.string().regex(/^[a-z0-9](?!.*--)[a-z0-9-]{0,54}-keyturn$/, 'no container of a record'),
  environment: z.enum(['public', 'usgovernment', 'china']),
  auth,
  tenantId: z.string().nullable(),
  clientId: z.string().nullable(),
});

/** For people: no rule is made from it, so that what a role is called is any text. */
const access = z.strictObject({
  vault: vaultName,
  path: z.string(),
  principal: z.string(),
  role: z.string(),
  can: z.array(z.enum(['list', 'read', 'set', 'purge', 'grant'])),
  secret: z.string().nullable(),
  unknown: z.literal(true).exactOptional(),
});

const manifestObject = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  stack: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/, 'no name of a stack'),
  vaults: z.array(
    z.strictObject({
      name: vaultName,
      path: z.string(),
      uri: z.url({ protocol: /^https$/ }),
      auth,
      tenantId: z.string().nullable(),
    }),
  ),
  platforms: z.array(z.discriminatedUnion('kind', [swarm, swarm.extend(hostFields)])),
  secrets: z.array(secret),
  consumers: z.array(consumer),
  freezes: z.array(freeze).default([]),
  record: record.nullable().exactOptional(),
  notifications: z.array(notificationSchema).exactOptional(),
  access: z.array(access).exactOptional(),
  smokeTests: z.array(smokeTestSchema).exactOptional(),
});

/** Shape and names; what only a whole manifest shows is `contradictions`' to find. Published as a JSON Schema. */
export const manifestSchema: z.ZodType<Declared> = manifestObject;

/**
 * Reads keyturn.json. What it returns is consistent: addresses fit their names, every reference has its
 * declaration, nothing is declared twice. Otherwise a fault lists every problem, or says that a newer keyturn
 * wrote it. A manifest may come from a pull request, so names are checked again here.
 *
 * What it declares to be personal data passes the guard (model/guard.ts) no more from then on.
 */
export function parseManifest(text: string, where: string): Declared {
  return inForce(checkManifest(text, where));
}

/** The same, of a manifest that may never be in force: the guard knows nothing of it. */
export function checkManifest(text: string, where: string): Declared {
  const declared = parseFormat(text, where, MANIFEST_FORMAT, manifestSchema, NEXT);
  return consistent(declared, atOnce(contradictions(declared)), where);
}

/** A manifest that is read while others are asked. */
export interface OpenedManifest {
  /** All of it but its secrets and consumers, which are empty here: it names what is connected, each once. */
  readonly head: Declared;
  /** What `parseManifest` returns or throws, in turns with other work. */
  readonly check: () => Promise<Declared>;
}

/** A text of so many characters, of some 1,500 secrets, is checked as fast as another module is loaded. */
const LARGE = 1_000_000;

/**
 * The same for whoever has requests under way meanwhile; null: it is small, and read as fast at once. Throws what
 * `parseManifest` does where something is wrong with the head.
 */
export function openManifest(text: string, where: string): OpenedManifest | null {
  if (text.length < LARGE) return null;
  const file = { text, where, format: MANIFEST_FORMAT, schema: manifestObject, next: NEXT };
  const { head: headOf, check } = parseFormatInTurns<Declared>(file, ['secrets', 'consumers']);
  const head = headOf();
  const wrong: string[] = [];
  sayRepeated(head, (_, what) => wrong.push(what));
  if (wrong.length > 0) parseManifest(text, where);
  return {
    head,
    check: async () => {
      const declared = await check();
      return inForce(consistent(declared, await inTurns(contradictions(declared)), where));
    },
  };
}

function consistent(declared: Declared, problems: readonly Problem[], where: string): Declared {
  if (problems.length === 0) return declared;
  throw new Fault({
    code: 'bad-file',
    what: 'the manifest contradicts itself',
    where,
    live: 'nothing was changed',
    next: NEXT,
    problems,
  });
}

/** One that was checked before is what counts from now on, also for the guard. */
export function inForce(declared: Declared): Declared {
  watchForPersonal(personalTexts(declared));
  return declared;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
