import { join } from 'node:path';
import { consumerAddress } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { EnvFile } from '../model/host.ts';
import type { Platform } from '../model/platform.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { Clock } from './host-clock.ts';
import { REAL_CLOCK } from './host-clock.ts';
import { hostFault } from './host-faults.ts';
import { flip } from './host-flip.ts';
import { observedOf } from './host-observed.ts';
import { look } from './host-room.ts';
import { openShell } from './host-shell.ts';
import type { ShellOptions } from './host-shell.ts';
import { verify } from './host-verify.ts';

export interface HostOptions extends ShellOptions {
  readonly name: string;
  /** What is declared on this host: what `observe` looks at. */
  readonly files: readonly EnvFile[];
  /** A command that probes is told. */
  readonly stack: string;
  /** Only looks: a flip is refused, whatever its files hold is never read. */
  readonly readsOnly?: boolean;
  /** Every act that changes something passes it right before it leaves. */
  readonly fence?: Fence | undefined;
  readonly clock?: Clock;
}

/**
 * A machine as a platform, whose consumers are files of variables and what reads them, over ssh or right here. Nothing
 * is opened before the first call. The contract of each method is Platform's; host-write-script.ts says how a file is
 * written.
 */
export function connectHost(options: HostOptions): Platform {
  const { name, endpoint, files, environment, stack, fence, embedded } = options;
  const shell = openShell(options);
  const clock = options.clock ?? REAL_CLOCK;
  const place = (path: string): string => (embedded === undefined ? path : join(embedded.root, path));

  async function translated<T>(
    where: string,
    signal: AbortSignal | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw hostFault(error, { host: name, endpoint, where, signal });
    }
  }
  const before = new Map<string, SecretValue>();
  const roomFor = (where: string) => ({ shell, place, fence, where, masked: new Set<string>(), before });
  const keepsNoCopies = (): never => {
    throw new Fault({ code: 'unexpected', what: `host "${name}" keeps no copies`, where: name });
  };

  return {
    name,
    kind: 'host',
    observe: (signal) =>
      translated(name, signal, async () => observedOf(await look(roomFor(name), files, signal))),
    stage: async () => keepsNoCopies(),
    remove: async () => keepsNoCopies(),
    flip: (order, signal) => {
      const where = consumerAddress(name, order.service);
      return translated(where, signal, () => {
        if (options.readsOnly === true) throw new TypeError('[unexpected] a flip by who only looks');
        return flip(roomFor(where), order, clock, signal);
      });
    },
    verify: (order, progress, signal) => {
      const where = consumerAddress(name, order.service);
      const room = { ...roomFor(where), environment, stack, clock };
      return translated(where, signal, () => verify(room, order, progress, signal));
    },
    settle: async () => {},
    close: () => shell.close(),
  };
}
