import { setTimeout as wait } from 'node:timers/promises';
import { durationMs } from '../../src/calendar/calendar.ts';
import { nameOf } from '../../src/model/address.ts';
import type { RefusalProbe, Revocation } from '../../src/model/declared.ts';
import type { FaultCode } from '../../src/model/fault.ts';
import { Fault } from '../../src/model/fault.ts';
import type { HookContext, Hooks } from '../../src/model/hooks.ts';
import type { SecretValue } from '../../src/model/secret-value.ts';
import type { Incarnation } from './incarnation.ts';
import type { Ordeal } from './ordeal.ts';

/** A value was tried at its source. */
export interface Tried {
  /** The apply whose journal was open then. */
  readonly apply: string | null;
  readonly value: string;
  readonly verdict: 'accepted' | 'refused';
  /** Whoever asked got this answer. */
  isHeard: boolean;
}

/** An effect of an emergency reached whoever brings it about. */
export interface Effected {
  /** The process that brought it about. */
  readonly by: string;
  readonly secret: string;
  readonly incident: string;
  readonly name: string;
  readonly key: string;
}

/** What a stack can declare of its sources, by the words of its commands. */
export const COMMANDS = {
  /** The source invalidates what it is told. */
  revoke: ['revoke'],
  /** It says so, and goes on accepting it until somebody mends it. */
  revokeInVain: ['revoke', 'in-vain'],
  /** It accepts every value that was made and not revoked. */
  tryListed: ['try', 'listed'],
  /** Whoever checks the value reads it: it accepts what somebody mounts, and the newest of the vault. */
  tryMounted: ['try', 'mounted'],
} as const;

const NEVER = new Promise<never>(() => {});

/** What checks the values outside of vault and platform, and the programs of a stack that talk to it. */
export class Sources {
  readonly tried: Tried[] = [];
  readonly effected: Effected[] = [];
  readonly #ordeal: Ordeal;
  readonly #revoked = new Set<string>();
  readonly #toldInVain = new Set<string>();
  #isMended = false;

  constructor(ordeal: Ordeal) {
    this.#ordeal = ordeal;
  }

  /** Somebody mends the sources that were told in vain, for good. */
  mend(): void {
    this.#isMended = true;
    for (const value of this.#toldInVain) this.#revoked.add(value);
  }

  /** The hooks as one process has them: a program that it started ends with it. */
  hooksOf(incarnation: Incarnation): Hooks {
    return {
      revoke: (revocation, value, context, signal) =>
        this.#revoke(incarnation, revocation, value, context, signal),
      prove: (probe, value, control, context, signal) =>
        this.#prove(incarnation, probe, value, control, context, signal),
      effect: async (effect, context, signal) => {
        const { secret, before, incident, idempotencyKey: key } = context;
        const text = `effect ${effect.name} of ${nameOf(secret)}`;
        this.#ordeal.checker.hooked(incarnation, text, (step) => {
          return step.kind === 'effect' && step.secret === secret && step.effect.name === effect.name;
        });
        const bring = (): true => {
          const { name } = effect;
          const effected = {
            by: incarnation.name,
            secret: nameOf(secret),
            incident: incident ?? '',
            name,
            key,
          };
          this.effected.push(effected);
          this.#ordeal.checker.effected(effected);
          return true;
        };
        if ((await this.#run(incarnation, text, effect.timeout, bring, signal)) !== true)
          throw fault('hook-failed', `${effect.name} failed for v${before ?? '?'}`);
        return 'it was taken';
      },
      smoke: () => Promise.reject(fault('unexpected', 'no smoke test is declared')),
    };
  }

  async #revoke(
    incarnation: Incarnation,
    { argv, timeout }: Revocation,
    value: SecretValue,
    { secret, before }: HookContext,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const text = `revoke ${nameOf(secret)} v${before ?? '?'}`;
    this.#ordeal.checker.hooked(incarnation, text, (step) => {
      return step.kind === 'revoke' && step.secret === secret && step.ordinal === before;
    });
    const tell = (): true => {
      this.#ordeal.checker.revoked(nameOf(secret), value.reveal());
      (argv.includes('in-vain') && !this.#isMended ? this.#toldInVain : this.#revoked).add(value.reveal());
      return true;
    };
    if ((await this.#run(incarnation, text, timeout, tell, signal)) !== true)
      throw fault('hook-failed', `the revocation of v${before ?? '?'} failed`);
    return 'revoked: the source said so';
  }

  async #prove(
    incarnation: Incarnation,
    probe: RefusalProbe,
    value: SecretValue,
    control: SecretValue | null,
    { secret, before }: HookContext,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const name = nameOf(secret);
    const text = `try ${name} v${before ?? '?'}`;
    const ask = async (what: string, each: SecretValue): Promise<Tried['verdict'] | 'unclear'> => {
      const tried = await this.#run(
        incarnation,
        what,
        probe.timeout,
        () => this.#ask(probe, each.reveal(), name),
        signal,
      );
      if (tried !== null) tried.isHeard = true;
      return tried?.verdict ?? 'unclear';
    };
    const living = control === null ? null : await ask(`${text}, the control`, control);
    if (living !== null && living !== 'accepted')
      throw fault('proof-failed', `the probe did not accept the current value: ${living}`);
    const verdict = await ask(text, value);
    if (verdict === 'accepted') throw fault('still-accepted', `v${before ?? '?'} is still accepted`);
    if (verdict === 'unclear')
      throw fault('proof-failed', `whether v${before ?? '?'} is refused is not known`);
    return 'refused: the source said so';
  }

  #ask(probe: RefusalProbe, value: string, secret: string): Tried {
    const verdict = this.#accepts(probe, value, secret) ? 'accepted' : 'refused';
    const tried: Tried = { apply: this.#apply, value, verdict, isHeard: false };
    this.tried.push(tried);
    this.#ordeal.tell(`  the source of ${secret} says: ${verdict}`);
    return tried;
  }

  #accepts(probe: RefusalProbe, value: string, secret: string): boolean {
    const { checker } = this.#ordeal;
    if (this.#revoked.has(value) || !checker.isOurs(value, secret)) return false;
    if (probe.kind !== 'command' || !probe.argv.includes('mounted')) return true;
    const isMounted = checker.admin.uses().some(({ by, copyId }) => {
      return by !== 'previous spec' && checker.admin.valueOfCopy(copyId) === value;
    });
    const newest = checker.admin.versions(secret).findLast((each) => checker.isOurs(each.value, secret));
    return isMounted || newest?.value === value;
  }

  get #apply(): string | null {
    const [begin] = this.#ordeal.checker.admin.journal('written');
    return begin?.type === 'begin' ? begin.apply : null;
  }

  /** One program: what it did, or null where it failed, was ended at its timeout, or its answer was lost. */
  async #run<T>(
    incarnation: Incarnation,
    text: string,
    timeout: string,
    carryOut: () => T,
    signal: AbortSignal | undefined,
  ): Promise<T | null> {
    const ordeal = this.#ordeal;
    if (incarnation.state === 'dead') return NEVER;
    if (signal?.aborted === true) throw stopped(text);
    const trouble = ordeal.strike(incarnation, 'hook', text);
    const why = `${trouble?.kind ?? ''}: ${text}`;
    const amount = trouble?.amount ?? 0;
    switch (trouble?.kind) {
      case 'killed before it is sent':
        incarnation.die(why);
        return NEVER;
      case 'killed, carried out':
        carryOut();
        incarnation.die(why);
        return NEVER;
      case 'power cut':
        if (amount < 0.5) carryOut();
        ordeal.cutPower(incarnation, why);
        return NEVER;
      case 'dropped before':
        return null;
      case 'failed after':
        carryOut();
        return null;
      case 'delayed':
        await pause(amount * 0.9 * durationMs(timeout), text, signal);
        return carryOut();
      case 'hung':
        if (amount < 0.5) carryOut();
        await pause(durationMs(timeout), text, signal);
        return null;
      case 'suspended':
      case 'asleep': {
        const done = carryOut();
        incarnation.suspend((0.5 + amount * 4) * 60_000, trouble.kind === 'asleep');
        await incarnation.awake();
        return done;
      }
      default:
        return carryOut();
    }
  }
}

/** The program is ended when whoever started it has to stop. */
async function pause(ms: number, text: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw stopped(text);
  }
}

function stopped(text: string): Fault {
  return fault('interrupted', `stopped: ${text}`);
}

function fault(code: FaultCode, what: string): Fault {
  return new Fault({ code, what });
}
