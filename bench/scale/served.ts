import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from './commands.ts';

/** What a world is made of: secrets in one vault, spread over services that each have one task. */
export interface Size {
  readonly secrets: number;
  readonly services: number;
  /** The vault begins empty, and answers 429 beyond what Key Vault takes. Absent: it is filled, and never does. */
  readonly throttled?: true;
}

/** What a vault that throttles saw. */
export interface Writes {
  /** From the first write to the last answer of one. */
  readonly spanMs: number;
  readonly writes: number;
  readonly refused: number;
}

/** Requests by operation, `vault SecretList: 400`. */
export type Counts = Readonly<Record<string, number>>;

/** What the process with the servers is asked, and answers. */
export type Question =
  | { readonly ask: 'set latency'; readonly latencyMs: number }
  | { readonly ask: 'take counts' }
  | { readonly ask: 'tell ids' }
  | { readonly ask: 'tell writes' };

export interface Addresses {
  readonly vault: string;
  readonly swarm: string;
}

/** One embedded vault and one embedded swarm in a process of their own, so that what is measured is the client alone. */
export class Served {
  readonly addresses: Addresses;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, addresses: Addresses) {
    this.#child = child;
    this.addresses = addresses;
  }

  /** Filled and published to `keyturn --sandbox` in that folder. */
  static async start(folder: string, size: Size): Promise<Served> {
    const file = fileURLToPath(new URL('servers.ts', import.meta.url));
    const jiti = join(REPOSITORY, 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs');
    const child = fork(jiti, [file, JSON.stringify({ folder, ...size })], { stdio: 'inherit' });
    try {
      return new Served(child, await next<Addresses>(child));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Added to each answer from now on. */
  async setLatency(latencyMs: number): Promise<void> {
    await this.#ask({ ask: 'set latency', latencyMs });
  }

  /** Requests since the last time. */
  takeCounts(): Promise<Counts> {
    return this.#ask({ ask: 'take counts' });
  }

  /** The vault's id of each secret's newest version. */
  storeIds(): Promise<Readonly<Record<string, string>>> {
    return this.#ask({ ask: 'tell ids' });
  }

  writes(): Promise<Writes> {
    return this.#ask({ ask: 'tell writes' });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }

  #ask<Answer>(question: Question): Promise<Answer> {
    const answer = next<Answer>(this.#child);
    this.#child.send(question);
    return answer;
  }
}

function next<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the servers ended with ${String(code)}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as Message);
    });
  });
}
