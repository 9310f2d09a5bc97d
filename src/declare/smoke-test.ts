import { Construct } from 'constructs';
import type { IsoDuration } from '../model/address.ts';
import type { DeclaredSmokeTest } from '../model/declared.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import type { Consuming } from './declaring.ts';
import { addressesOf, declaration, reference } from './declaring.ts';
import { callerPosition } from './position.ts';
import { enrol } from './synth.ts';

export interface SmokeTestProps {
  /** The program and its arguments, on the machine that runs apply; exit 0: passed. It gets no value. */
  readonly command: readonly string[];
  /** Where it runs; where keyturn does unless said. */
  readonly directory?: string;
  /** 5 minutes unless said. */
  readonly timeout?: Duration | IsoDuration;
  /** It is run when one of these moves, once all of them that move are verified. */
  readonly consumers: readonly Consuming[];
}

/**
 * A program that tries what consumers do together. Where it fails, what moved goes back. Its id is the name that plan and
 * history call it by.
 */
export class SmokeTest extends Construct implements Declaring {
  readonly #props: SmokeTestProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: SmokeTestProps) {
    super(scope, id);
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { command, directory = null, timeout = 'PT5M', consumers } = this.#props;
    const smokeTest: DeclaredSmokeTest = {
      name: this.node.id,
      path: this.node.path,
      position: this.#position,
      argv: [...command],
      directory,
      timeout: isoOf(timeout),
      consumers: addressesOf(consumers),
    };
    const references = consumers.map((consumer) => reference('consumers', consumer));
    return declaration(this, { kind: 'smoke-test', smokeTest }, this.#position, references);
  }
}
