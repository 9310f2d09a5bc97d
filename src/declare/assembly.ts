import { join } from 'node:path';
import { z } from 'zod';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { inForce, parseManifest } from '../record/manifest.ts';
import { parseJson, readIfThere } from './app-files.ts';
import { MANIFEST_FILE, PROBLEMS_FILE } from './declaration.ts';

/** Where a run of an app wrote, and where that is put afterwards. */
export interface Folders {
  /** Of this run alone. */
  readonly own: string;
  readonly outdir: string;
}

export interface SynthesizedStack {
  readonly name: string;
  /** Where its manifest is once it is published. */
  readonly manifestPath: string;
  readonly declared: Declared;
}

/** What an app left that ended well. */
export interface Left {
  /** In order of name; only stacks that declare something for keyturn. */
  readonly stacks: readonly SynthesizedStack[];
  readonly warnings: readonly string[];
  /** Folders of all stacks, whatever they declare. */
  readonly names: readonly string[];
}

const problemsSchema = z.object({
  format: z.literal(1),
  problems: z.array(z.object({ what: z.string(), where: z.string(), next: z.string().optional() })),
});
const assemblySchema = z.object({
  stacks: z.record(
    z.string(),
    z.object({
      workingDirectory: z.string(),
      annotations: z.array(z.object({ constructPath: z.string(), level: z.string(), message: z.string() })),
    }),
  ),
});
type Assembly = z.infer<typeof assemblySchema>;

/** Manifests that were checked before, by their text. */
export type Known = ReadonlyMap<string, Declared>;

/**
 * What the app wrote into its own folder, checked. `bad-declaration` with every problem where constructs carry errors,
 * `synth-failed` where it wrote nothing that cdktf writes, `bad-file` of a manifest.
 */
export async function readLeft(folders: Folders, known: Known): Promise<Left> {
  const assembly = await readAssembly(folders);
  const errors = annotationsOf(assembly, 'error');
  if (errors.length > 0) throw badDeclaration(errors);
  const stacks = await readManifests(folders, assembly, known);
  const warnings = annotationsOf(assembly, 'warn').map(({ where, what }) => `${where}: ${what}`);
  if (stacks.length === 0) warnings.push('no stack declares a secret, a consumer or a vault');
  return { stacks, warnings, names: Object.keys(assembly.stacks) };
}

/** Throws what our own validation left behind, if it did. */
export async function refuseDeclared(own: string): Promise<void> {
  const left = problemsSchema.safeParse(parseJson((await readIfThere(join(own, PROBLEMS_FILE))) ?? ''));
  if (!left.success) return;
  throw badDeclaration(
    left.data.problems.map(({ what, where, next }) => ({
      what,
      where,
      ...(next === undefined ? {} : { next }),
    })),
  );
}

function annotationsOf(assembly: Assembly, level: 'warn' | 'error'): Problem[] {
  return Object.values(assembly.stacks).flatMap(({ annotations }) =>
    annotations
      .filter((annotation) => annotation.level === `@cdktf/${level}`)
      .map(({ constructPath, message }) => ({ what: message, where: constructPath })),
  );
}

function badDeclaration(problems: readonly Problem[]): Fault {
  return new Fault({
    code: 'bad-declaration',
    what: `${problems.length === 1 ? 'a problem' : `${problems.length} problems`} in what the stacks declare`,
    live: 'nothing was changed',
    next: 'change what is said below and run it again',
    problems,
  });
}

async function readAssembly({ own, outdir }: Folders): Promise<Assembly> {
  const file = join(outdir, 'manifest.json');
  const text = await readIfThere(join(own, 'manifest.json'));
  const assembly = assemblySchema.safeParse(parseJson(text ?? ''));
  if (assembly.success) return assembly.data;
  throw new Fault({
    code: 'synth-failed',
    what: text === null ? 'the app wrote no manifest.json' : 'manifest.json is not what cdktf writes',
    where: file,
    live: 'nothing was changed',
    next: 'end main.ts with app.synth(), and give App no outdir of its own',
  });
}

async function readManifests(
  { own, outdir }: Folders,
  assembly: Assembly,
  known: Known,
): Promise<SynthesizedStack[]> {
  const names = Object.keys(assembly.stacks).sort();
  const read = names.map(async (name): Promise<SynthesizedStack[]> => {
    const place = join(assembly.stacks[name]?.workingDirectory ?? '', MANIFEST_FILE);
    const manifestPath = join(outdir, place);
    const text = await readIfThere(join(own, place));
    if (text === null) return [];
    const before = known.get(text);
    const declared = before === undefined ? parseManifest(text, manifestPath) : inForce(before);
    return [{ name, manifestPath, declared }];
  });
  return (await Promise.all(read)).flat();
}
