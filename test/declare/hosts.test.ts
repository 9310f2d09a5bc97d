import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Annotations, App, Aspects, TerraformStack, TerraformVariable } from 'cdktf';
import type { IConstruct } from 'constructs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Cadence,
  EnvFile,
  Host,
  Hosts,
  KeyVault,
  Secret,
  SmokeTest,
  Source,
} from '../../src/declare/declare.ts';
import type { EnvFileProps } from '../../src/declare/declare.ts';
import { copyName } from '../../src/model/address.ts';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { Declared } from '../../src/model/declared.ts';
import { referenceTo } from '../../src/model/host.ts';
import { parseManifest } from '../../src/record/manifest.ts';
import { HostsStack } from './golden/hosts-stack.ts';

let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-hosts-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

function written(): string {
  return readFileSync(join(outdir, 'stacks', 'shop', 'keyturn.json'), 'utf8');
}

function synth(build: (stack: TerraformStack) => void): Declared {
  const app = new App({ outdir });
  build(new TerraformStack(app, 'shop'));
  app.synth();
  return parseManifest(written(), 'keyturn.json');
}

function refusal(build: (stack: TerraformStack) => void): string {
  try {
    synth(build);
  } catch (thrown) {
    if (thrown instanceof Error) return thrown.message;
  }
  throw new Error('not refused');
}

function key(stack: TerraformStack): Secret {
  const vault = new KeyVault(stack, 'vault', { name: 'shop-prod', terraform: false });
  return new Secret(stack, 'jwt-secret', { vault, source: Source.random(), cadence: Cadence.onRequest() });
}

function file(stack: TerraformStack, on: Host | Hosts, more: Partial<EnvFileProps> = {}): EnvFile {
  const props = { path: '/etc/shop.env', format: 'systemd', variables: [], restarts: [] } as const;
  return new EnvFile(stack, 'env', { on, ...props, ...more });
}

describe('a stack with hosts', () => {
  it('is written as the golden file shows, and read as it was written', () => {
    const app = new App({ outdir });
    new HostsStack(app, 'shop');
    app.synth();
    const golden = JSON.parse(
      readFileSync(new URL('golden/hosts.keyturn.json', import.meta.url), 'utf8'),
    ) as unknown;
    expect(JSON.parse(written())).toEqual(golden);
    expect(written()).toBe(`${canonicalJson(golden)}\n`);
    expect(parseManifest(written(), 'keyturn.json')).toEqual(golden);
  });

  it('has one consumer a machine, each with the address of the file on it', () => {
    const { consumers, platforms } = synth((stack) => {
      const web = new Hosts(stack, 'web', {
        hosts: [{ name: 'web-1', endpoint: 'ssh://web-1' }, { name: 'web-2' }],
      });
      file(stack, web, { variables: [key(stack).as('JWT_SECRET')] });
    });
    expect(consumers.map(({ address, path }) => [address, path])).toEqual([
      ['host://web-1/etc/shop.env', 'shop/env/web-1'],
      ['host://web-2/etc/shop.env', 'shop/env/web-2'],
    ]);
    expect(platforms).toMatchObject([
      { kind: 'host', name: 'web-1', fleet: 'web' },
      { kind: 'host', name: 'web-2', fleet: 'web' },
    ]);
  });

  it('names the versions of a mount as the marker of a host does', () => {
    const app = new App({ outdir });
    new HostsStack(app, 'shop');
    app.synth();
    const { consumers } = parseManifest(written(), 'keyturn.json');
    const mounts = consumers.flatMap((each) => (each.kind === 'env-file' ? each.mounts : []));
    expect(mounts.length).toBeGreaterThan(0);
    expect(mounts.map(({ base }) => copyName(base, 4))).toEqual(
      mounts.map(({ secret }) => referenceTo(secret, 4)),
    );
  });

  it('lets the host go first that is named as canary, all where it says true', () => {
    const canaries = (canary: boolean | string): unknown =>
      synth((stack) => {
        const hosts = [{ name: 'web-1', endpoint: 'ssh://web-1' }, { name: 'web-2' }];
        file(stack, new Hosts(stack, 'web', { hosts }), { canary });
      }).consumers.map((consumer) => consumer.canary);
    expect(canaries('web-2')).toEqual([false, true]);
    expect(canaries(true)).toEqual([true, true]);
  });

  it('may be judged by an aspect of its own', () => {
    class RestartsSomething {
      visit(node: IConstruct): void {
        if (!(node instanceof EnvFile)) return;
        for (const { file: each } of node.declared) {
          if (each.restarts.length === 0) Annotations.of(node).addError(`${each.path} restarts nothing`);
        }
      }
    }
    const said = refusal((stack) => {
      file(stack, new Host(stack, 'web-1'));
      Aspects.of(stack).add(new RestartsSomething());
    });
    expect(said).toContain('/etc/shop.env restarts nothing');
  });
});

describe('a stack with hosts that is refused', () => {
  it('says what is wrong with a file once, on however many machines it is', () => {
    const said = refusal((stack) => {
      const hosts = [{ name: 'web-1', endpoint: 'ssh://web-1' }, { name: 'web-2' }];
      file(stack, new Hosts(stack, 'web', { hosts }), { mode: 0o644 });
    });
    expect(said).toMatch(/^keyturn: a problem in/);
    expect(said).toMatch(/shop\/env \(test\/declare\/hosts\.test\.ts:\d+\)\n\s+mode 0o644 lets everybody/);
  });

  it('names a fleet without a machine, and one machine that is in it twice', () => {
    const said = refusal((stack) => {
      new Hosts(stack, 'none', { hosts: [] });
      new Hosts(stack, 'web', { hosts: [{ name: 'web-1' }, { name: 'web-1' }] });
    });
    expect(said).toContain('shop/none');
    expect(said).toContain('a fleet without a host');
    expect(said).toContain('host "web-1" is declared twice');
  });

  it('names what only terraform apply will know', () => {
    const said = refusal((stack) => {
      const later = new TerraformVariable(stack, 'later', { type: 'string' }).stringValue;
      const host = new Host(stack, 'web-1', { endpoint: later });
      const env = file(stack, host, { path: `/etc/${later}.env` });
      new SmokeTest(stack, 'smoke', { command: ['smoke', later], consumers: [env] });
    });
    expect(said).toContain('endpoint is known only after terraform apply');
    expect(said).toContain('file.path is known only after terraform apply');
    expect(said).toContain('argv.1 is known only after terraform apply');
  });

  it('names constructs of another stack', () => {
    const app = new App({ outdir });
    const [one, two] = [new TerraformStack(app, 'one'), new TerraformStack(app, 'two')];
    const env = file(two, new Host(one, 'web-1'));
    new SmokeTest(one, 'smoke', { command: ['smoke'], consumers: [env] });
    expect(() => app.synth()).toThrow(
      /on names "one\/web-1"[^]*consumers names "two\/env"|consumers names "two\/env"[^]*on names "one\/web-1"/,
    );
  });
});
