import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretAddress } from '../../src/model/address.ts';
import { Fault } from '../../src/model/fault.ts';
import type { BuildRead, EnvFile, Restart } from '../../src/model/host.ts';
import { referenceTo } from '../../src/model/host.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { FlipChange } from '../../src/model/plan.ts';
import type { Evidence, FlipOrder, FlipReceipt, Platform, VerifyOrder } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHost } from '../../src/providers/host.ts';
import type { HostOptions } from '../../src/providers/host.ts';
import { startHost } from '../../src/sandbox/host.ts';
import type { RunningHost } from '../../src/sandbox/host.ts';

export const WEB_ENV = '/etc/tracker/web.env';
export const UNIT: Restart = { kind: 'systemd-unit', unit: 'tracker.service', action: 'restart' };

export const TEXT = [
  '# the tracker, see the runbook',
  'NODE_ENV=production',
  '',
  'JWT_SECRET="before"   ',
  '; another comment',
  "VALKEY_PASSWORD='before too'",
  'PORT=8080',
  '',
].join('\n');

export function envFile(more: Partial<EnvFile> = {}): EnvFile {
  return { path: WEB_ENV, format: 'systemd', mode: null, owner: null, restarts: [UNIT], builds: [], ...more };
}

/** `{ JWT_SECRET: [1, 2] }`: from v1 to v2 of the secret of that variable; null: none. */
export type Moves = Readonly<Record<string, readonly [number | null, number | null]>>;

/** An embedded host, with a value for each version of each secret. */
export interface HostGround {
  readonly running: RunningHost;
  readonly host: Platform;
  readonly file: EnvFile;
  /** How often a value was asked for. */
  readonly asked: string[];
  valueOf(target: string, ordinal: number): string;
  order(moves: Moves, undo?: boolean, reads?: readonly BuildRead[]): FlipOrder;
  flip(moves: Moves, undo?: boolean): Promise<FlipReceipt>;
  verify(expected: Readonly<Record<string, number | null>>, more?: Partial<VerifyOrder>): Promise<Evidence>;
  observe(): Promise<ObservedService>;
  text(): string;
  write(text: string): void;
  /** Below the host's folder of stand-ins. */
  switchOn(path: string, text?: string): void;
  /** How often what is called so was started. */
  starts(name: string): number;
  mode(): string;
  connect(more?: Partial<HostOptions>): Platform;
}

export const nameFor = (target: string): string => target.toLowerCase().replaceAll('_', '-');
export const reference = (target: string, ordinal: number): string =>
  referenceTo(secretAddress('vault', nameFor(target)), ordinal);

export function changesOf(moves: Moves): FlipChange[] {
  const named = (target: string, ordinal: number | null) =>
    ordinal === null ? null : { copy: reference(target, ordinal), ordinal };
  return Object.entries(moves).map(([target, [from, to]]) => ({
    target,
    secret: secretAddress('vault', nameFor(target)),
    from: named(target, from),
    to: named(target, to),
    uid: '0',
    gid: '0',
    mode: 0,
  }));
}

export async function hostGround(
  directory: string,
  file: EnvFile = envFile(),
  makeValue: (word: string) => string = (word) => `${word}-secret-text`,
): Promise<HostGround> {
  const running = await startHost({ name: 'web-1', directory, files: [file] });
  const at = (path: string): string => join(running.root, path);
  const state = (path: string): string => join(running.root, 'run', 'keyturn', path);
  const values = new Map<string, string>();
  const asked: string[] = [];
  const valueOf = (target: string, ordinal: number): string => {
    const key = reference(target, ordinal);
    if (!values.has(key)) values.set(key, makeValue(key));
    return values.get(key) ?? '';
  };
  const connect = (more: Partial<HostOptions> = {}): Platform =>
    connectHost({
      name: 'web-1',
      endpoint: null,
      sudo: false,
      files: [file],
      environment: { PATH: process.env['PATH'] },
      stack: 'tracker',
      embedded: running,
      ...more,
    });
  const host = connect();
  const order: HostGround['order'] = (moves, undo = false, reads = []) => ({
    service: file.path,
    changes: changesOf(moves),
    undo,
    write: {
      file,
      reads,
      valueOf: async ({ secret, ordinal }) => {
        const target = secret
          .slice(secret.lastIndexOf('/') + 1)
          .toUpperCase()
          .replaceAll('-', '_');
        asked.push(reference(target, ordinal));
        return new SecretValue(valueOf(target, ordinal));
      },
    },
  });
  return {
    running,
    host,
    file,
    asked,
    valueOf,
    order,
    connect,
    flip: (moves, undo = false) => host.flip(order(moves, undo)),
    verify: (expected, more = {}) =>
      host.verify(
        {
          service: file.path,
          expected: Object.fromEntries(
            Object.entries(expected).map(([target, ordinal]) => [
              target,
              ordinal === null ? null : reference(target, ordinal),
            ]),
          ),
          since: null,
          probe: { kind: 'none' },
          settleMs: 0,
          deadlineMs: 5_000,
          labels: {},
          file,
          ...more,
        },
        () => {},
      ),
    observe: async () => {
      const { services } = await host.observe();
      const service = services[file.path];
      if (service === undefined) throw new Error(`${file.path} is not observed`);
      return service;
    },
    text: () => readFileSync(at(file.path), 'utf8'),
    write: (text) => writeFileSync(at(file.path), text),
    switchOn: (path, text = '') => writeFileSync(state(path), text),
    starts: (name) =>
      readFileSync(state('restarted'), 'utf8')
        .split('\n')
        .filter((line) => line === name).length,
    mode: () => (statSync(at(file.path)).mode & 0o7777).toString(8),
  };
}

export async function faultOf(act: Promise<unknown>): Promise<Fault> {
  const thrown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Fault) return thrown;
  throw new Error('no fault was thrown', { cause: thrown });
}

export function copies(service: ObservedService): Record<string, string> {
  return Object.fromEntries(service.references.map(({ target, copyName }) => [target, copyName]));
}
