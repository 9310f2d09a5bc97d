import type { SecretAddress } from '../model/address.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
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
