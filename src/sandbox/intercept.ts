import type { IncomingHttpHeaders } from 'node:http';

/** A request that has arrived at an embedded server, whole, before anything is done about it. */
export interface Arrived<Operation, Reply> {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Null: the server has no such page. */
  readonly operation: Operation | null;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Carries it out, each time that it is called, also after the client has gone. */
  readonly carryOut: () => Reply;
}

/**
 * Decides when a request is carried out, whether it is at all, and what is answered; null closes the connection
 * without an answer. For tests that must choose for each request, where rules only match.
 */
export type Intercept<Operation, Reply> = (request: Arrived<Operation, Reply>) => Promise<Reply | null>;
