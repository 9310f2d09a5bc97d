import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import type { Plan } from '../../src/model/plan.ts';
import { addDuration } from '../../src/calendar/calendar.ts';
import { makeCompromisePlan } from '../../src/plan/compromise.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { renderFault } from '../../src/report/fault-text.ts';
import { makePaint } from '../../src/report/paint.ts';
import { renderPlan } from '../../src/report/plan-text.ts';
import type { Scenario } from './scenario.ts';
import { look } from './look.ts';
import { expand } from './scenario.ts';

const GOLDEN = fileURLToPath(new URL('../golden/', import.meta.url));
const PAGE = { paint: makePaint(false), width: 100 };

function readScenario(folder: string): Scenario {
  return JSON.parse(readFileSync(`${GOLDEN}${folder}/scenario.json`, 'utf8')) as Scenario;
}

function planOf(scenario: Scenario, input = expand(scenario).input): Plan {
  const { options, ...states } = input;
  if (scenario.compromise !== undefined) {
    const { named, only = false, revokeFirst = false } = scenario.compromise;
    const addresses = input.declared.secrets.flatMap(({ name, address }) =>
      named.includes(name) ? [address] : [],
    );
    const { now } = scenario;
    const dates = { discoveredAt: now, deadline: addDuration(now, 'PT1H') };
    const how = { addresses, incident: 'INC-7', only, revokeFirst, values: options.values, ...dates };
    return makeCompromisePlan({ ...states, ...how });
  }
  if (scenario.rollback === undefined) return makePlan(input);
  const address = input.declared.secrets.find(({ name }) => name === scenario.rollback)?.address;
  if (address === undefined) throw new Error(`${scenario.rollback} is not declared`);
  return makeRollbackPlan({ ...states, address, reason: options.reason });
}

/** The plan as a person reads it, or the fault that stands in its place. */
function textOf(scenario: Scenario): string {
  try {
    return `${renderPlan(planOf(scenario), { ...PAGE, now: scenario.now })}\n`;
  } catch (thrown) {
    if (thrown instanceof Fault) return `${renderFault(thrown.toJSON(), PAGE)}\n`;
    throw thrown;
  }
}

const folders = readdirSync(GOLDEN).sort();

// `npx vitest run test/plan/golden.test.ts -u` writes them anew: read the difference before you commit it.
describe('the golden plan', () => {
  for (const folder of folders) {
    it(`${folder}: ${readScenario(folder).says}`, async () => {
      await expect(textOf(readScenario(folder))).toMatchFileSnapshot(`${GOLDEN}${folder}/plan.txt`);
    });
  }
});

describe('each golden plan', () => {
  it('can be carried out, and leaves nothing to do', () => {
    for (const folder of folders) {
      const scenario = readScenario(folder);
      if (scenario.rollback !== undefined) continue;
      const { input, world } = expand(scenario);
      const plan = planOf(scenario, input);
      // An emergency that had to leave something is not over.
      if (plan.kind === 'compromise' && plan.emergency?.exposed.length !== 0) continue;
      const { declared, now } = input;
      const recorded = world.execute(plan, input.recorded, now);
      const options = { ...input.options, rotate: [], values: [] };
      const again = makePlan({
        ...input,
        recorded,
        options,
        observed: look(world, declared, recorded, now),
      });
      expect(
        again.steps.map(({ text }) => text),
        folder,
      ).toEqual([]);
    }
  });
});
