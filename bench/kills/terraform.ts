import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, Ended } from './child.ts';
import { run, runUntil } from './child.ts';
import type { Cut, Project, Recovery, Subject, Wreck } from './subject.ts';
import { phaseOf } from './subject.ts';

/**
 * terraform with its built-in `terraform_data` and the local backend, so that nothing is downloaded. A change
 * replaces every object, the new one before the old one goes, as a rotation does.
 */
export async function findTerraform(objects: number): Promise<Subject | null> {
  let found: Ended;
  try {
    found = await run(commandIn('.', ['version', '-json']));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const { terraform_version: version } = JSON.parse(found.out) as { readonly terraform_version: string };
  return { name: 'terraform', version, open: (folder) => open(folder, objects) };
}

const MAIN = (objects: number): string => `variable "generation" { type = number }
resource "terraform_data" "object" {
  count            = ${objects}
  input            = "object \${count.index}"
  triggers_replace = [var.generation]
  lifecycle { create_before_destroy = true }
}
`;

async function open(folder: string, objects: number): Promise<Project> {
  await writeFile(join(folder, 'main.tf'), MAIN(objects));
  const project = new TerraformProject(folder, objects);
  await project.change();
  const init = await run(commandIn(folder, ['init', '-input=false', '-no-color']));
  if (init.code !== 0) throw new Error(`terraform init ended with ${init.code}: ${init.err}`);
  await project.applyWhole();
  return project;
}

function commandIn(cwd: string, args: readonly string[]): Command {
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, CHECKPOINT_DISABLE: '1' };
  return { file: 'terraform', args, cwd, env };
}

const APPLY = ['apply', '-auto-approve', '-input=false', '-no-color'];

class TerraformProject implements Project {
  readonly #folder: string;
  readonly #objects: number;
  #generation = 0;
  /** Ids that the killed apply told as created: the state must know each. */
  #created: readonly string[] = [];

  constructor(folder: string, objects: number) {
    this.#folder = folder;
    this.#objects = objects;
  }

  async change(): Promise<void> {
    this.#generation += 1;
    await writeFile(join(this.#folder, 'terraform.tfvars'), `generation = ${this.#generation}\n`);
  }

  async applyWhole(): Promise<number> {
    const { code, err, elapsedMs } = await this.#run(APPLY);
    if (code !== 0 || (await this.#plan()).code !== 0)
      throw new Error(`terraform ended with ${code}: ${err}`);
    return elapsedMs;
  }

  async applyKilled(afterMs: number): Promise<Cut> {
    const { code, out } = await runUntil(commandIn(this.#folder, APPLY), afterMs);
    this.#created = [...out.matchAll(/Creation complete after .*\[id=([^\]]+)\]/g)].map(([, id]) => id ?? '');
    const destroyed = out.match(/Destruction complete/g)?.length ?? 0;
    const hasBegun = out.includes(': Creating...');
    return { phase: phaseOf(code, hasBegun), done: (this.#created.length + destroyed) / (2 * this.#objects) };
  }

  async examine(): Promise<Wreck> {
    const hasLock = await exists(join(this.#folder, '.terraform.tfstate.lock.info'));
    const isEmpty = (await readFile(join(this.#folder, 'terraform.tfstate'), 'utf8')) === '';
    const listed = await this.#run(['state', 'list']);
    const isUnreadable = !isEmpty && listed.code !== 0;
    const known = listed.code === 0 ? new Set(listed.out.split('\n').filter(Boolean)).size : 0;
    const pulled = listed.code === 0 ? (await this.#run(['state', 'pull'])).out : null;
    // With the whole state gone, an object that was replaced just now is one and not two.
    const unknown = pulled === null ? 0 : this.#created.filter((id) => !pulled.includes(id)).length;
    const lost = this.#objects - known + unknown;
    const inBackup = lost === 0 ? 0 : await this.#inBackup();
    return { isUnreadable, isEmpty, lost, inBackup: Math.min(lost, inBackup), hasLock, problems: [] };
  }

  async recover({ lost }: Wreck): Promise<Recovery> {
    const started = performance.now();
    const plain = await this.#run(APPLY);
    const needed = plain.code === 0 ? 'nothing' : await this.#help();
    const further = await this.#plan();
    const hasConverged = further.code === 0;
    return {
      // Exit 0 over an empty state made everything once more, and nobody knows the former objects.
      needed: lost > 0 || !hasConverged ? 'person' : needed,
      exit: plain.code,
      hasConverged,
      doubles: null,
      problems: [],
      elapsedMs: performance.now() - started,
      said: plain.code !== 0 ? plain.err.slice(-600) : hasConverged ? '' : further.out.slice(-600),
    };
  }

  async #help(): Promise<Recovery['needed']> {
    if ((await this.#run(APPLY)).code === 0) return 'again';
    if ((await this.#run([...APPLY, '-lock=false'])).code === 0) return 'flag';
    const lock = /"ID":"([^"]+)"/.exec(await this.#lockText())?.[1];
    if (lock === undefined) return 'person';
    await this.#run(['force-unlock', '-force', lock]);
    return (await this.#run(APPLY)).code === 0 ? 'flag' : 'person';
  }

  /** How many objects the state of before the apply has, which terraform keeps beside it. */
  async #inBackup(): Promise<number> {
    const { code, out } = await this.#run(['state', 'list', '-state=terraform.tfstate.backup']);
    return code === 0 ? new Set(out.split('\n').filter(Boolean)).size : 0;
  }

  async #lockText(): Promise<string> {
    const path = join(this.#folder, '.terraform.tfstate.lock.info');
    return (await exists(path)) ? readFile(path, 'utf8') : '';
  }

  #plan(): Promise<Ended> {
    return this.#run(['plan', '-detailed-exitcode', '-input=false', '-no-color']);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #run(args: readonly string[]): Promise<Ended> {
    return run(commandIn(this.#folder, args));
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
