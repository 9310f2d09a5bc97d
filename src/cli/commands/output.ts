import { renderOutput } from '../../report/output-text.ts';
import type { WorldArgs } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import { openRecord } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface OutputArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  readonly format: 'env' | 'compose' | 'json';
  readonly platform: string | undefined;
}

/** The current external names of the chosen stacks, from the record; asks no vault and no platform. */
export async function run(argv: OutputArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const stacks = await readDeclared(argv, terminal);
  const texts: string[] = [];
  const names: Record<string, string> = {};
  for (const declared of stacks) {
    const recorded = await (await openRecord(argv, declared)).read();
    const platform = argv.platform === undefined ? {} : { platform: argv.platform };
    const format = argv.format === 'json' ? 'env' : argv.format;
    const text = renderOutput({ declared, recorded, format, ...platform });
    texts.push(text);
    Object.assign(names, namesIn(text));
  }
  if (argv.format === 'json') terminal.printJson({ format: 1, names });
  else terminal.print(argv.format === 'compose' ? mergeCompose(texts) : texts.join('\n'));
  return EXIT.done;
}

function namesIn(env: string): Record<string, string> {
  const pairs = env.split('\n').filter((line) => /^[A-Z_][A-Z0-9_]*=/.test(line));
  return Object.fromEntries(
    pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** One `secrets:` key for all stacks: YAML takes no key twice. */
function mergeCompose(texts: readonly string[]): string {
  const hasNames = texts.some((text) => /^secrets:$/m.test(text));
  const bodies = texts.map((text) => text.replace(/^secrets:.*\n?/m, '').trimEnd());
  return [hasNames ? 'secrets:' : 'secrets: {}', ...bodies.filter((body) => body !== '')].join('\n');
}
