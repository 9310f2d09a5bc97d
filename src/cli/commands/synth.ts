import { relative } from 'node:path';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { synthesize } from '../project.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal, remark } from '../terminal.ts';

export async function run(argv: GeneralArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const { stacks, warnings } = await synthesize(argv.directory);
  for (const warning of warnings) remark(terminal, `warning: ${warning}`);
  const rows = stacks.map(({ name, manifestPath, declared }) => ({
    stack: name,
    manifest: relative(process.cwd(), manifestPath),
    secrets: declared.secrets.length,
    consumers: declared.consumers.length,
  }));
  if (terminal.json) terminal.printJson({ format: 1, stacks: rows, warnings });
  else for (const row of rows) terminal.print(line(row));
  return EXIT.done;
}

function line(row: { stack: string; manifest: string; secrets: number; consumers: number }): string {
  const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
  return `${row.stack}: ${count(row.secrets, 'secret')}, ${count(row.consumers, 'consumer')} -> ${row.manifest}`;
}
