import { resolve } from 'node:path';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { readDeclared } from '../project.ts';
import type { Sandbox } from '../sandbox.ts';
import { openSandbox } from '../sandbox.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface ServeArgs extends GeneralArgs {
  readonly stack: readonly string[];
  readonly port: number;
  readonly sandboxEmpty: boolean;
}

/** Serves the embedded vaults and swarms of these stacks on loopback until Ctrl-C or SIGTERM. */
export async function serve(argv: ServeArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const stacks = await readDeclared(argv, terminal);
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  const sandbox = await openSandbox({
    directory: resolve(argv.directory),
    parts: { vault: true, swarm: true, hosts: true },
    stacks,
    wholes: () => Promise.resolve(stacks),
    isEmpty: argv.sandboxEmpty,
    serve: { port: argv.port },
  });
  try {
    if (terminal.json) terminal.printJson(document(sandbox), 'stream');
    else introduce(sandbox, terminal);
    await ended;
    return EXIT.done;
  } finally {
    await sandbox.close();
  }
}

function document(sandbox: Sandbox): object {
  return {
    format: 1,
    pid: process.pid,
    vaults: Object.fromEntries(sandbox.vaults),
    swarms: Object.fromEntries(sandbox.swarms),
  };
}

function introduce(sandbox: Sandbox, terminal: Terminal): void {
  const { paint } = terminal.page;
  for (const [name, url] of sandbox.vaults) terminal.print(`vault  ${paint('bold', name)}  ${url}`);
  for (const [name, endpoint] of sandbox.swarms) terminal.print(`swarm  ${paint('bold', name)}  ${endpoint}`);
  const [url] = sandbox.vaults.values();
  const [endpoint] = sandbox.swarms.values();
  terminal.print('');
  if (url !== undefined) {
    terminal.print('Another client of Key Vault: any bearer token does anything; `planner` may only list.');
    terminal.print(`  curl -H 'Authorization: Bearer me' '${url}/secrets?api-version=7.5'`);
    terminal.print(`  new SecretClient('${url}', credential, {`);
    terminal.print('    allowInsecureConnection: true, disableChallengeResourceVerification: true });');
  }
  if (endpoint !== undefined) {
    terminal.print('The docker program:');
    terminal.print(`  DOCKER_HOST=${endpoint} docker service ls`);
  }
  terminal.print('keyturn itself, in another terminal: keyturn plan --sandbox');
  terminal.print(paint('dim', 'Ctrl-C stops the servers; their contents stay under .keyturn/sandbox.'));
}
