import { TAG_STACK } from '../model/observed.ts';
import type { FoundMount, FoundSwarm } from '../model/discovery.ts';
import { connectEngine } from './swarm-connection.ts';
import type { SwarmEndpoint } from './swarm-dial.ts';
import { platformFault } from './swarm-faults.ts';
import type { WireTaskSpec } from './swarm-wire.ts';
import { modeOf } from './swarm-wire.ts';

/** What `docker stack deploy` writes on each service. */
const NAMESPACE = 'com.docker.stack.namespace';

/** What lies on a swarm, for whoever has declared nothing of it yet. Two list calls; reads neither Env nor Args. */
export async function findSwarm(
  options: Omit<SwarmEndpoint, 'fence' | 'readsOnly'> & { readonly name: string },
  signal?: AbortSignal,
): Promise<FoundSwarm> {
  const { name, ...where } = options;
  const engine = connectEngine({ ...where, readsOnly: true });
  try {
    const [secrets, services] = await Promise.all([engine.secrets({}, signal), engine.services({}, signal)]);
    const found = services.map(({ Spec }) => ({
      name: Spec.Name,
      namespace: Spec.Labels?.[NAMESPACE] ?? null,
      isJob: modeOf(Spec) === 'job',
      mounts: mountsOf(Spec.TaskTemplate),
    }));
    const copies = secrets.map(({ ID, Spec }) => ({
      id: ID,
      name: Spec.Name,
      owner: Spec.Labels?.[TAG_STACK] ?? null,
    }));
    const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
      a.name < b.name ? -1 : 1;
    return { services: found.sort(byName), copies: copies.sort(byName) };
  } catch (error) {
    throw platformFault(error, { platform: name, endpoint: engine.endpoint, where: name, signal });
  } finally {
    await engine.close();
  }
}

function mountsOf({ ContainerSpec }: WireTaskSpec): FoundMount[] {
  return (ContainerSpec?.Secrets ?? []).map(({ File, SecretID, SecretName }) => ({
    target: File?.Name ?? SecretName,
    copyId: SecretID,
    copyName: SecretName,
    uid: Number(File?.UID ?? 0),
    gid: Number(File?.GID ?? 0),
    mode: File?.Mode ?? 0o444,
  }));
}
