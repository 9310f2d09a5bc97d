import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * `terraform plan` of so many `terraform_data`, each a block of its own, all applied before: nothing to do, nothing to ask.
 * Returns what plans it and how long that took, in ms; null where there is no terraform.
 */
export async function terraformPlan(
  folder: string,
  objects: number,
): Promise<(() => Promise<number>) | null> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, CHECKPOINT_DISABLE: '1' };
  const terraform = (...args: string[]) =>
    run('terraform', [...args, '-input=false', '-no-color'], { cwd: folder, env, maxBuffer: 256 << 20 });
  await mkdir(folder, { recursive: true });
  const blocks = Array.from(
    { length: objects },
    (_, n) => `resource "terraform_data" "o${n}" { input = "${n}" }`,
  );
  await writeFile(join(folder, 'main.tf'), `${blocks.join('\n')}\n`);
  await writeFile(join(folder, 'terraform.tfstate'), JSON.stringify(stateOf(objects)));
  try {
    await terraform('init');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  return async () => {
    const began = performance.now();
    const { stdout } = await terraform('plan', '-lock=false');
    if (!stdout.includes('No changes.'))
      throw new Error(`terraform would change something: ${stdout.slice(0, 500)}`);
    return performance.now() - began;
  };
}

/** What `terraform apply` of these blocks leaves, without the half hour that it takes for ten thousand. */
function stateOf(objects: number): object {
  const resources = Array.from({ length: objects }, (_, n) => ({
    mode: 'managed',
    type: 'terraform_data',
    name: `o${n}`,
    provider: 'provider["terraform.io/builtin/terraform"]',
    instances: [
      {
        schema_version: 0,
        attributes: {
          id: `id-${n}`,
          input: { value: String(n), type: 'string' },
          output: { value: String(n), type: 'string' },
          triggers_replace: null,
        },
        sensitive_attributes: [],
      },
    ],
  }));
  return {
    version: 4,
    terraform_version: '1.11.4',
    serial: 1,
    lineage: 'bench',
    outputs: {},
    resources,
    check_results: null,
  };
}
