import type { ConsumerAddress, Instant, Ordinal, SecretAddress } from '../model/address.ts';
import { homeOf } from '../model/address.ts';
import type { Source } from '../model/declared.ts';
import type { ApplyEvent, Listen } from '../model/event.ts';
import type { FaultRecord } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { ApplyOutcome, Delivery, Fingerprints, StepResult, StepStatus } from '../model/journal.ts';
import type { SeenPlatform } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Evidence, FlipReceipt, Platform } from '../model/platform.ts';
import type { Held, Parked, Recorded, RecordedConsumer, RecordedSecret } from '../model/recorded.ts';
import type { Hooks } from '../model/hooks.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { Vault } from '../model/vault.ts';

/** Where intents and outcomes go; each append is durable when it resolves. */
export interface JournalSink {
  /** The record with all that was appended. It stays as it is, so that each costs a copy: not for what every step asks. */
  readonly recorded: Recorded;
  /** One secret of it, and one consumer. */
  secret(address: SecretAddress): RecordedSecret | undefined;
  consumer(address: ConsumerAddress): RecordedConsumer | undefined;
  append(entry: JournalEntry): Promise<unknown>;
}

/** What the executor writes down; the journal numbers and dates it. */
export type JournalEntry =
  | { readonly type: 'intent'; readonly step: Step }
  | { readonly type: 'outcome'; readonly step: string; readonly result: StepResult }
  | { readonly type: 'hold'; readonly secret: SecretAddress; readonly held: Held }
  | { readonly type: 'park'; readonly consumer: ConsumerAddress; readonly parked: Parked }
  | { readonly type: 'notified'; readonly delivery: Delivery }
  | { readonly type: 'seen'; readonly fingerprints: Fingerprints }
  | { readonly type: 'end'; readonly outcome: ApplyOutcome };

/** The outside, as it is handed to the executor. */
export interface Outside {
  readonly vaults: ReadonlyMap<string, Vault>;
  readonly platforms: ReadonlyMap<string, Platform>;
  /** Values that a person gave for manual secrets. */
  readonly values: ReadonlyMap<SecretAddress, SecretValue>;
  /** Makes a value for a source that needs no person. */
  readonly generate: (source: Source) => SecretValue;
  /** Digest of each secret's declaration: what a hold is bound to. */
  readonly declarations: ReadonlyMap<SecretAddress, string>;
  /** What the stack declares to be done outside of vaults and platforms. */
  readonly hooks: Hooks;
  /** Stands before every change. */
  readonly fence: Fence;
  readonly now: () => Instant;
  /** Milliseconds of a clock that never goes back; for durations only. */
  readonly ticks: () => number;
}

/** How one step stands. */
export interface Standing {
  readonly step: Step;
  status: StepStatus;
  /** Its intent stands in the journal of a process that died, without an outcome: it may still take effect. */
  isCutOff: boolean;
  elapsedMs: number | null;
  /** When its outcome was known. */
  endedAt: Instant | null;
  fault: FaultRecord | null;
  evidence: Evidence | null;
  /** One line that says what was seen to be so. */
  proof: string | null;
  /** The end of what a declared program printed, masked. */
  output: string | null;
}

/** Every step of a plan, waiting. */
export function standingsAtStart({ steps }: Plan): ReadonlyMap<string, Standing> {
  return new Map(
    steps.map((step) => [
      step.id,
      {
        step,
        status: 'waiting',
        isCutOff: false,
        elapsedMs: null,
        endedAt: null,
        fault: null,
        evidence: null,
        proof: null,
        output: null,
      },
    ]),
  );
}

/** The same standings, in the plan's order, by the group of their step. */
export function byGroup(standings: ReadonlyMap<string, Standing>): ReadonlyMap<string, readonly Standing[]> {
  const groups = new Map<string, Standing[]>();
  for (const standing of standings.values()) {
    const own = groups.get(standing.step.group);
    if (own === undefined) groups.set(standing.step.group, [standing]);
    else own.push(standing);
  }
  return groups;
}

type Told = ApplyEvent extends infer Event
  ? Event extends ApplyEvent
    ? Omit<Event, 'sequence' | 'at'>
    : never
  : never;

/** One apply while it runs: the plan, how each step stands, and what was learnt on the way. */
export class Work {
  readonly plan: Plan;
  readonly outside: Outside;
  readonly journal: JournalSink;
  readonly signal: AbortSignal;
  readonly standings: ReadonlyMap<string, Standing>;
  readonly #listen: Listen;
  readonly #byGroup: ReadonlyMap<string, readonly Standing[]>;
  readonly #minted = new Map<string, SecretValue>();
  readonly #receipts = new Map<string, FlipReceipt>();
  readonly #looks = new Map<string, Promise<SeenPlatform>>();
  #sequence = 0;

  constructor(plan: Plan, outside: Outside, journal: JournalSink, listen: Listen, signal: AbortSignal) {
    this.plan = plan;
    this.outside = outside;
    this.journal = journal;
    this.signal = signal;
    this.#listen = listen;
    this.standings = standingsAtStart(plan);
    this.#byGroup = byGroup(this.standings);
  }

  get declarations(): ReadonlyMap<SecretAddress, string> {
    return this.outside.declarations;
  }

  standingsOf(group: string): readonly Standing[] {
    return this.#byGroup.get(group) ?? [];
  }

  /** Aborts when the lease is lost: no act goes on from there. */
  get lost(): AbortSignal {
    return this.outside.fence.lost;
  }

  tell(event: Told): void {
    this.#sequence += 1;
    this.#listen({ sequence: this.#sequence, at: this.outside.now(), ...event });
  }

  vaultOf(secret: SecretAddress): Vault {
    const vault = this.outside.vaults.get(homeOf(secret));
    if (vault === undefined) throw unconnected(`vault '${homeOf(secret)}'`);
    return vault;
  }

  platform(name: string): Platform {
    const platform = this.outside.platforms.get(name);
    if (platform === undefined) throw unconnected(`platform '${name}'`);
    return platform;
  }

  /** The plaintext minted in this apply, kept for stage; undefined after a resume. */
  minted(secret: SecretAddress, ordinal: Ordinal): SecretValue | undefined {
    return this.#minted.get(`${secret} ${ordinal}`);
  }

  keepMinted(secret: SecretAddress, ordinal: Ordinal, value: SecretValue): void {
    this.#minted.set(`${secret} ${ordinal}`, value);
  }

  receipt(flip: string): FlipReceipt | undefined {
    return this.#receipts.get(flip);
  }

  keepReceipt(flip: string, receipt: FlipReceipt): void {
    this.#receipts.set(flip, receipt);
  }

  /** What the platform holds now: one look serves every question until something of ours changes it. */
  look(platform: string): Promise<SeenPlatform> {
    const look = this.#looks.get(platform) ?? this.platform(platform).observe(this.lost);
    this.#looks.set(platform, look);
    // One that failed must not answer the next question.
    look.catch(() => this.#looks.delete(platform));
    return look;
  }

  /** What a declared program took its time for may be long ago. */
  forgetLooks(): void {
    this.#looks.clear();
  }

  forgetLook(platform: string): void {
    this.#looks.delete(platform);
  }
}

function unconnected(what: string): Fault {
  return new Fault({ code: 'unexpected', what: `no connection to ${what} was made`, next: 'plan again' });
}
