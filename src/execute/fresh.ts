import type { Address } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import { digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { recordedDigest } from '../model/recorded.ts';

/**
 * Throws unless the plan may still be applied: it was not applied before, the record is the one it was made
 * from, and every address that it touches is as it was then. Other addresses may have moved. Changes nothing.
 */
export function assertFresh(plan: Plan, observed: Observed, recorded: Recorded): void {
  if (recorded.usedPlans.includes(digestOf(plan))) {
    throw new Fault({
      code: 'plan-used',
      what: 'this plan was applied before; a saved plan is used once',
      where: `stack ${plan.stack}`,
      live: 'nothing was changed by this run',
      next: `make a new one: keyturn ${plan.kind === 'compromise' ? 'compromise … --out FILE' : 'plan --out FILE'}`,
    });
  }
  const isNewRecord = recorded.serial === 0 && plan.basis.serial === 0;
  if (!isNewRecord && plan.basis.lineage !== recorded.lineage) {
    throw stale(plan, [{ what: 'the record is not the one that the plan was made from', where: 'lineage' }]);
  }
  const moved = Object.entries(plan.basis.fingerprints).flatMap(([address, before]) => {
    const now = fingerprintNow(address as Address, observed);
    if (now !== before) return [{ what: describeMove(before, now), where: address }];
    const isRecordedAnew =
      recordedDigest(recorded, address as Address) !== plan.basis.recorded[address as Address];
    return isRecordedAnew
      ? [{ what: 'an apply that ended since changed what is recorded of it', where: address }]
      : [];
  });
  if (moved.length > 0) throw stale(plan, moved);
}

function fingerprintNow(address: Address, observed: Observed): string {
  if (address.startsWith('vault://')) {
    const vault = observed.vaults[homeOf(address)];
    if (vault === undefined || vault.status === 'unknown') return 'unknown';
    return vault.secrets[nameOf(address)]?.fingerprint ?? 'absent';
  }
  const platform = observed.platforms[homeOf(address)];
  if (platform === undefined || platform.status === 'unknown') return 'unknown';
  return platform.services[nameOf(address)]?.fingerprint ?? 'absent';
}

function describeMove(before: string, now: string): string {
  if (now === 'unknown') return 'could not be observed now';
  if (before === 'absent') return 'was absent when the plan was made, and is there now';
  return now === 'absent'
    ? 'was there when the plan was made, and is gone now'
    : 'changed since the plan was made';
}

function stale(plan: Plan, problems: readonly { what: string; where: string }[]): Fault {
  return new Fault({
    code: 'plan-stale',
    what: `the plan of ${plan.createdAt} is stale`,
    where: `stack ${plan.stack}`,
    live: 'nothing was changed by this run',
    next: 'make a new one: keyturn plan --out FILE',
    problems,
  });
}
