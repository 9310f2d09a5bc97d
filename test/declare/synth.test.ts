import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformOutput, TerraformStack, TerraformVariable, Testing } from 'cdktf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Cadence,
  Duration,
  KeyVault,
  Probe,
  Secret,
  Source,
  Swarm,
  SwarmService,
} from '../../src/declare/declare.ts';
import { canonicalJson } from '../../src/model/canonical.ts';
import { parseManifest } from '../../src/record/manifest.ts';
import { SmallStack } from './golden/small-stack.ts';

const random = { source: Source.random(), cadence: Cadence.onRequest() };
let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-synth-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

function vaultIn(stack: TerraformStack, name = 'shop-prod'): KeyVault {
  return new KeyVault(stack, `vault-${name}`, { name, terraform: false });
}

/** The message of the error that synth throws, or null. */
function refusal(app: App): string | null {
  try {
    app.synth();
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

describe('synth', () => {
  it('writes the manifest of a stack beside its cdk.tf.json, as the golden file shows', () => {
    const app = new App({ outdir });
    new SmallStack(app, 'shop');
    app.synth();
    const folder = join(outdir, 'stacks', 'shop');
    const text = readFileSync(join(folder, 'keyturn.json'), 'utf8');
    const golden = JSON.parse(
      readFileSync(new URL('golden/small.keyturn.json', import.meta.url), 'utf8'),
    ) as unknown;
    expect(JSON.parse(text)).toEqual(golden);
    expect(text).toBe(`${canonicalJson(golden)}\n`);
    expect(parseManifest(text, 'keyturn.json')).toEqual(golden);
    expect(existsSync(join(folder, 'cdk.tf.json'))).toBe(true);
  });

  it('writes no manifest for a stack without our constructs, and leaves that stack as it was', () => {
    const app = new App({ outdir });
    const plain = new TerraformStack(app, 'plain');
    new TerraformOutput(plain, 'one', { value: 1 });
    new SmallStack(app, 'shop');
    app.synth();
    expect(existsSync(join(outdir, 'stacks', 'plain', 'keyturn.json'))).toBe(false);
    expect(existsSync(join(outdir, 'stacks', 'shop', 'keyturn.json'))).toBe(true);
  });

  it('writes the same bytes from constructs that stand in another order', () => {
    const write = (names: string[]): string => {
      const app = new App({ outdir });
      const stack = new TerraformStack(app, 'shop');
      const vault = vaultIn(stack);
      for (const name of names) new Secret(stack, name, { vault, ...random });
      app.synth();
      return readFileSync(join(outdir, 'stacks', 'shop', 'keyturn.json'), 'utf8').replaceAll(/:\d+"/g, '"');
    };
    expect(write(['a', 'b', 'c'])).toBe(write(['c', 'a', 'b']));
  });

  it('keeps the backend that the stack declares, else a relative local one', () => {
    const app = new App({ outdir });
    new SmallStack(app, 'shop');
    app.synth();
    const text = readFileSync(join(outdir, 'stacks', 'shop', 'cdk.tf.json'), 'utf8');
    expect(text).toContain('"path": "../../../terraform.shop.tfstate"');
    expect(text).not.toContain(process.cwd());
  });
});

describe('a refused synth', () => {
  it('lists every problem of every stack at once, with place and remedy, and leaves them as JSON', () => {
    const app = new App({ outdir });
    const one = new TerraformStack(app, 'one');
    const two = new TerraformStack(app, 'two');
    new Secret(one, 'soaked', { vault: vaultIn(one), ...random, soak: Duration.hours(-3) });
    new Secret(two, 'under_score', { vault: vaultIn(two, 'other-prod'), ...random, generation: 0 });
    const message = refusal(app) ?? '';
    expect(message).toMatch(/^keyturn: 3 problems/);
    expect(message).toMatch(
      /one\/soaked \(test\/declare\/synth\.test\.ts:\d+\)\n\s+soak "-PT3H" is negative\n\s+→ /,
    );
    expect(message).toContain('two/under_score');
    const file = JSON.parse(readFileSync(join(outdir, 'keyturn-problems.json'), 'utf8')) as unknown;
    expect(file).toMatchObject({
      format: 1,
      problems: [
        { what: 'soak "-PT3H" is negative', next: 'give zero or more' },
        { what: '"under_score" is no name of a secret in a key vault' },
        { what: 'generation 0 is not 1 or above' },
      ],
    });
    expect(existsSync(join(outdir, 'stacks', 'one', 'keyturn.json'))).toBe(false);
  });

  it('refuses a secret that takes the name of the one in which the history is sealed', () => {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, 'one');
    new Secret(stack, 'keyturn-anchor', { vault: vaultIn(stack), ...random });
    expect(refusal(app)).toContain('"keyturn-anchor" is where keyturn seals its history');
  });

  it('happens with skipValidation too: the engine cannot act on what is wrong', () => {
    const app = new App({ outdir, skipValidation: true });
    const stack = new TerraformStack(app, 'one');
    new Secret(stack, 'soaked', { vault: vaultIn(stack), ...random, soak: Duration.hours(-3) });
    expect(refusal(app)).toContain('is negative');
  });

  it('happens in Testing.synth with validations, so that a unit test of a stack finds it', () => {
    const stack = new TerraformStack(Testing.app({ outdir }), 'one');
    new Secret(stack, 'soaked', { vault: vaultIn(stack), ...random, soak: Duration.hours(-3) });
    expect(() => Testing.synth(stack, true)).toThrow('is negative');
  });

  it('leaves no list of problems behind once they are gone', () => {
    const wrong = new App({ outdir });
    const stack = new TerraformStack(wrong, 'one');
    new Secret(stack, 'soaked', { vault: vaultIn(stack), ...random, soak: Duration.hours(-3) });
    expect(refusal(wrong)).not.toBeNull();
    const right = new App({ outdir });
    new SmallStack(right, 'shop');
    right.synth();
    expect(existsSync(join(outdir, 'keyturn-problems.json'))).toBe(false);
  });

  it('names a field whose value only terraform apply will know', () => {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, 'one');
    const later = new TerraformVariable(stack, 'later', { type: 'string' });
    const vault = new KeyVault(stack, 'vault', { name: later.stringValue, terraform: false });
    const swarm = new Swarm(stack, 'swarm');
    const secret = new Secret(stack, 'key', {
      vault: vaultIn(stack),
      ...random,
      description: later.stringValue,
    });
    new SwarmService(stack, 'api', {
      swarm,
      service: 'api',
      mounts: [secret.at('key')],
      probe: Probe.tcp({ port: later.numberValue }),
    });
    const message = refusal(app) ?? '';
    expect(vault.node.path).toBe('one/vault');
    expect(message).toContain('one/vault\n    name is known only after terraform apply');
    expect(message).toContain('description is known only after terraform apply');
    expect(message).toContain('probe.port is known only after terraform apply');
  });

  it('happens for what belongs to another stack, by the name of the property', () => {
    const app = new App({ outdir });
    const one = new TerraformStack(app, 'one');
    const two = new TerraformStack(app, 'two');
    const vault = vaultIn(one);
    const far = new Secret(one, 'far', { vault, ...random });
    new Secret(two, 'near', { vault, ...random, dependsOn: [far] });
    new SwarmService(two, 'api', {
      swarm: new Swarm(two, 'swarm'),
      service: 'api',
      mounts: [far.at('far')],
    });
    const message = refusal(app) ?? '';
    expect(message).toContain('vault names "one/vault-shop-prod", which belongs to the stack "one"');
    expect(message).toContain('dependsOn names "one/far", which belongs to the stack "one"');
    expect(message).toContain('mounts names "one/far", which belongs to the stack "one"');
  });

  it('cannot happen late: a construct outside of any stack throws at once', () => {
    const app = new App({ outdir });
    expect(() => new Swarm(app, 'swarm')).toThrow(/No stack could be identified/);
  });
});
