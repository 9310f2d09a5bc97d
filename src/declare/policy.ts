import type { IAspect } from 'cdktf';
import type { IConstruct } from 'constructs';
import type { IsoDuration } from '../model/address.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';
import { callerPosition } from './position.ts';

/** Properties of a secret that a policy can ask for. */
export const REQUIRABLE = ['owner', 'environment', 'classification', 'description', 'contentType'] as const;
/** Cadences without dates, which a policy that limits the time between dates can let be. */
export const ALLOWABLE = ['onRequest', 'onCompromise', 'userManaged'] as const;

export interface RotationPolicyProps {
  /** The longest time between two dates of a secret; cadences without dates offend too. */
  readonly atMost?: Duration | IsoDuration;
  /** Cadences without dates that may be all the same. */
  readonly allow?: readonly (typeof ALLOWABLE)[number][];
  /** What each secret must say. */
  readonly require?: readonly (typeof REQUIRABLE)[number][];
  /**
   * What names in the vault look like: `/clarivum/<env>/<service>/<name>`. A vault's names hold no slash, so slashes
   * are hyphens there and a leading one is none. `<env>` is the secret's `environment`; any other `<word>` is one or
   * more lower-case words with hyphens between them.
   */
  readonly naming?: string;
  /** The shortest time for which a prior version stays usable. */
  readonly soakAtLeast?: Duration | IsoDuration;
}

/** A policy as the rules read it. */
export interface Policy {
  /** `file:line` of where it was made, or null. */
  readonly position: string | null;
  readonly atMost: IsoDuration | null;
  readonly allow: readonly string[];
  readonly require: readonly string[];
  readonly naming: string | null;
  readonly soakAtLeast: IsoDuration | null;
}

/** A global symbol, so that the policies of two copies of this package in one app are seen together. */
export const POLICY: unique symbol = Symbol.for('keyturn/policy');

/** An aspect that holds a policy. */
interface Holding extends IAspect {
  readonly [POLICY]: Policy;
}

/**
 * A minimum for all secrets below a construct:
 * `Aspects.of(app).add(new RotationPolicy({ atMost: Duration.days(90), require: ['owner'] }))`.
 *
 * A secret that offends fails the synth, listed with all other problems of the app, each with what to change. Several
 * policies hold side by side, the strictest wins; nothing lets a secret out of one but its own `allow`.
 *
 * `visit` does nothing: cdktf visits stack by stack, and the whole app is validated at the first, when the others are
 * not visited yet. So synth asks each construct for its aspects and applies those that hold a policy. An aspect that
 * is added while others are visited comes too late.
 */
export class RotationPolicy implements IAspect {
  readonly [POLICY]: Policy;

  constructor(props: RotationPolicyProps) {
    const { atMost, allow = [], require = [], naming = null, soakAtLeast } = props;
    this[POLICY] = {
      position: callerPosition(),
      atMost: atMost === undefined ? null : isoOf(atMost),
      allow,
      require,
      naming,
      soakAtLeast: soakAtLeast === undefined ? null : isoOf(soakAtLeast),
    };
  }

  visit(_node: IConstruct): void {}
}

export function holdsPolicy(aspect: IAspect): aspect is Holding {
  return POLICY in aspect;
}
