import { createInterface } from 'node:readline/promises';
import { Fault } from '../model/fault.ts';
import type { Terminal } from './terminal.ts';

const NEXT: Readonly<Record<string, string>> = {
  apply: 'add --auto-approve, or apply a plan that was saved with keyturn plan --out FILE',
  compromise: 'add --auto-approve; --dry-run only shows the plan, --out FILE saves it for keyturn apply',
};

/**
 * Refuses what could not be asked about: without a terminal nobody can answer, so `--auto-approve` or a plan
 * file has to say it. Called before anything runs.
 */
export function requireApprover(terminal: Terminal, isApproved: boolean, command: string): void {
  if (isApproved || (terminal.interactive && !terminal.json)) return;
  throw new Fault({
    code: 'bad-usage',
    what: terminal.json
      ? `${command} --format json cannot ask for approval`
      : 'there is no terminal to ask for approval',
    where: 'command line',
    live: 'nothing was changed',
    next: NEXT[command] ?? 'add --auto-approve',
  });
}

/** Asks on the terminal. Only `yes` is yes; an interrupt is no. */
export async function ask(
  terminal: Terminal,
  signal: AbortSignal,
  question = 'Do you want to perform these actions?',
): Promise<boolean> {
  const { paint } = terminal.page;
  terminal.print(`\n${paint('bold', question)}`);
  terminal.print("  Only 'yes' will be accepted to approve.\n");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      // readline takes Ctrl-C for itself while it asks.
      lines.once('SIGINT', () => process.emit('SIGINT'));
    });
    const answer = await Promise.race([
      lines.question(`  ${paint('bold', 'Enter a value:')} `, { signal }),
      closed,
    ]);
    return answer.trim() === 'yes';
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
}

/**
 * Refuses to apply where the environment makes a library print what it sends: docker-modem's debug log and
 * Node's own show request bodies, and those hold values.
 */
export function refuseTalkativeDebug(environment: NodeJS.ProcessEnv): void {
  const talkative = [
    ['DEBUG', namespaces(environment['DEBUG']).find(matchesModem)],
    [
      'NODE_DEBUG',
      namespaces(environment['NODE_DEBUG']).find((name) => /^(https?|http2|net|tls|stream|\*)$/i.test(name)),
    ],
  ].find(([, name]) => name !== undefined);
  if (talkative === undefined) return;
  const [variable, name] = talkative;
  throw new Fault({
    code: 'bad-usage',
    what: `${variable} is set to print "${name}", which shows request bodies and so secret values`,
    where: `environment variable ${variable}`,
    live: 'nothing ran',
    next: `unset ${variable} for apply`,
  });
}

function namespaces(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter((name) => name !== '' && !name.startsWith('-'));
}

/** The rule of the debug package: `*` stands for anything. */
function matchesModem(name: string): boolean {
  const pattern = name.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`).test('modem') || name.startsWith('modem');
}
