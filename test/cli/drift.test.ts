import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { FLIP, openGate } from '../live/gate.ts';
import { dockerWords } from '../support/docker-words.ts';
import {
  drift,
  driftStack,
  expectEveryKindToBeMended,
  labelsOf,
  serious,
  succeeds,
} from '../support/drift-ground.ts';
import type { Ground } from '../support/drift-ground.ts';
import { sandboxedProject } from '../support/project.ts';
import { assertSarif } from '../support/sarif.ts';
import { keyturn, put, temporaryFolder } from './project.ts';

const LONG = { timeout: 900_000 };
const [API, WORKER] = ['shop_api', 'shop_worker'];

/** The embedded swarm behind a gate, and the program on it. */
async function openGround(): Promise<Ground> {
  const socketPath = join(await temporaryFolder(), 'swarm.sock');
  const swarm = await startSwarm({
    name: 'lab',
    directory: null,
    listen: { socketPath },
    timeScale: 0.02,
  });
  onTestFinished(() => swarm.close());
  for (const name of [API, WORKER]) {
    swarm.createService({ name, replicas: 2, order: 'start-first', failureAction: 'pause', monitorMs: 20 });
  }
  const gate = await openGate(`unix://${socketPath}`);
  onTestFinished(() => gate.close());
  const project = await sandboxedProject(driftStack(API, WORKER, 'lab'), gate.endpoint);
  const engine = new Docker({ socketPath });
  return {
    project,
    stack: 'shop',
    api: API,
    worker: WORKER,
    docker: (args) => dockerWords(socketPath, args),
    settled: async (service) => {
      const state = async (): Promise<unknown> => {
        const found = (await engine.getService(service).inspect()) as { UpdateStatus?: { State: string } };
        return found.UpdateStatus?.State ?? 'completed';
      };
      const still = ['completed', 'paused', 'rollback_completed', 'rollback_paused'];
      await expect.poll(state, { timeout: 20_000 }).toBeOneOf(still);
    },
    broken: () => dockerWords(socketPath, ['service', 'update', '--image', 'missing/app:1', API]),
    copy: async (name, labels) => {
      const order = { _query: {}, _body: { Name: name, Labels: labels, Data: 'eA==' } };
      await engine.createSecret(order);
    },
    killed: async (args) => {
      let kill = (): void => {};
      gate.after(FLIP, async () => kill());
      const ran = await project.keyturn(args, { onStart: (how) => (kill = how) });
      gate.assertPassed();
      expect(ran.code).toBeNull();
    },
  };
}

/** Others put the service back, leave a copy, and write a compose file that is out of date. */
async function meddle({ project, api, docker, settled, copy }: Ground): Promise<void> {
  const old = `source=${api}_key_v1,target=${api}_key`;
  await docker(['service', 'update', '--secret-rm', `${api}_key_v2`, '--secret-add', old, api]);
  await settled(api);
  await copy(`${api}_gone_v1`, labelsOf('shop', 'gone', 1));
  await put(
    join(project.folder, 'compose.yml'),
    `services: {}\nsecrets:\n  key: { external: true, name: ${api}_key_v7 }\n`,
  );
}

describe('drift', () => {
  test('each kind is found, alone, and mended by the command that is named', LONG, async () => {
    await expectEveryKindToBeMended(await openGround());
  });

  test(
    'is told as text, JSON and SARIF with rights to list alone, and repaired by its plan',
    LONG,
    async () => {
      const ground = await openGround();
      const { project } = ground;
      await succeeds(ground, 'apply', '--auto-approve');
      await succeeds(ground, 'apply', '--rotate', 'key', '--auto-approve');
      const clean = await succeeds(ground, 'drift');
      expect(clean.out).toContain('No drift. Vaults and platforms hold what was last recorded.');
      await meddle(ground);

      const told = await project.keyturn(['drift', '--compose', 'compose.yml']);
      expect(told.code, told.err).toBe(2);
      expect(
        told.out.split('\n').filter((line) => /^(Stack|error|warning|note) |^ {2}next/.test(line)),
      ).toEqual([
        'Stack shop: 1 error, 2 warnings',
        'error missing shop_api_key_v7',
        '  next  keyturn output shop --format compose',
        'warning orphan shop_api_gone_v1',
        '  next  keyturn prune shop',
        'warning superseded shop_api',
        '  next  keyturn apply --target swarm://lab/shop_api',
      ]);
      const sarif = await project.keyturn(['drift', '--format', 'sarif']);
      expect(sarif.code).toBe(2);
      const log = JSON.parse(sarif.out) as object;
      assertSarif(log);
      expect(log).toMatchObject({
        runs: [{ results: [{ ruleId: 'orphan' }, { ruleId: 'superseded' }] }],
      });
      for (const { requests } of [told, sarif]) {
        expect(requests.length).toBeGreaterThan(0);
        expect(requests.filter(({ operation }) => !`${operation}`.startsWith('SecretList'))).toEqual([]);
        expect(new Set(requests.map(({ tokenName }) => tokenName))).toEqual(new Set([null, 'planner']));
      }

      const shown = await project.keyturn(['drift', '--fix', '--out', 'fix.json']);
      expect(shown.code).toBe(2);
      expect(shown.out).toContain('remove shop_api_gone_v1 from lab');
      expect(await serious(ground), 'the plan alone').toHaveLength(2);
      await succeeds(ground, 'apply', 'fix.json');
      expect(await drift(ground)).toEqual([]);
      const history = await succeeds(ground, 'history', 'show', '3', 'shop');
      expect(history.out).toContain('shop_api_gone_v1');
    },
  );

  test('that could not be looked for is exit 1 and said', LONG, async () => {
    const ground = await openGround();
    await succeeds(ground, 'apply', '--auto-approve');
    const env = { DOCKER_HOST: `unix://${join(await temporaryFolder(), 'nobody.sock')}` };
    const unknown = await ground.project.keyturn(['drift', '--format', 'json'], { env });
    expect(unknown.code, unknown.err).toBe(1);
    const { findings } = JSON.parse(unknown.out) as { findings: unknown[] };
    expect(findings).toMatchObject([{ rule: 'unknown', level: 'error', subject: 'lab' }]);
  });

  test.each([
    [['drift', '--out', 'fix.json'], '--out saves the plan of --fix'],
    [['drift', '--fix', '--format', 'sarif'], 'SARIF has no place for one'],
    [['prune'], 'add --auto-approve'],
  ])('%j is refused before anything runs', async (args, says) => {
    const ran = await keyturn(args, { cwd: await temporaryFolder() });
    expect(ran.code).toBe(1);
    expect(ran.err.replaceAll(/\s+/g, ' ')).toContain(says);
  });
});

describe('prune', () => {
  test('shows what it would remove, removes it when told to, and leaves what is read', LONG, async () => {
    const ground = await openGround();
    const { project, api, copy } = ground;
    await succeeds(ground, 'apply', '--auto-approve');
    await copy(`${api}_gone_v1`, labelsOf('shop', 'gone', 1));
    await copy(`${api}_key_v9`, {});
    const state = join(project.folder, '.keyturn', 'sandbox', 'state', 'shop', 'state.json');
    const before = await readFile(state, 'utf8');

    const dry = await succeeds(ground, 'prune', '--dry-run');
    expect(dry.out).toContain(`remove ${api}_gone_v1 from lab`);
    expect(dry.out).toContain('Plan: 0 to add, 0 to change, 1 to destroy.');
    expect(dry.out.replaceAll(/\s+/g, ' ')).toContain(`${api}_key_v9 on lab carries no label of keyturn`);
    expect(await readFile(state, 'utf8')).toBe(before);
    expect(await serious(ground)).toHaveLength(2);

    const done = await succeeds(ground, 'prune', '--auto-approve', '--reason', 'tidying up');
    expect(done.out).toContain(`remove ${api}_gone_v1 from lab`);
    expect((await serious(ground)).map(({ subject }) => subject)).toEqual([`${api}_key_v9`]);
    const again = await succeeds(ground, 'prune', '--auto-approve');
    expect(again.out).toContain('Nothing to prune in shop.');
    const history = await succeeds(ground, 'history', 'show', '2', 'shop');
    expect(history.out).toContain('tidying up');
    // What is no longer declared and was only removed leaves nothing in the record.
    expect(JSON.parse(await readFile(state, 'utf8'))).not.toHaveProperty([
      'secrets',
      'vault://shop-secrets/gone',
    ]);

    await ground.killed(['apply', '--rotate', 'key', '--auto-approve']);
    const refused = await project.keyturn(['prune', '--auto-approve']);
    expect(refused.code).toBe(11);
    expect(refused.err).toContain('an earlier apply did not end');
  });
});
