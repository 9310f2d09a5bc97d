import type { EnvFile } from '../../src/model/host.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { Evidence, FlipReceipt, Platform, VerifyOrder } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHost } from '../../src/providers/host.ts';
import { changesOf, reference } from '../support/host-ground.ts';
import type { Moves } from '../support/host-ground.ts';
import type { HostLab, HostUser, LiveHost } from './hosts.ts';

/** A file of variables on a live host, and the platform that writes it over ssh. */
export interface LiveFile {
  readonly platform: Platform;
  readonly file: EnvFile;
  /** What a version of a variable's secret is; asked for another one a flip fails. */
  give(target: string, ordinal: number, value: string): void;
  flip(moves: Moves, undo?: boolean): Promise<FlipReceipt>;
  verify(expected: Readonly<Record<string, number | null>>, more?: Partial<VerifyOrder>): Promise<Evidence>;
  observe(): Promise<ObservedService>;
}

export interface Entry {
  readonly user?: HostUser;
  readonly sudo?: boolean;
  readonly readsOnly?: boolean;
}

/** As `deploy`, by `sudo -n`, unless said. */
export function connectFile(
  host: LiveHost,
  environment: HostLab['environment'],
  file: EnvFile,
  { user = 'deploy', sudo = user === 'deploy', readsOnly = false }: Entry = {},
): LiveFile {
  const values = new Map<string, string>();
  const platform = connectHost({
    name: host.name,
    endpoint: host.endpoint(user),
    sudo,
    files: [file],
    environment,
    stack: 'tracker',
    readsOnly,
  });
  return {
    platform,
    file,
    give: (target, ordinal, value) => void values.set(reference(target, ordinal), value),
    flip: (moves, undo = false) => {
      const changes = changesOf(moves);
      const valueOf = async ({
        secret,
        ordinal,
      }: {
        secret: string;
        ordinal: number;
      }): Promise<SecretValue> => {
        const change = changes.find((each) => each.secret === secret);
        const value = values.get(reference(change?.target ?? '', ordinal));
        if (value === undefined) throw new Error(`nobody gave v${ordinal} of ${secret}`);
        return new SecretValue(value);
      };
      return platform.flip({ service: file.path, changes, undo, write: { file, reads: [], valueOf } });
    },
    verify: (expected, more = {}) => {
      const named = Object.entries(expected).map(
        ([target, ordinal]) => [target, ordinal === null ? null : reference(target, ordinal)] as const,
      );
      const order: VerifyOrder = {
        service: file.path,
        expected: Object.fromEntries(named),
        since: null,
        probe: { kind: 'none' },
        settleMs: 0,
        deadlineMs: 20_000,
        labels: {},
        file,
        ...more,
      };
      return platform.verify(order, () => {});
    },
    observe: async () => {
      const service = (await platform.observe()).services[file.path];
      if (service === undefined) throw new Error(`${file.path} is not observed`);
      return service;
    },
  };
}
