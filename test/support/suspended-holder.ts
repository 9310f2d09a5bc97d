import { openRecord } from '../../src/record/record.ts';
import { emptyPlan } from './empty-plan.ts';
import { claimed, holder, SHORT_TERMS } from './lease.ts';

/**
 * A process of its own that holds a record and appends to its journal until it is refused; a line on standard
 * output for each append, and the fault's code at its end. Started with the directory of the records.
 */
const [, , directory = ''] = process.argv;
const now = (): string => new Date().toISOString();
const held = await claimed(openRecord({ directory, stack: 'shop' }), holder({ pid: process.pid }), {
  terms: SHORT_TERMS,
});
const actor = { name: 'suspended', knownBy: 'os-user', host: 'here', run: null } as const;
const facts = { apply: 'a1', lineage: 'l', serial: 0, planDigest: 'd', actor, reason: null, ticket: null };
try {
  const journal = await held.begin({ type: 'begin', format: 1, plan: emptyPlan('shop'), ...facts }, now);
  for (;;) {
    await journal.append({ type: 'seen', fingerprints: {} });
    console.log('appended');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
} catch (thrown) {
  console.log(thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown));
}
