import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runApp } from '../../src/declare/run-app.ts';
import { Fault } from '../../src/model/fault.ts';
import { checkManifest } from '../../src/record/manifest.ts';

const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const JITI = 'node node_modules/jiti/lib/jiti-cli.mjs main.ts';
const environment = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() };
let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'keyturn-app-'));
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

/** A project whose main.ts declares `body` in stacks of an app that is then synthesized. */
function write(body: string, app = JITI): void {
  writeFileSync(join(project, 'cdktf.json'), JSON.stringify({ language: 'typescript', app }));
  const text = `import { Annotations, App, TerraformStack } from 'cdktf';
import { Cadence, Duration, KeyVault, Secret, Source } from '${ROOT}/src/declare/declare.ts';

const app = new App();
const stackOf = (name: string) => new TerraformStack(app, name);
const vaultOf = (stack: TerraformStack, name: string) => new KeyVault(stack, 'vault', { name, terraform: false });
const random = { source: Source.random(), cadence: Cadence.onRequest() };
${body}
app.synth();
`;
  writeFileSync(join(project, 'main.ts'), text);
}

async function run(extra: Record<string, string> = {}) {
  return runApp({
    directory: project,
    outdir: join(project, 'cdktf.out'),
    environment: { ...environment, ...extra },
  });
}

async function refusal(): Promise<Fault> {
  const thrown: unknown = await run().catch((fault: unknown) => fault);
  if (!(thrown instanceof Fault)) throw new Error('not refused');
  return thrown;
}

describe('an app that synthesizes', () => {
  it('gives each stack that declares something, by name, with the place of its manifest', async () => {
    write(`for (const name of ['shop', 'blog']) {
  const stack = stackOf(name);
  new Secret(stack, 'key', { vault: vaultOf(stack, name + '-prod'), ...random });
}
Annotations.of(stackOf('plain')).addWarning('nobody owns this');`);
    const { stacks, warnings } = await run();
    expect(stacks.map(({ name }) => name)).toEqual(['blog', 'shop']);
    expect(stacks.map(({ declared }) => declared.secrets[0]?.address)).toEqual([
      'vault://blog-prod/key',
      'vault://shop-prod/key',
    ]);
    expect(stacks.map(({ declared }) => declared.secrets[0]?.position)).toEqual(['main.ts:10', 'main.ts:10']);
    expect(stacks[0]?.manifestPath).toBe(join(project, 'cdktf.out', 'stacks', 'blog', 'keyturn.json'));
    expect(warnings).toEqual(['plain: nobody owns this']);
  });

  it('is not checked again where a manifest of before comes out the same', async () => {
    write(`for (const name of ['shop', 'blog']) {
  const stack = stackOf(name);
  const owner = name === 'shop' ? 'people' : 'platform';
  new Secret(stack, 'key', { vault: vaultOf(stack, name + '-prod'), ...random, owner });
}`);
    const directory = { directory: project, outdir: join(project, 'cdktf.out'), environment };
    const { stacks } = await runApp(directory);
    const known = new Map(
      stacks.map(({ manifestPath }) => {
        const text = readFileSync(manifestPath, 'utf8');
        return [text, checkManifest(text, manifestPath)];
      }),
    );
    write(`for (const name of ['shop', 'blog']) {
  const stack = stackOf(name);
  const owner = name === 'shop' ? 'people' : 'data';
  new Secret(stack, 'key', { vault: vaultOf(stack, name + '-prod'), ...random, owner });
}`);
    const again = await runApp({ ...directory, known });
    const [blog, shop] = again.stacks.map(({ declared }) => declared);
    expect([...known.values()].filter((each) => each === shop || each === blog)).toEqual([shop]);
    expect(blog?.secrets[0]?.owner).toBe('data');
  });

  it('is not disturbed by another run of the same project that begins before it has read what it wrote', async () => {
    // The first one waits, once it has written all, until the second one runs.
    const script = `if mkdir first 2>/dev/null; then ${JITI} && touch written && until [ -e second ]; do sleep 0.02; done; else touch second; ${JITI}; fi`;
    write(
      `new Secret(stackOf('shop'), 'key', { vault: vaultOf(app.node.findChild('shop'), 'shop-prod'), ...random });`,
      script,
    );
    const first = run();
    while (!existsSync(join(project, 'written'))) await pause(20);
    const runs = await Promise.all([first, run()]);
    expect(runs.map(({ stacks }) => stacks.map(({ name }) => name))).toEqual([['shop'], ['shop']]);
    expect(readdirSync(join(project, 'cdktf.out')).sort()).toEqual(['manifest.json', 'stacks']);
  });

  it('leaves nothing of a stack that is gone, nor the manifest of one that declares nothing any more', async () => {
    const folder = join(project, 'cdktf.out', 'stacks');
    for (const name of ['gone', 'quiet']) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, 'keyturn.json'), '{}');
    }
    write(`stackOf('quiet');`);
    const { stacks, warnings } = await run();
    expect(stacks).toEqual([]);
    expect(warnings).toEqual(['no stack declares a secret, a consumer or a vault']);
    expect(existsSync(join(folder, 'gone'))).toBe(false);
    expect(existsSync(join(folder, 'quiet', 'keyturn.json'))).toBe(false);
    expect(existsSync(join(folder, 'quiet', 'cdk.tf.json'))).toBe(true);
  });

  it('sees of the environment what it was given, without the variables of Terraform', async () => {
    write(`console.error(JSON.stringify(process.env)); process.exit(3);`);
    const thrown: unknown = await run({ TF_VAR_token: 'canary', GREETING: 'hello' }).catch(
      (fault: unknown) => fault,
    );
    const said = JSON.stringify(thrown);
    expect(said).toContain('GREETING');
    expect(said).not.toContain('canary');
    expect(said).not.toContain('VITEST');
  });
});

describe('an app that fails', () => {
  it('is a declaration to change where our rules refuse it, with every problem of every stack', async () => {
    write(`const shop = stackOf('shop');
new Secret(shop, 'a', { vault: vaultOf(shop, 'shop-prod'), ...random, soak: Duration.hours(-1) });
const blog = stackOf('blog');
new Secret(blog, 'b.c', { vault: vaultOf(blog, 'blog-prod'), ...random });`);
    const fault = await refusal();
    expect(fault.code).toBe('bad-declaration');
    expect(fault.problems).toEqual([
      { what: 'soak "-PT1H" is negative', where: 'shop/a (main.ts:9)', next: 'give zero or more' },
      {
        what: '"b.c" is no name of a secret in a key vault',
        where: 'blog/b.c (main.ts:11)',
        next: expect.stringContaining('letters') as string,
      },
    ]);
    expect(existsSync(join(project, 'cdktf.out', 'stacks', 'shop', 'keyturn.json'))).toBe(false);
  });

  it('is one too where somebody else annotated an error, all of them', async () => {
    write(`const stack = stackOf('shop');
new Secret(stack, 'a', { vault: vaultOf(stack, 'shop-prod'), ...random });
Annotations.of(stack).addError('no owner');
Annotations.of(app.node.findChild('shop').node.findChild('a')).addError('no classification');`);
    const fault = await refusal();
    expect(fault.code).toBe('bad-declaration');
    expect(fault.problems).toEqual([
      { what: 'no owner', where: 'shop' },
      { what: 'no classification', where: 'shop/a' },
    ]);
  });

  it('says what a stack threw and where, without the paths of the machine', async () => {
    write(`function declareShop(): void {
  throw new TypeError('the region "mars" is not known');
}
declareShop();`);
    const fault = await refusal();
    expect(fault).toMatchObject({
      code: 'synth-failed',
      message: 'the app threw TypeError: the region "mars" is not known',
      where: 'main.ts:9',
      live: 'nothing was changed',
    });
    expect(JSON.stringify(fault)).not.toContain(project);
  });

  it("lists cdktf's own validation errors one by one", async () => {
    write(`const stack = stackOf('shop');
stack.node.addValidation({ validate: () => ['the first rule', 'the second rule'] });`);
    const fault = await refusal();
    expect(fault.code).toBe('synth-failed');
    expect(fault.problems).toEqual([
      { what: 'the first rule', where: 'shop' },
      { what: 'the second rule', where: 'shop' },
    ]);
  });

  it('quotes what the shell said where the command is not there', async () => {
    write('', 'no-such-command main.ts');
    const fault = await refusal();
    expect(fault.code).toBe('synth-failed');
    expect(fault.message).toMatch(/^the app ended with 127: .*no-such-command/);
  });

  it('says so where main.ts synthesizes nothing', async () => {
    write('process.exit(0);');
    const fault = await refusal();
    expect(fault).toMatchObject({ code: 'synth-failed', message: 'the app wrote no manifest.json' });
    expect(fault.next).toContain('app.synth()');
  });

  it('is refused before it runs where the folder has no cdktf.json, or one without an app', async () => {
    expect(await refusal()).toMatchObject({
      code: 'bad-usage',
      next: expect.stringContaining('keyturn init') as string,
    });
    writeFileSync(join(project, 'cdktf.json'), '{"language":"typescript"}');
    expect(await refusal()).toMatchObject({ code: 'bad-file', message: 'cdktf.json names no app' });
  });

  it('leaves time for something else while it runs', async () => {
    write('', 'while [ ! -e meanwhile ]; do sleep 0.05; done; exit 3');
    const running = runApp({
      directory: project,
      outdir: join(project, 'cdktf.out'),
      environment,
      signal: AbortSignal.timeout(20_000),
      meanwhile: () => writeFileSync(join(project, 'meanwhile'), ''),
    });
    await expect(running).rejects.toMatchObject({ code: 'synth-failed' });
  });

  it('can be interrupted', async () => {
    write('', 'sleep 60');
    const stop = new AbortController();
    const running = runApp({
      directory: project,
      outdir: join(project, 'cdktf.out'),
      environment,
      signal: stop.signal,
    });
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe("this repository's own stacks", () => {
  it('synthesize with the command of cdktf.json, to the same bytes twice', async () => {
    const twice = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const outdir = join(project, name);
        const { stacks } = await runApp({ directory: ROOT, outdir, environment });
        expect(stacks.map((stack) => stack.name)).toEqual(['busflow', 'tracker']);
        return ['busflow', 'tracker'].flatMap((stack) =>
          ['keyturn.json', 'cdk.tf.json'].map((file) =>
            readFileSync(join(outdir, 'stacks', stack, file), 'utf8'),
          ),
        );
      }),
    );
    expect(twice[0]).toEqual(twice[1]);
  });

  it('are read without loading cdktf into this process', () => {
    const script = `const { createJiti } = await import('jiti');
const jiti = createJiti(${JSON.stringify(`${ROOT}/`)});
await jiti.import(${JSON.stringify(join(ROOT, 'src/declare/run-app.ts'))});
const { createRequire } = await import('node:module');
const loaded = Object.keys(createRequire(${JSON.stringify(`${ROOT}/`)}).cache);
console.log(loaded.some((file) => /node_modules.(cdktf|constructs|@cdktf)/.test(file)));`;
    const said = execFileSync('node', ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' });
    expect(said.trim()).toBe('false');
  });
});
