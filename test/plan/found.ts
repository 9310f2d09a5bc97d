import type { Declared } from '../../src/model/declared.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import type { Import, ImportInput } from '../../src/plan/import.ts';
import { makeImport } from '../../src/plan/import.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { PlanOptions } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { withAdopted } from '../../src/record/adopted.ts';
import { look } from './look.ts';
import type { World } from './world.ts';

export const NOW = '2026-11-22T03:00:00Z';
export const NEW = emptyRecord('shop', 'new');

/** What importing puts on record of this world. */
export function imported(
  world: World,
  declared: Declared,
  given: Partial<ImportInput> = {},
  recorded: Recorded = NEW,
): Import {
  const observed = look(world, declared, recorded, NOW);
  return makeImport({ declared, observed, recorded, now: NOW, wanted: null, platformOnly: false, ...given });
}

/** The record with that; throws where something was refused. */
export function recordOf({ adopted, refused }: Import, recorded: Recorded = NEW): Recorded {
  const after = withAdopted(recorded, { adopted });
  if (refused.length > 0 || after === null) throw new Error(refused.map(({ what }) => what).join('\n'));
  return after;
}

export function planFor(
  world: World,
  declared: Declared,
  recorded: Recorded,
  options: Partial<PlanOptions> = {},
  now = NOW,
): Plan {
  const observed = look(world, declared, recorded, now);
  return makePlan({ declared, observed, recorded, now, options: { ...NO_OPTIONS, ...options } });
}
