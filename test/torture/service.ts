import { Incarnation } from './incarnation.ts';
import type { Ordeal } from './ordeal.ts';
import type { Random } from './random.ts';
import type { Trouble } from './weather.ts';
import type { Exchange, Reply } from './wire.ts';

/** Clients give up after 30 s. */
const PATIENCE_MS = 30_000;
/** How old a stale answer may be. */
const STALE_MS = 20_000;
const MINUTE_MS = 60_000;
const LISTS = new Set(['vault SecretList', 'swarm SecretList', 'swarm ServiceList', 'swarm TaskList']);

/** What becomes of each request: carried out or not, answered or not, and when. */
export class Service {
  readonly #ordeal: Ordeal;
  readonly #slowestMs: number;
  readonly #random: Random;
  /** Answers to reads of the last seconds, by what was asked. */
  readonly #answers = new Map<string, { readonly at: number; readonly reply: Reply }[]>();
  /** Further requests that are refused, by place, once a storm began. */
  readonly #storm = { vault: 0, swarm: 0 };

  constructor(ordeal: Ordeal, slowestMs: number, random: Random) {
    this.#ordeal = ordeal;
    this.#slowestMs = slowestMs;
    this.#random = random;
  }

  decide(exchange: Exchange): void {
    const incarnation = exchange.owner;
    if (!(incarnation instanceof Incarnation)) return exchange.answer(exchange.arrived?.carryOut() ?? null);
    if (incarnation.state === 'dead') return exchange.answer(null);
    const { isChange, arrived } = exchange;
    if (isChange) this.#ordeal.checker.sent(exchange, incarnation);
    this.#listed(exchange, incarnation, false);
    const trouble = this.#ordeal.strike(incarnation, isChange ? 'write' : 'read', exchange.text);
    if (trouble !== null) return this.#spoil(exchange, incarnation, trouble);
    if (arrived !== null && this.#storm[arrived.place] > 0) {
      this.#storm[arrived.place] -= 1;
      return this.#deliver(exchange, incarnation, throttled(exchange));
    }
    if (this.#slowestMs === 0) return this.#serve(exchange, incarnation);
    const wait = this.#random.next() * this.#slowestMs;
    this.#ordeal.timeline.after(wait / 2, () => {
      const reply = this.#carryOut(exchange);
      this.#ordeal.timeline.after(wait / 2, () => this.#deliver(exchange, incarnation, reply));
    });
  }

  /** Its sockets close; what had arrived of it may still be carried out. */
  bury(incarnation: Incarnation): void {
    for (const exchange of this.#ordeal.wire.openOf(incarnation)) exchange.answer(null);
  }

  #deliver(exchange: Exchange, incarnation: Incarnation, reply: Reply | null): void {
    if (reply !== null && reply.status < 400) this.#listed(exchange, incarnation, true);
    incarnation.deliver(exchange, reply);
  }

  /** Only the lists that a plan is made from. */
  #listed(exchange: Exchange, incarnation: Incarnation, isAnswered: boolean): void {
    const { place, operation = '' } = exchange.arrived ?? {};
    const what = `${place ?? ''} ${operation ?? ''}`;
    if (LISTS.has(what)) this.#ordeal.checker.listed(incarnation, what, isAnswered);
  }

  #serve(exchange: Exchange, incarnation: Incarnation): void {
    this.#deliver(exchange, incarnation, this.#carryOut(exchange));
  }

  #spoil(exchange: Exchange, incarnation: Incarnation, { kind, amount }: Trouble): void {
    const { timeline } = this.#ordeal;
    const why = `${kind}: ${exchange.text}`;
    const serve = (): void => this.#serve(exchange, incarnation);
    const carryOut = (): Reply => this.#carryOut(exchange);
    const carryOutLate = (): void => void this.#carryOut(exchange, true);
    const refuse = (status: number): void => this.#deliver(exchange, incarnation, refusal(exchange, status));
    switch (kind) {
      case 'killed before it is sent':
        incarnation.die(why);
        return;
      case 'killed, carried out':
        carryOut();
        incarnation.die(why);
        return;
      case 'killed, carried out late':
        incarnation.die(why);
        timeline.after(amount * PATIENCE_MS, carryOutLate);
        return;
      case 'power cut':
        if (amount < 0.5) carryOut();
        this.#ordeal.cutPower(incarnation, why);
        return;
      case 'refused with 403':
        return refuse(403);
      case 'refused with 500':
        return refuse(500);
      case 'refused with 503':
        return refuse(503);
      case 'throttled':
        this.#storm[exchange.arrived?.place ?? 'vault'] = Math.floor(amount * 12);
        return this.#deliver(exchange, incarnation, throttled(exchange));
      case 'delayed':
        timeline.after(amount * 0.9 * PATIENCE_MS, serve);
        return;
      case 'hung':
        return;
      case 'dropped before':
        return this.#deliver(exchange, incarnation, null);
      case 'dropped after':
        carryOut();
        return this.#deliver(exchange, incarnation, null);
      case 'failed after':
        carryOut();
        return refuse(amount < 0.5 ? 500 : 503);
      case 'late':
        timeline.after(PATIENCE_MS + amount * amount * 3 * MINUTE_MS, carryOutLate);
        return;
      case 'stale':
        return this.#deliver(exchange, incarnation, this.#stale(exchange) ?? carryOut());
      case 'suspended':
      case 'asleep':
        incarnation.suspend((0.5 + amount * 4) * MINUTE_MS, kind === 'asleep');
        return serve();
      default:
        return serve();
    }
  }

  #carryOut(exchange: Exchange, isLate = false): Reply {
    const { arrived } = exchange;
    if (arrived === null) throw new Error('it has not arrived');
    if (!exchange.isChange) {
      const reply = arrived.carryOut();
      this.#remember(exchange, reply);
      return reply;
    }
    const isAbandoned = exchange.state === 'over';
    const before = this.#ordeal.checker.look();
    const reply = arrived.carryOut();
    this.#ordeal.tell(`  ${arrived.place} carried out ${arrived.operation ?? '?'}: ${reply.status}`);
    // Whoever gave up may have acted on it since.
    this.#ordeal.checker.carriedOut(exchange, reply, before, isLate || isAbandoned);
    return reply;
  }

  #remember(exchange: Exchange, reply: Reply): void {
    const kept = this.#answers.get(exchange.text) ?? [];
    const { ticks } = this.#ordeal.timeline;
    const recent = kept.filter(({ at }) => ticks - at <= STALE_MS);
    this.#answers.set(exchange.text, [...recent, { at: ticks, reply }]);
  }

  #stale(exchange: Exchange): Reply | null {
    const { ticks } = this.#ordeal.timeline;
    const kept = this.#answers.get(exchange.text) ?? [];
    return kept.find(({ at }) => ticks - at <= STALE_MS)?.reply ?? null;
  }
}

function refusal(exchange: Exchange, status: number): Reply {
  const message = `told to answer ${status}`;
  if (exchange.arrived?.place === 'swarm') return { status, body: { message } };
  const code = status === 403 ? 'Forbidden' : 'InternalError';
  return { status, body: { error: { code, message } } };
}

function throttled(exchange: Exchange): Reply {
  return exchange.arrived?.place === 'swarm' ? refusal(exchange, 503) : refusal(exchange, 429);
}
