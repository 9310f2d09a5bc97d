import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import type { Arrived, Intercept } from '../../src/sandbox/intercept.ts';
import type { Owner, Timeline } from './timeline.ts';

/** An answer of either server. */
export interface Reply {
  readonly status: number;
  readonly body: object | string | null;
}

/** One request of an incarnation, from the moment it is sent. */
export class Exchange {
  readonly number: number;
  readonly owner: Owner;
  /** What the server made of it; null before it arrived there. */
  arrived: (Arrived<string, Reply> & { readonly place: 'vault' | 'swarm' }) | null = null;
  /** `sent` and `answered` are on their way through sockets; nothing may move on before they are there. */
  state: 'sent' | 'waiting' | 'answered' | 'over' = 'sent';
  answer: (reply: Reply | null) => void = () => {};

  constructor(number: number, owner: Owner) {
    this.number = number;
    this.owner = owner;
  }

  get isChange(): boolean {
    return this.arrived !== null && this.arrived.method !== 'GET';
  }

  /** `vault SecretSet /secrets/a?…`, without the parts that say nothing. */
  get text(): string {
    if (this.arrived === null) return `request ${this.number}`;
    const { place, operation, path } = this.arrived;
    return `${place} ${operation ?? '?'} ${path.replace(/[?&](api-version|maxresults|status)=[^&]*/g, '')}`;
  }
}

const HEADER = 'x-simulated-request';
const REAL_REQUEST = http.request;
const current: { wire: Wire | null } = { wire: null };

/**
 * Between the clients and the embedded servers: real requests over real sockets, but one at a time, in the order in
 * which they were sent, and each only when it is decided what becomes of it.
 */
export class Wire {
  /** Moves whenever something happens on a socket. */
  activity = 0;
  readonly #timeline: Timeline;
  readonly #open = new Map<number, Exchange>();
  #sent = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Whether something is on its way through a socket. */
  get isBusy(): boolean {
    for (const { state } of this.#open.values()) if (state === 'sent' || state === 'answered') return true;
    return false;
  }

  openText(): string {
    return [...this.#open.values()].map((exchange) => `${exchange.text} (${exchange.state})`).join(', ');
  }

  /** What has arrived and is not decided, in the order of sending. */
  takeArrived(): Exchange | null {
    for (const exchange of this.#open.values()) {
      if (exchange.state !== 'waiting' || this.#decided.has(exchange)) continue;
      this.#decided.add(exchange);
      return exchange;
    }
    return null;
  }

  /** Everything of this owner that has no answer yet. */
  openOf(owner: Owner): Exchange[] {
    return [...this.#open.values()].filter(
      (exchange) => exchange.owner === owner && exchange.state !== 'over',
    );
  }

  readonly #decided = new WeakSet<Exchange>();

  /** What a server is started with. A request without an owner is somebody else's: carried out at once. */
  intercept<Operation extends string, R extends Reply>(place: 'vault' | 'swarm'): Intercept<Operation, R> {
    return (request) => {
      this.activity += 1;
      const number = request.headers[HEADER];
      if (number === undefined) return Promise.resolve(request.carryOut());
      const exchange = this.#open.get(Number(number));
      // Its process died while it was on its way through the socket: what is carried out of such is a trouble of its own.
      if (exchange === undefined) return Promise.resolve(null);
      const carryOut = (): Reply => request.carryOut();
      exchange.arrived = { ...request, place, carryOut };
      exchange.state = 'waiting';
      return new Promise((resolve) => {
        exchange.answer = (reply) => {
          if (exchange.state !== 'waiting') return;
          exchange.state = 'answered';
          this.activity += 1;
          resolve(reply as R | null);
        };
      });
    };
  }

  /** Watches every request that this process sends, until the returned call. */
  install(): () => void {
    if (http.request === REAL_REQUEST) {
      // Once for good: whoever imported it keeps it, whatever takes its place later.
      http.request = ((...given: Parameters<typeof http.request>) =>
        current.wire === null ? REAL_REQUEST(...given) : current.wire.request(given)) as typeof http.request;
      syncBuiltinESMExports();
    }
    current.wire = this;
    return () => {
      current.wire = null;
    };
  }

  request(given: Parameters<typeof http.request>): http.ClientRequest {
    const owner = this.#timeline.owner;
    const options: unknown = given[0];
    if (owner === undefined || !isOptions(options)) return REAL_REQUEST(...given);
    this.activity += 1;
    // The dead send nothing: their sockets never connect.
    if (owner.state === 'dead') options.createConnection = () => new Socket();
    this.#sent += 1;
    const number = this.#sent;
    options.headers = { ...(options.headers as http.OutgoingHttpHeaders), [HEADER]: String(number) };
    const request = REAL_REQUEST(...given);
    if (owner.state === 'dead') return request;
    const exchange = new Exchange(number, owner);
    this.#open.set(number, exchange);
    request.once('close', () => {
      this.activity += 1;
      exchange.state = 'over';
      this.#open.delete(number);
    });
    return request;
  }
}

function isOptions(given: unknown): given is http.RequestOptions {
  return typeof given === 'object' && given !== null && !(given instanceof URL);
}
