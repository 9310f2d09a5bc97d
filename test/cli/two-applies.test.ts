import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import type { Said, Setup } from '../support/apply-in-azure.ts';
import { startAzurite } from '../support/azurite.ts';
import { SWARM, VAULT } from '../support/world.ts';
import { keyturn, project, put, REPOSITORY, temporaryFolder } from './project.ts';

/* Two applies of one stack at once, and one after a `kill -9`, as processes of their own. */

const JITI = join(REPOSITORY, 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs');

/** A place where an apply's probe stands still: it makes `probing` and waits for `go`. */
interface Gate {
  readonly probe: readonly string[];
  /** Resolves when an apply has come to its probe. */
  reached(): Promise<void>;
  open(): Promise<void>;
}

async function makeGate(): Promise<Gate> {
  const folder = await temporaryFolder();
  const [probing, go] = [join(folder, 'probing'), join(folder, 'go')];
  return {
    probe: ['sh', '-c', `touch ${probing}; until [ -e ${go} ]; do sleep 0.05; done`],
    reached: () => appears(folder, probing),
    open: () => put(go, ''),
  };
}

function appears(folder: string, file: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => look());
    const look = (): void => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    look();
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string }>;
}

/** Starts a program of node's; it is gone after the test. */
function start(args: readonly string[], cwd: string): Started {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out += text));
  const ended = new Promise<{ code: number | null; out: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out }));
  });
  return { child, pid: child.pid ?? 0, ended };
}

describe('two applies of one stack at once, its record in a local directory', () => {
  const APPLY = ['apply', '--sandbox', '--auto-approve'];
  const program = join(REPOSITORY, 'bin', 'keyturn.js');

  /** A project whose sandbox is served, as two programs can use it at once. */
  const served = async (gate: Gate): Promise<string> => {
    const folder = await project(`
      const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
      const swarm = new Swarm(this, 'swarm', { name: 'shop' });
      const key = new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });
      new SwarmService(this, 'web', {
        swarm, service: 'shop_web', mounts: [key.at('key')], settle: Duration.seconds(0), deadline: Duration.hours(1),
        probe: Probe.command(${JSON.stringify(gate.probe)}, { timeout: Duration.minutes(5) }),
      });`);
    const server = start([program, 'sandbox', 'serve'], folder);
    await new Promise<void>((resolve) => {
      server.child.stdout?.on('data', (text: string) => {
        if (text.includes('Ctrl-C')) resolve();
      });
    });
    return folder;
  };

  it('lets one work; the other ends with 13 and says who holds it', async () => {
    const gate = await makeGate();
    const folder = await served(gate);
    const first = start([program, ...APPLY], folder);
    await gate.reached();
    const second = await keyturn(APPLY, { cwd: folder });
    expect(second.code).toBe(13);
    expect(second.err.replaceAll(/\s+/g, ' ')).toMatch(
      new RegExp(`the lease is held by .+ since .+ \\(keyturn apply, pid ${first.pid} on `),
    );
    await gate.open();
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd: folder })).toMatchObject({
      code: 0,
    });
  });

  it('needs no flag and no person after kill -9', async () => {
    const gate = await makeGate();
    const folder = await served(gate);
    const first = start([program, ...APPLY], folder);
    await gate.reached();
    first.child.kill('SIGKILL');
    await first.ended;
    await gate.open();
    const next = await keyturn(APPLY, { cwd: folder });
    expect([0, 10]).toContain(next.code);
    expect(await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd: folder })).toMatchObject({
      code: 0,
      err: expect.not.stringContaining('did not end') as string,
    });
    expect((await keyturn(['output', '--sandbox'], { cwd: folder })).out).toMatch(/KEY\w*=key_v\d/);
  });
});

describe('two applies of one stack at once, their record in Azure', () => {
  const setUp = async (gate: Gate): Promise<(name: string) => Started> => {
    const azurite = await startAzurite();
    const vault = await startVault({ name: VAULT, directory: await temporaryFolder() });
    const swarm = await startSwarm({
      name: SWARM,
      directory: null,
      listen: 'tcp://127.0.0.1:0',
      timeScale: 0.01,
    });
    onTestFinished(async () => {
      await swarm.close();
      await vault.close();
      await azurite.stop();
    });
    swarm.createService({
      name: 'web',
      replicas: 2,
      order: 'start-first',
      healthCheck: true,
      networks: ['net'],
    });
    return (name) => {
      const { probe } = gate;
      const where = { endpoint: azurite.endpoint, container: 'tfstate-keyturn' };
      const setup: Setup = { name, ...where, vault: vault.url, swarm: swarm.endpoint, probe };
      return start(
        [JITI, join(REPOSITORY, 'test/support/apply-in-azure.ts'), JSON.stringify(setup)],
        REPOSITORY,
      );
    };
  };
  const said = async ({ ended }: Started): Promise<Said> => JSON.parse((await ended).out) as Said;

  it('lets one work; the other is told who holds it', async () => {
    const gate = await makeGate();
    const apply = await setUp(gate);
    const first = apply('Ada');
    await gate.reached();
    const { code, what } = await said(apply('Bob'));
    expect(code).toBe('lease-held');
    expect(what).toMatch(
      new RegExp(`^the lease is held by Ada since .+ \\(keyturn apply, pid ${first.pid} on `),
    );
    await gate.open();
    expect(await said(first)).toEqual({ resumed: null, outcome: 'done' });
  });

  it('needs no flag and no person after kill -9, nor the time of its native lease', async () => {
    const gate = await makeGate();
    const apply = await setUp(gate);
    const first = apply('Ada');
    await gate.reached();
    first.child.kill('SIGKILL');
    await first.ended;
    await gate.open();
    expect(await said(apply('Bob'))).toMatchObject({
      resumed: expect.any(String) as string,
      outcome: 'done',
    });
    expect(await said(apply('Cyd'))).toEqual({ resumed: null, outcome: 'done' });
  });
});
