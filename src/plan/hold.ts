import type { DeclaredSecret } from '../model/declared.ts';
import type { Held } from '../model/recorded.ts';
import { declarationDigest, letGo } from './timing.ts';
import type { View } from './view.ts';

/** Why the schedule leaves a secret alone, and what ends that. */
export interface Hold extends Pick<Held, 'since' | 'reason'> {
  /** Its declaration was changed since: the next apply may rotate it. */
  readonly isOver: boolean;
  /** What a person runs to let it go. */
  readonly command: string;
}

/** Null: it is not held. */
export function holdOf(secret: DeclaredSecret, view: View): Hold | null {
  const held = view.recordOf(secret.address)?.held ?? null;
  if (held === null) return null;
  return {
    since: held.since,
    reason: held.reason,
    isOver: held.declaration !== declarationDigest(secret),
    command: letGo(secret),
  };
}
