import { listenHttp } from '../support/listeners.ts';
import type { Listener } from '../support/listeners.ts';

/** A stand-in of what checks values: a path a secret, and a value is accepted there or refused. */
export interface Source extends Pick<Listener, 'url' | 'close'> {
  /** From now on this value is accepted for this secret, beside those that are. */
  accept(secret: string, value: string): void;
  revoke(secret: string, value: string): void;
  /** As `revoke`, once this value was tried (and accepted) one more time. */
  revokeOnceTried(secret: string, value: string): void;
  /** What was asked for this secret, in order: whose value it was, if that is known, and whether it was accepted. */
  tried(secret: string): readonly Tried[];
}

export interface Tried {
  readonly value: string;
  readonly isAccepted: boolean;
}

/**
 * Takes the values that it was told, and for a secret of which it was told none every value: there nobody but the
 * holders know it, and a revocation (DELETE, with the value) is what ends one.
 */
export async function openSource(): Promise<Source> {
  const alive = new Map<string, Set<string>>();
  const revoked = new Set<string>();
  const lasts = new Set<string>();
  const tried = new Map<string, Tried[]>();
  const keyOf = (secret: string, value: string): string => `${secret} ${value}`;
  const isAccepted = (secret: string, value: string): boolean =>
    !revoked.has(keyOf(secret, value)) && (alive.get(secret)?.has(value) ?? true);
  const listener = await listenHttp((request, response) => {
    const secret = (request.url ?? '/').slice(1);
    const value = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    if (request.method === 'DELETE') {
      revoked.add(keyOf(secret, value));
      response.writeHead(204).end();
      return;
    }
    const accepted = isAccepted(secret, value);
    tried.set(secret, [...(tried.get(secret) ?? []), { value, isAccepted: accepted }]);
    if (lasts.has(keyOf(secret, value))) revoked.add(keyOf(secret, value));
    response.writeHead(accepted ? 204 : 401).end();
  });
  return {
    url: listener.url,
    close: () => listener.close(),
    accept: (secret, value) => {
      alive.set(secret, new Set([...(alive.get(secret) ?? []), value]));
    },
    revoke: (secret, value) => {
      revoked.add(keyOf(secret, value));
    },
    revokeOnceTried: (secret, value) => {
      lasts.add(keyOf(secret, value));
    },
    tried: (secret) => tried.get(secret) ?? [],
  };
}
