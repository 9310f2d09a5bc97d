import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest } from '../../src/record/manifest.ts';
import { REPOSITORY, keyturn } from './commands.ts';
import type { Cost } from './commands.ts';
import { STACK, SWARM, VAULT, baseName, secretName, secretsOf, serviceName } from './names.ts';
import { writeRecord } from './record.ts';
import type { Served, Size } from './served.ts';

const NAMES = [baseName, secretName, serviceName, secretsOf]
  .map((each) => `const ${each.name} = ${each.toString()};`)
  .join('\n');

const MAIN = ({ secrets, services }: Size): string => `import { readFileSync } from 'node:fs';
import { App, TerraformStack } from 'cdktf';
import { Cadence, Duration, KeyVault, Probe, Secret, Source, Swarm, SwarmService } from '${REPOSITORY}/src/declare/declare.ts';

${NAMES}
const generation = Number(readFileSync(new URL('generation.txt', import.meta.url), 'utf8'));

class ScaleStack extends TerraformStack {
  constructor(scope, id) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: '${VAULT}', terraform: false });
    const swarm = new Swarm(this, 'swarm', { name: '${SWARM}' });
    const common = { vault, generation, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.hours(72) };
    const all = Array.from({ length: ${secrets} }, (_, n) => new Secret(this, secretName(n), common));
    for (let n = 0; n < ${services}; n += 1) {
      const mounts = secretsOf(n, ${secrets}, ${services}).map((secret) => all[secret].at(baseName(secret)));
      new SwarmService(this, serviceName(n), { swarm, service: serviceName(n), mounts, probe: Probe.none(), settle: Duration.seconds(0) });
    }
  }
}

const app = new App();
new ScaleStack(app, '${STACK}');
app.synth();
`;

/** Where the manifest of generation `n` lies. */
export const manifestOf = (folder: string, generation: number): string =>
  join(folder, `manifest-${generation}.json`);

/**
 * A project in that folder whose stack declares what the servers hold: converged as generation 1, all of it due as
 * generation 2. Its record was rebuilt from tags and labels. Returns what the two synths cost.
 */
export async function makeProject(folder: string, size: Size, served: Served): Promise<Cost[]> {
  await declareProject(folder, size);
  const costs: Cost[] = [];
  for (const generation of [1, 2]) {
    await writeFile(join(folder, 'generation.txt'), String(generation));
    costs.push(expectDone(await keyturn(['synth'], folder)));
    const manifest = await readFile(join(folder, 'cdktf.out', 'stacks', STACK, 'keyturn.json'), 'utf8');
    await writeFile(manifestOf(folder, generation), manifest);
  }
  await writeFile(join(folder, 'generation.txt'), '1');
  await writeRecord(
    folder,
    parseManifest(await readFile(manifestOf(folder, 1), 'utf8'), 'keyturn.json'),
    served,
  );
  return costs;
}

/** A project whose stack declares a world of that size, as generation 1. Nothing of it was synthesized yet. */
export async function declareProject(folder: string, size: Size): Promise<void> {
  await writeProject(folder, MAIN(size));
  await writeFile(join(folder, 'generation.txt'), '1');
}

/** A project in that folder with this main.ts. */
export async function writeProject(folder: string, main: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  const app = 'node node_modules/jiti/lib/jiti-cli.mjs main.ts';
  await writeFile(join(folder, 'cdktf.json'), JSON.stringify({ language: 'typescript', app }));
  await writeFile(join(folder, 'main.ts'), main);
}

/** Throws what it printed unless it ended with 0. */
export function expectDone(cost: Cost): Cost {
  if (cost.code !== 0) throw new Error(`it ended with ${String(cost.code)}:\n${cost.out}${cost.err}`);
  return cost;
}
