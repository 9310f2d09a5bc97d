import type { Random } from './random.ts';

/** What can go wrong at a file operation. */
export const FILE_FAULTS = [
  'killed before',
  'killed after',
  'power cut before',
  'power cut after',
  'torn by a power cut',
  'disk full',
  'read-only',
  'input/output error',
  'slow disk',
  'clock jump',
] as const;

/** What can go wrong at a request. */
export const REQUEST_FAULTS = [
  'killed before it is sent',
  'killed, carried out',
  'killed, carried out late',
  'power cut',
  'refused with 403',
  'refused with 500',
  'refused with 503',
  'throttled',
  'delayed',
  'hung',
  'dropped before',
  'dropped after',
  'failed after',
  'late',
  'stale',
  'suspended',
  'asleep',
  'clock jump',
] as const;

/** What can go wrong at a script on a host, beside what can at a request. */
export const SCRIPT_FAULTS = [
  'cut short',
  'killed, cut short',
  'a program fails',
  'no right',
  'no room',
  'out of reach',
] as const;

export type FaultKind =
  (typeof FILE_FAULTS)[number] | (typeof REQUEST_FAULTS)[number] | (typeof SCRIPT_FAULTS)[number];

/** Something that happens while an operation runs, at which something may go wrong. */
export interface Happening {
  /** `look` and `run`: at a script on a host, which changes nothing or does. */
  readonly at: 'read' | 'write' | 'file' | 'hook' | 'look' | 'run';
  /** In words, for the report. */
  readonly text: string;
}

/** One thing that goes wrong: at which happening of which operation, counted from 1. */
export interface Trouble {
  readonly operation: number;
  readonly event: number;
  readonly kind: FaultKind;
  /** 0 to 1: how long, how much. */
  readonly amount: number;
  /** What it hit; known once it did. */
  readonly text?: string;
}

/** How an operation's weather is drawn, where it is not given. */
export type Climate =
  | { readonly kind: 'calm' }
  /** At one happening of a kind, counted from 1. */
  | {
      readonly kind: 'one';
      readonly at: Happening['at'];
      readonly event: number;
      /** What goes wrong; drawn unless said. */
      readonly what?: FaultKind;
    }
  /** Now and then: the probability for each happening of a kind. */
  | { readonly kind: 'storm'; readonly probability: Readonly<Partial<Record<Happening['at'], number>>> };

const WEIGHTS: Readonly<Record<Happening['at'], readonly (readonly [number, FaultKind])[]>> = {
  file: [
    [5, 'killed before'],
    [5, 'killed after'],
    [4, 'power cut before'],
    [4, 'power cut after'],
    [6, 'torn by a power cut'],
    [2, 'disk full'],
    [1, 'read-only'],
    [2, 'input/output error'],
    [1, 'slow disk'],
    [1, 'clock jump'],
  ],
  read: [
    [3, 'killed before it is sent'],
    [3, 'killed, carried out'],
    [2, 'power cut'],
    [1, 'refused with 403'],
    [1, 'refused with 500'],
    [1, 'refused with 503'],
    [2, 'throttled'],
    [1, 'delayed'],
    [1, 'hung'],
    [1, 'dropped before'],
    [2, 'stale'],
    [1, 'suspended'],
    [1, 'asleep'],
    [1, 'clock jump'],
  ],
  write: [
    [4, 'killed before it is sent'],
    [6, 'killed, carried out'],
    [5, 'killed, carried out late'],
    [3, 'power cut'],
    [3, 'refused with 403'],
    [1, 'refused with 500'],
    [2, 'refused with 503'],
    [2, 'throttled'],
    [1, 'delayed'],
    [2, 'hung'],
    [2, 'dropped before'],
    [4, 'dropped after'],
    [3, 'failed after'],
    [5, 'late'],
    [2, 'suspended'],
    [1, 'asleep'],
    [1, 'clock jump'],
  ],
  hook: [
    [4, 'killed before it is sent'],
    [6, 'killed, carried out'],
    [3, 'power cut'],
    [5, 'dropped before'],
    [5, 'failed after'],
    [2, 'delayed'],
    [4, 'hung'],
    [2, 'suspended'],
    [1, 'asleep'],
    [1, 'clock jump'],
  ],
  look: [
    [3, 'killed, carried out'],
    [2, 'power cut'],
    [4, 'dropped before'],
    [3, 'dropped after'],
    [2, 'out of reach'],
    [2, 'delayed'],
    [2, 'hung'],
    [1, 'suspended'],
    [1, 'asleep'],
  ],
  run: [
    [2, 'killed before it is sent'],
    [5, 'killed, carried out'],
    [4, 'killed, carried out late'],
    [8, 'killed, cut short'],
    [3, 'power cut'],
    [7, 'cut short'],
    [4, 'a program fails'],
    [2, 'no right'],
    [3, 'no room'],
    [3, 'out of reach'],
    [2, 'dropped before'],
    [4, 'dropped after'],
    [4, 'late'],
    [2, 'delayed'],
    [2, 'hung'],
    [2, 'suspended'],
    [1, 'asleep'],
  ],
};

/** A process dies of these. */
export function isDeadly(kind: FaultKind): boolean {
  return /killed|power cut/.test(kind);
}

const MOST_DEATHS = 3;

/** What goes wrong in one operation: drawn as it comes, or as it was told. What happened is kept in `hit`. */
export class Weather {
  readonly hit: Trouble[] = [];
  /** What an earlier operation was hit by is still felt: a full disk, a host out of reach. */
  isLeftOver = false;
  readonly #operation: number;
  readonly #climate: Climate;
  readonly #told: readonly Trouble[] | null;
  readonly #random: Random;
  readonly #counts = { read: 0, write: 0, file: 0, hook: 0, look: 0, run: 0 };
  #events = 0;
  #deaths = 0;

  constructor(operation: number, climate: Climate, told: readonly Trouble[] | null, random: Random) {
    this.#operation = operation;
    this.#climate = climate;
    this.#told = told?.filter((trouble) => trouble.operation === operation) ?? null;
    this.#random = random;
  }

  get events(): number {
    return this.#events;
  }

  /** Counts one happening and says what goes wrong with it; null: nothing. */
  next(happening: Happening): Trouble | null {
    this.#events += 1;
    this.#counts[happening.at] += 1;
    const trouble = this.#told === null ? this.#drawn(happening) : this.#given(happening);
    if (trouble === null) return null;
    if (isDeadly(trouble.kind)) this.#deaths += 1;
    this.hit.push({ ...trouble, text: happening.text });
    return trouble;
  }

  #given({ at }: Happening): Trouble | null {
    const told = this.#told?.find(({ event }) => event === this.#events);
    return told !== undefined && WEIGHTS[at].some(([, kind]) => kind === told.kind) ? told : null;
  }

  #drawn({ at }: Happening): Trouble | null {
    const climate = this.#climate;
    if (climate.kind === 'calm') return null;
    const strikes =
      climate.kind === 'one'
        ? climate.at === at && this.#counts[at] === climate.event
        : this.#random.chance(climate.probability[at] ?? 0);
    if (!strikes) return null;
    const drawn = this.#random.weighted(WEIGHTS[at]);
    const kind = climate.kind === 'one' ? (climate.what ?? drawn) : drawn;
    if (isDeadly(kind) && this.#deaths >= MOST_DEATHS) return null;
    return { operation: this.#operation, event: this.#events, kind, amount: this.#random.next() };
  }
}
