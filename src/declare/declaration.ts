import type { IConstruct } from 'constructs';
import type {
  DeclaredConsumer,
  DeclaredNotification,
  DeclaredPlatform,
  DeclaredSecret,
  DeclaredSmokeTest,
  DeclaredVault,
} from '../model/declared.ts';
import type { Freeze } from '../model/openings.ts';

/** The manifest's file name, beside cdk.tf.json. */
export const MANIFEST_FILE = 'keyturn.json';
/** What a refused synth leaves in the output folder: `{ format: 1, problems: Problem[] }`. */
export const PROBLEMS_FILE = 'keyturn-problems.json';

/** One thing that a construct declares, and where it stands: all that the rules of validate.ts look at. */
export interface Declaration {
  readonly stack: string;
  readonly path: string;
  readonly position: string | null;
  readonly item: Item;
  /** The other constructs that it was given. */
  readonly references: readonly Reference[];
  /** Fields that hold a cdktf token, whose value is known only after `terraform apply`. */
  readonly unresolved: readonly string[];
}

export type Item =
  | { readonly kind: 'vault'; readonly vault: DeclaredVault; readonly terraform: boolean }
  | { readonly kind: 'platform'; readonly platform: DeclaredPlatform }
  | { readonly kind: 'secret'; readonly secret: DeclaredSecret }
  | {
      readonly kind: 'consumer';
      readonly consumer: DeclaredConsumer;
      /** Of a like one on several hosts: which was named to go first. */
      readonly canary?: string;
    }
  | { readonly kind: 'freeze'; readonly freeze: Freeze }
  | { readonly kind: 'notification'; readonly notification: DeclaredNotification }
  | { readonly kind: 'smoke-test'; readonly smokeTest: DeclaredSmokeTest }
  /** Each of its hosts is a platform of its own. */
  | { readonly kind: 'fleet'; readonly name: string; readonly hosts: readonly string[] };

export interface Reference {
  /** The property that names it: `vault`, `dependsOn`, `mounts` … */
  readonly as: string;
  readonly stack: string;
  readonly path: string;
}

/** A global symbol, so that constructs of two copies of this package in one app are seen together. */
export const DECLARE: unique symbol = Symbol.for('keyturn/declare');

/** A construct that declares something. Asked at synth, when everything has been said. */
export interface Declaring extends IConstruct {
  [DECLARE](): Declaration | readonly Declaration[];
}

export function isDeclaring(construct: IConstruct): construct is Declaring {
  return DECLARE in construct;
}
