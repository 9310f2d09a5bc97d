import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { EnvFile } from '../model/host.ts';
import type { EmbeddedHost } from '../providers/host-shell.ts';
import type { SandboxOptions } from './sandbox.ts';

/** The files that consumers declare on a host. */
export function filesOn(host: string, consumers: readonly DeclaredConsumer[]): EnvFile[] {
  return consumers.flatMap((consumer) =>
    consumer.kind === 'env-file' && consumer.platform === host ? [consumer.file] : [],
  );
}

/**
 * The embedded hosts of these stacks, which are folders below `root` and no servers: every command opens them for
 * itself. What is declared is there and runs, unless the sandbox is to be empty. None where the real ones are asked for.
 */
export async function openHosts(
  root: string,
  { stacks, parts, isEmpty }: SandboxOptions,
): Promise<Map<string, EmbeddedHost>> {
  const hosts = new Map<string, EmbeddedHost>();
  const names = stacks.flatMap(({ platforms }) =>
    platforms.flatMap(({ kind, name }) => (kind === 'host' ? [name] : [])),
  );
  if (!parts.hosts || names.length === 0) return hosts;
  const { startHost } = await import('../sandbox/host.ts');
  const consumers = stacks.flatMap((stack) => stack.consumers);
  for (const name of new Set(names)) {
    const directory = join(root, 'hosts', name);
    await mkdir(directory, { recursive: true });
    const files = isEmpty ? [] : filesOn(name, consumers);
    const { root: at, programs } = await startHost({ name, directory, files });
    hosts.set(name, { root: at, programs });
  }
  return hosts;
}
