import type { SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { Emergency } from '../model/emergency.ts';
import type { Plan } from '../model/plan.ts';

/**
 * Refuses values that `plan` does not write (null: no plan of this run), with its reason for each that is blocked:
 * who hands a value in must not be told that the apply is complete while the value went nowhere.
 */
export function refuseUnused(unused: readonly SecretAddress[], plan: Plan | null): void {
  const problems = unused.map((address) => problemOf(address, plan));
  const [first] = problems;
  if (first === undefined) return;
  const isOne = problems.length === 1;
  throw new Fault({
    code: 'bad-usage',
    what: isOne ? first.what : `${problems.length} values would not be used`,
    where: isOne ? first.where : '--value',
    live: 'nothing was changed',
    next: (isOne ? first.next : undefined) ?? 'drop --value for these',
    ...(isOne ? {} : { problems }),
  });
}

function problemOf(address: SecretAddress, plan: Plan | null): Problem {
  const blocked = plan?.blocked.find((each) => each.address === address);
  if (blocked === undefined && plan?.emergency !== undefined) return beyondEmergency(address, plan.emergency);
  return blocked === undefined
    ? {
        what: 'the value would not be used: the plan to be applied does not rotate this secret',
        where: address,
        next: 'drop its --value or a --target that leaves it out; a saved plan must have been made with --rotate',
      }
    : {
        what: `the value would not be used: ${blocked.text}`,
        where: address,
        next: blocked.next ?? 'drop its --value',
      };
}

/** One value an incident: that it was rotated for this one already is what makes going on with it safe. */
function beyondEmergency(address: SecretAddress, { radius, incident }: Emergency): Problem {
  const member = radius.find(({ secret }) => secret === address);
  const unused = 'the value would not be used';
  if (member === undefined) {
    const what = `${unused}: ${nameOf(address)} is not within the blast radius`;
    return { what, where: address, next: `drop its --value, or name ${nameOf(address)} beside the others` };
  }
  if (member.left !== null) {
    const what = `${unused}: this plan leaves ${nameOf(address)} as it is`;
    return { what, where: address, next: 'drop its --value, or take it along: leave --only out' };
  }
  const what = `${unused}: ${nameOf(address)} got v${member.current ?? '?'} for ${incident} already, or takes the version that a person put into the vault`;
  return { what, where: address, next: 'drop its --value; for one more new version name another incident' };
}
