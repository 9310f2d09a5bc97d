import type { Case } from './case.ts';
import type { RecordSink } from '../../src/execute/execute.ts';
import type { Fence } from '../../src/model/fence.ts';
import type { Hooks } from '../../src/model/hooks.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Platform } from '../../src/model/platform.ts';
import type { Vault } from '../../src/model/vault.ts';
import type { IsAlive } from '../../src/record/claim.ts';
import type { Files } from '../../src/record/files.ts';
import type { LeaseClock } from '../../src/record/lease.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';

/** A bug, put into one of the engine's seams, that the checker must find. */
export interface Plant {
  /** What somebody did wrong. */
  readonly bug: string;
  /** The invariants that it breaks; one of them must be reported. */
  readonly breaks: readonly string[];
  readonly files?: (files: Files) => Files;
  readonly vault?: (vault: Vault, uri: string) => Vault;
  readonly platform?: (platform: Platform) => Platform;
  /** What is run on a host in the place of a script that changes something. */
  readonly script?: (script: string) => string;
  /** Every case has files on a host. */
  readonly hosts?: boolean;
  readonly sink?: (held: HeldRecord) => RecordSink;
  readonly fence?: (fence: Fence) => Fence;
  readonly plan?: (plan: Plan) => Plan;
  readonly hooks?: (hooks: Hooks) => Hooks;
  readonly isAlive?: IsAlive;
  /** A saved plan is carried out whatever happened since. */
  readonly appliesStale?: boolean;
  readonly clock?: (clock: LeaseClock) => LeaseClock;
  /** Makes what the bug takes more likely. */
  readonly tilt?: (given: Case) => Case;
}
