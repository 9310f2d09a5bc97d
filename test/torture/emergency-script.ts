import type { Declared } from '../../src/model/declared.ts';
import type { CompromiseOrder, Operation } from './case.ts';
import type { Random } from './random.ts';
import { drawEmergency, drawOrder } from './orders.ts';
import type { Climate } from './weather.ts';

/** Operations that are put in between have ids of their own, so that the weather of the others stays as it is. */
const FIRST_ID = 51;

/** The same operations, with emergencies in between for about half of all cases. */
export function addEmergencies(
  operations: readonly Operation[],
  first: Declared,
  random: Random,
): Operation[] {
  const all = [...operations];
  if (!random.chance(0.55)) return all;
  const count = random.whole(1, 2);
  let before: CompromiseOrder | null = null;
  for (let index = 0; index < count; index += 1) {
    const at = random.whole(1, all.length);
    const declared = declaredAt(all.slice(0, at), first);
    const isAgain: boolean = before !== null && random.chance(0.5);
    const drawn = drawEmergency(declared, `INC-${index + 1}`, random);
    const order: CompromiseOrder =
      before !== null && isAgain ? { ...before, hasValues: drawn.hasValues } : drawn;
    before = order;
    all.splice(at, 0, ...operationsFor(order, declared, FIRST_ID + 10 * index, random));
  }
  return all;
}

function operationsFor(order: CompromiseOrder, declared: Declared, id: number, random: Random): Operation[] {
  const host = 'here';
  const climate = drawClimate(random);
  const kind = random.weighted([
    [6, 'at once'],
    [2, 'onto'],
    [1.5, 'saved'],
  ] as const);
  switch (kind) {
    case 'at once':
      return [{ id, climate, host, kind: 'compromise', order, onto: null }];
    case 'onto':
      return [{ id, climate, host, kind: 'compromise', order, onto: drawOrder(declared, random) }];
    case 'saved': {
      const calm = { kind: 'calm' } as const;
      const apply = { kind: 'apply', order: drawOrder(declared, random), beside: null } as const;
      const between: Operation[] = random.chance(0.4) ? [{ id: id + 1, climate: calm, host, ...apply }] : [];
      return [
        { id, climate: calm, host, kind: 'save emergency', order },
        ...between,
        { id: id + 2, climate, host, kind: 'apply saved' },
      ];
    }
  }
}

/** One trouble, more often than not: an emergency has many steps. */
function drawClimate(random: Random): Climate {
  return random.weighted<Climate>([
    [2, { kind: 'calm' }],
    [5, { kind: 'one', at: 'write', event: random.whole(1, 20) }],
    [3, { kind: 'one', at: 'hook', event: random.whole(1, 6) }],
    [2, { kind: 'one', at: 'read', event: random.whole(1, 70) }],
    [3, { kind: 'one', at: 'file', event: random.whole(1, 180) }],
    [2, { kind: 'storm', probability: { read: 0.015, write: 0.1, file: 0.004, hook: 0.2 } }],
    [1, { kind: 'storm', probability: { read: 0.05, write: 0.25, file: 0.01, hook: 0.5 } }],
  ]);
}

function declaredAt(before: readonly Operation[], first: Declared): Declared {
  const last = before.findLast((operation) => operation.kind === 'declare');
  return last?.kind === 'declare' ? last.declared : first;
}
