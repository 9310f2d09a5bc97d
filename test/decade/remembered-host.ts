import type { DeclaredEnvFile } from '../../src/model/declared.ts';
import type { Fence } from '../../src/model/fence.ts';
import { Fault } from '../../src/model/fault.ts';
import type { ObservedService, Reference } from '../../src/model/observed.ts';
import { serviceFingerprint } from '../../src/model/observed.ts';
import type { Platform } from '../../src/model/platform.ts';

/** File → variable → what version it holds. Survives the program, as the files of a host do. */
export type Remembered = Map<string, Map<string, string>>;

/**
 * A host that only remembers which versions its files hold: ten years of a real or an embedded one are too many processes.
 * What is written is asked for, as a real one does; whatever reads it has read it at once.
 */
export function rememberedHost(
  name: string,
  files: readonly DeclaredEnvFile[],
  held: Remembered,
  fence: Fence,
): Platform {
  const holding = (path: string): Map<string, string> => {
    const versions = held.get(path) ?? new Map<string, string>();
    held.set(path, versions);
    return versions;
  };
  const keepsNoCopies = (): Promise<never> => Promise.reject(new Error(`${name} keeps no copies`));
  return {
    name,
    kind: 'host',
    observe: () =>
      Promise.resolve({
        clusterId: name,
        copies: [],
        services: Object.fromEntries(
          files.map(({ service }) => [service, observed(service, holding(service))] as const),
        ),
      }),
    stage: keepsNoCopies,
    remove: keepsNoCopies,
    flip: async ({ service, changes, write }) => {
      const versions = holding(service);
      const since = '1970-01-01T00:00:00Z';
      const receipt = { serviceId: service, since, originals: null };
      const moves = changes.filter(({ target, to }) => versions.get(target) !== to?.copy);
      if (moves.length === 0) return { ...receipt, already: true };
      for (const { secret, to } of moves)
        if (typeof to?.ordinal === 'number') await write?.valueOf({ secret, ordinal: to.ordinal });
      fence.pass();
      for (const { target, to } of moves) {
        if (to === null) versions.delete(target);
        else versions.set(target, to.copy);
      }
      return { ...receipt, already: false };
    },
    verify: ({ service, expected }) => {
      const versions = holding(service);
      const isWrong = Object.entries(expected).some(
        ([target, copy]) => (versions.get(target) ?? null) !== copy,
      );
      if (isWrong) throw new Fault({ code: 'verify-failed', what: `${service} holds something else` });
      return Promise.resolve({ tasks: 1, elapsedMs: 0, updateState: null, staleOnDownNodes: 0, probe: null });
    },
    settle: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function observed(path: string, versions: ReadonlyMap<string, string>): ObservedService {
  const references = [...versions].map(([target, copy]): Reference => ({
    target,
    copyId: copy,
    copyName: copy,
  }));
  return {
    id: path,
    name: path,
    mode: 'replicated',
    tasks: 1,
    references,
    previousReferences: null,
    liveTasks: [{ name: path, node: null, isLost: false, copyIds: [...new Set(versions.values())] }],
    homeless: null,
    updateState: null,
    order: 'stop-first',
    healthCheck: false,
    updateFailureAction: 'pause',
    rollbackFailureAction: 'pause',
    fingerprint: serviceFingerprint({ id: path, mode: 'replicated', references }),
    file: { isThere: true, isEdited: false, mode: 0o600, down: [], stale: [] },
  };
}
