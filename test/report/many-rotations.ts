import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Turn } from './fixture.ts';
import { http, laterOf, rotation, turnGroup } from './fixture.ts';

/** A plan of so many secrets, each with a group and a consumer of its own, with drift and a date of every one. */
export function manyRotations(count: number): Plan {
  const each = Array.from({ length: count }, (_, index) => {
    const secret = secretAddress('busflow-prod', `key-${index + 1}`);
    const turns: Turn[] = [{ secret, to: 4, cause: { kind: 'due', due: '2026-10-05T03:00:00Z' } }];
    return {
      id: `g${index + 1}`,
      turns,
      secret,
      consumer: consumerAddress('prod', `busflow_web_${index + 1}`),
    };
  });
  return {
    ...rotation,
    groups: each.map(({ id, secret, consumer }, index) => ({
      id,
      needs: index === 0 ? [] : [`g${index}`],
      secrets: [secret],
      consumers: [consumer],
    })),
    steps: each.flatMap(({ id, turns, consumer }) => turnGroup(id, turns, consumer, 2, http)),
    later: each.flatMap(({ turns, consumer }) => laterOf(turns, consumer)),
    blocked: [],
    notes: each.map(({ consumer }) => ({
      kind: 'drift',
      address: consumer,
      text: 'was changed by someone else',
    })),
  };
}
