import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { Cause, Plan, Step } from '../model/plan.ts';

/** What a plan does with one secret, and why. */
export interface PlannedSecret {
  readonly secret: SecretAddress;
  /** Null: no version of it moves. */
  readonly move: { readonly from: Ordinal | null; readonly to: Ordinal | null | 'retired' } | null;
  readonly cause: Cause;
}

/** Every secret of the plan's groups, in their order. */
export function secretsIn({ groups, steps }: Plan): PlannedSecret[] {
  const byGroup = new Map<string, Step[]>(groups.map(({ id }) => [id, []]));
  for (const step of steps) byGroup.get(step.group)?.push(step);
  return groups.flatMap((group) => {
    const own = byGroup.get(group.id) ?? [];
    const [first] = own;
    if (first === undefined) return [];
    return group.secrets.map((secret) => ({
      secret,
      move: moveOf(secret, own),
      cause: (own.find((step) => 'secret' in step && step.secret === secret) ?? first).cause,
    }));
  });
}

/** From which version to which; null where a step is about it and moves none. */
export function moveOf(secret: SecretAddress, steps: readonly Step[]): PlannedSecret['move'] {
  for (const step of steps) {
    if (step.kind === 'promote') {
      const promotion = step.promotions.find((each) => each.secret === secret);
      if (promotion !== undefined) return { from: promotion.prior, to: promotion.ordinal };
    }
    if (step.kind === 'demote') {
      const demotion = step.demotions.find((each) => each.secret === secret);
      if (demotion !== undefined) return { from: demotion.ordinal, to: demotion.to };
    }
  }
  const own = steps.find((step) => 'secret' in step && step.secret === secret);
  if (own === undefined) return null;
  if (own.kind === 'mint') return { from: own.inverse?.to ?? null, to: own.ordinal };
  if (own.kind === 'restore') return own.twins === undefined ? { from: own.failed, to: own.to } : null;
  return own.kind === 'retire' ? { from: own.ordinal, to: 'retired' } : null;
}
