import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { put } from '../cli/project.ts';
import type { Project, Run } from './project.ts';

/** Where drift is brought about by hand, found by the program, and mended by what its findings say. */
export interface Ground {
  readonly project: Project;
  /** The stack's name: whoever has it on a swarm has the copies that are labelled with it. */
  readonly stack: string;
  /** The service that reads both secrets. */
  readonly api: string;
  /** The service that need not exist, and reads `key` under a name of its own. */
  readonly worker: string;
  /** One command of the docker program, without its first word. */
  readonly docker: (args: readonly string[]) => Promise<void>;
  /** Returns once no update of the service is under way. */
  readonly settled: (service: string) => Promise<void>;
  /** Somebody updates the service that reads both to what cannot run, and the update stands still. */
  readonly broken: () => Promise<void>;
  /** Makes a secret of the engine's. */
  readonly copy: (name: string, labels: Readonly<Record<string, string>>) => Promise<void>;
  /** Kills the next apply in the middle of its work. */
  readonly killed: (args: readonly string[]) => Promise<void>;
}

/** A stack whose `key` is read by two services, and whose `token` and `spare` by one. */
export function driftStack(api: string, worker: string, platform: string): string {
  return `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: '${platform}' });
    const secret = {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(), soak: Duration.hours(1),
    };
    const key = new Secret(this, 'key', secret);
    const token = new Secret(this, 'token', secret);
    const spare = new Secret(this, 'spare', secret);
    const rest = { swarm, probe: Probe.none(), settle: Duration.seconds(0), deadline: Duration.minutes(2) };
    new SwarmService(this, 'api', {
      ...rest, service: '${api}', mounts: [key.at('${api}_key'), token.at('${api}_token'), spare.at('${api}_spare')],
    });
    new SwarmService(this, 'worker', {
      ...rest, service: '${worker}', optional: true, mounts: [key.at('${worker}_key')],
    });`;
}

interface Document {
  readonly findings: readonly Finding[];
  readonly counts: { readonly error: number; readonly warning: number; readonly note: number };
}

/** What `keyturn drift` finds, and that its exit code agrees. */
export async function drift(ground: Ground, ...args: readonly string[]): Promise<readonly Finding[]> {
  const ran = await ground.project.keyturn(['drift', '--format', 'json', ...args]);
  expect([0, 1, 2], ran.err).toContain(ran.code);
  const { findings, counts } = JSON.parse(ran.out) as Document;
  const isUnknown = findings.some(({ rule }) => rule === 'unknown');
  expect(ran.code).toBe(isUnknown ? 1 : counts.error + counts.warning > 0 ? 2 : 0);
  return findings;
}

/** The findings that a person has to act upon. */
export async function serious(ground: Ground, ...args: readonly string[]): Promise<readonly Finding[]> {
  return (await drift(ground, ...args)).filter(({ level }) => level !== 'note');
}

/**
 * That one thing has drifted, as `rule`, and that what its finding says mends it: the command is run as it stands, and
 * then nothing is found any more.
 */
export async function expectFoundAndMended(
  ground: Ground,
  wanted: Pick<Finding, 'rule' | 'subject'>,
): Promise<Finding> {
  const found = await serious(ground);
  expect(found, JSON.stringify(found, null, 2)).toMatchObject([wanted]);
  const [finding] = found;
  if (finding === undefined) throw new Error('nothing was found');
  await carryOut(ground, finding.next);
  expect(await serious(ground), `after ${finding.next}`).toEqual([]);
  console.info(`drift: ${finding.rule} of ${finding.subject} was mended by: ${finding.next}`);
  return finding;
}

/** Runs a command as a person would who copies it from the finding. */
export async function carryOut(ground: Ground, command: string): Promise<void> {
  const [program, ...args] = wordsOf(command);
  if (program === 'keyturn') {
    const changes = args[0] === 'apply' || args[0] === 'prune';
    const ran = await ground.project.keyturn([...args, ...(changes ? ['--auto-approve'] : [])]);
    expect(ran.code, `${command}\n${ran.out}${ran.err}`).toBe(0);
  } else if (program === 'docker') {
    await ground.docker(args);
    const service = args.at(-1) ?? '';
    if (args[0] === 'service' && args[1] !== 'rm') await ground.settled(service);
  } else if (program === 'az') await az(ground, args);
  else throw new Error(`no command: ${command}`);
}

/** Words as a shell takes them apart; quotes hold together what is between them. */
function wordsOf(command: string): string[] {
  const found = command.match(/(?:[^\s']+|'[^']*')+/g) ?? [];
  return found.map((word) => word.replaceAll("'", ''));
}

/** The az program, as far as findings name it, on the embedded vault. */
async function az(ground: Ground, args: readonly string[]): Promise<void> {
  const option = (name: string): string => args[args.indexOf(name) + 1] ?? '';
  expect(args.slice(0, 2)).toEqual(['keyvault', 'secret']);
  expect(option('--vault-name')).toBe('shop-secrets');
  const name = option('--name');
  if (args[2] === 'recover') {
    await vaultCall(ground, 'POST', `/deletedsecrets/${name}/recover`);
    return;
  }
  expect(args[2]).toBe('set-attributes');
  const path = `/secrets/${name}/${option('--version')}`;
  if (args.includes('--enabled')) {
    await vaultCall(ground, 'PATCH', path, { attributes: { enabled: option('--enabled') === 'true' } });
    return;
  }
  const pairs = args.slice(args.indexOf('--tags') + 1).map((pair) => pair.split('='));
  await vaultCall(ground, 'PATCH', path, { tags: Object.fromEntries(pairs) as Record<string, string> });
}

/** One request of somebody with every right to the embedded vault, while the program does not run. */
export async function vaultCall(
  { project }: Ground,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const directory = join(project.folder, '.keyturn', 'sandbox', 'vaults', 'shop-secrets');
  const vault = await startVault({ name: 'shop-secrets', directory, deleteDelayMs: 0 });
  try {
    const headers = { 'authorization': 'Bearer admin', 'content-type': 'application/json' };
    const answer = await fetch(`${vault.url}${path}?api-version=7.5`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  } finally {
    await vault.close();
  }
}

interface Listed {
  readonly value: readonly { readonly id: string; readonly tags?: Readonly<Record<string, string>> }[];
}

/** The vault's id of the version with this ordinal, and its tags. */
export async function versionIn(
  ground: Ground,
  secret: string,
  ordinal: number,
): Promise<{ readonly id: string; readonly tags: Readonly<Record<string, string>> }> {
  const { value } = (await vaultCall(ground, 'GET', `/secrets/${secret}/versions`)) as Listed;
  const found = value.find(({ tags }) => tags?.['keyturn-version'] === String(ordinal));
  if (found === undefined) throw new Error(`the vault has no v${ordinal} of ${secret}`);
  return { id: found.id.slice(found.id.lastIndexOf('/') + 1), tags: found.tags ?? {} };
}

/** `keyturn ARGS`, which has to end well. */
export async function succeeds(ground: Ground, ...args: readonly string[]): Promise<Run> {
  const ran = await ground.project.keyturn(args);
  expect(ran.code, `${args.join(' ')}\n${ran.out}${ran.err}`).toBe(0);
  return ran;
}

export async function redeclare(ground: Ground, from: string, to: string): Promise<void> {
  const main = join(ground.project.folder, 'main.ts');
  const text = await readFile(main, 'utf8');
  expect(text).toContain(from);
  await put(main, text.replace(from, to));
}

/** Ours, as the labels say, of a version that nobody knows. */
export const labelsOf = (stack: string, secret: string, ordinal: number): Record<string, string> => ({
  'keyturn-stack': stack,
  'keyturn-version': String(ordinal),
  'keyturn-secret': `vault://shop-secrets/${secret}`,
});

/**
 * Every kind of drift, one after the other, each brought about for real and mended by the command that its finding
 * names. Begins with nothing applied and ends converged.
 */
export async function expectEveryKindToBeMended(ground: Ground): Promise<void> {
  const { stack, api, worker, docker, settled, copy } = ground;
  const mend = (rule: Finding['rule'], subject: string): Promise<Finding> =>
    expectFoundAndMended(ground, { rule, subject });
  const update = async (...flags: readonly string[]): Promise<void> => {
    await docker(['service', 'update', '-d', ...flags, api]);
    await settled(api);
  };
  const key = (version: number): string => `${api}_key_v${version}`;

  const first = await serious(ground);
  expect(first.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
    'missing key',
    'missing spare',
    'missing token',
  ]);
  for (const { next } of first) await carryOut(ground, next);
  expect(await drift(ground)).toEqual([]);
  await succeeds(ground, 'apply', '--rotate', 'key', '--auto-approve');
  expect(await drift(ground), 'after a real apply').toEqual([]);

  await copy(key(7), labelsOf(stack, 'key', 7));
  await mend('orphan', key(7));
  await copy(`${api}_gone_v1`, labelsOf(stack, 'gone', 1));
  await mend('orphan', `${api}_gone_v1`);
  await copy(key(8), {});
  await mend('orphan', key(8));

  await docker(['service', 'rm', worker]);
  await docker(['secret', 'rm', `${worker}_key_v2`]);
  await mend('missing', `${worker}_key_v2`);

  await update('--secret-rm', key(2), '--secret-add', `source=${key(1)},target=${api}_key`);
  await mend('superseded', api);
  await settled(api);
  await update('--secret-rm', key(2));
  await mend('edited', api);
  await settled(api);
  await copy(`${api}_foreign`, {});
  await update('--secret-add', `source=${api}_foreign,target=${api}_foreign`);
  await mend('edited', api);

  await ground.broken();
  await settled(api);
  await mend('paused', api);

  const { id, tags } = await versionIn(ground, 'key', 2);
  await vaultCall(ground, 'PATCH', `/secrets/key/${id}`, { attributes: { enabled: false } });
  await mend('disabled', 'key');
  await vaultCall(ground, 'PATCH', `/secrets/key/${id}`, { tags: { ...tags, 'keyturn-version': '9' } });
  await mend('mislabelled', 'key');
  await copy(key(6), labelsOf(stack, 'key', 5));
  await mend('mislabelled', key(6));
  await vaultCall(ground, 'DELETE', '/secrets/key');
  await mend('deleted', 'key');

  await redeclare(ground, `token.at('${api}_token')`, `token.at('${api}_token', { version: 1 })`);
  await vaultCall(ground, 'PUT', '/secrets/token', { value: 'somebody-rotated-this-by-hand' });
  await mend('moved', 'token');
  expect(await serious(ground)).toEqual([]);
  await redeclare(ground, `token.at('${api}_token', { version: 1 })`, `token.at('${api}_token')`);
  await mend('stuck', api);

  await ground.killed(['apply', '--rotate', 'spare', '--auto-approve']);
  await mend('unfinished', stack);
  await succeeds(ground, 'plan', '--detailed-exitcode');
}
