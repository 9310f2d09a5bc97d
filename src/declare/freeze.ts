import { Construct } from 'constructs';
import type { Freeze as DeclaredFreeze } from '../model/openings.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import { addresses, declaration, reference } from './declaring.ts';
import type { Secret } from './declare.ts';
import { callerPosition } from './position.ts';
import { enrol } from './synth.ts';

export interface FreezeProps {
  /** First day: `2026-12-18`, or `12-18` for each year. */
  readonly from: string;
  /** Last day, in the same form. */
  readonly through: string;
  /** Whose days: a name of the IANA database, for instance `Europe/Berlin`. */
  readonly timeZone: string;
  readonly reason?: string;
  /** Whom it holds; every secret of the stack unless said. */
  readonly secrets?: readonly Secret[];
}

/** Days on which nothing of a stack is done by date: no rotation, no settle, no retirement, no pruning. */
export class Freeze extends Construct implements Declaring {
  readonly #props: FreezeProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: FreezeProps) {
    super(scope, id);
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { from, through, timeZone, reason = null, secrets = [] } = this.#props;
    const freeze: DeclaredFreeze = {
      path: this.node.path,
      position: this.#position,
      from,
      through,
      timeZone,
      reason,
      secrets: addresses(secrets),
    };
    const references = secrets.map((secret) => reference('secrets', secret));
    return declaration(this, { kind: 'freeze', freeze }, this.#position, references);
  }
}
