import { loaderOf } from '../ahead.ts';
import { randomUUID } from 'node:crypto';
import { assertFresh } from '../../execute/fresh.ts';
import type { SecretAddress } from '../../model/address.ts';
import { isSecretAddress } from '../../model/address.ts';
import { digestOf } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import { Fault, asFault } from '../../model/fault.ts';
import type { Plan } from '../../model/plan.ts';
import { isEmpty } from '../../model/plan.ts';
import { makeRollbackPlan } from '../../plan/rollback.ts';
import { planJson } from '../../report/plan-json.ts';
import { renderPlan } from '../../report/plan-text.ts';
import { actorOf } from '../actor.ts';
import { leaveRefusal } from '../refusals.ts';
import { resolveAddresses } from '../address.ts';
import { ask, refuseTalkativeDebug, requireApprover } from '../approve.ts';
import { openWorld } from '../connect.ts';
import { openEventLog } from '../event-log.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { Run } from '../lease.ts';
import { underLease } from '../lease.ts';
import type { PerformArgs, Stage } from '../perform.ts';
import { perform, refused } from '../perform.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { requireLasting } from '../records.ts';
import type { Session } from '../session.ts';
import { lookAgain, openSession } from '../session.ts';
import type { GeneralArgs } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';

export interface RollbackArgs extends GeneralArgs, WritesArgs, PerformArgs {
  readonly address: string;
  readonly autoApprove: boolean;
}

/** Returns the group that was promoted with a secret to its prior version, after asking. */
export async function run(argv: RollbackArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  refuseTalkativeDebug(process.env);
  requireApprover(terminal, argv.autoApprove, 'rollback');
  const interrupt = watchInterrupts(terminal);
  const stacks = await readDeclared(
    { directory: argv.directory, stack: [] },
    terminal,
    interrupt.signal,
    await loaderOf(argv),
  );
  const { declared, address } = findSecret(argv.address, stacks);
  requireLasting(argv, declared, process.env);
  const actor = await actorOf(process.env, argv.directory);
  const events = openEventLog(undefined, terminal);
  const world = await openWorld(argv, [declared], 'applier', terminal);
  const run: Run = { id: randomUUID(), actor, purpose: 'rollback' };
  const stage: Stage = { argv, run, events, terminal, interrupt };
  try {
    const session = await openSession(world, declared, interrupt.signal);
    if ((await session.record.interrupted()) !== null) throw unfinished(declared.stack);
    const plan = planBack(session, address, argv.reason ?? null);
    if (terminal.json) terminal.printJson({ type: 'planned', plan: planJson(plan) }, 'stream');
    else terminal.print(renderPlan(plan, terminal.page));
    if (isEmpty(plan)) return EXIT.done;
    if (!argv.autoApprove && !(await ask(terminal, interrupt.signal))) {
      terminal.print('\nRollback cancelled.');
      return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
    }
    const claiming = { ...stage, signal: interrupt.signal, gate: world.gate };
    return await underLease(session.record, claiming, async (held) => {
      const fresh = await lookAgain(session, interrupt.signal);
      assertFresh(plan, fresh.observed, fresh.recorded);
      return perform(fresh, held, { plan, digest: digestOf(plan), values: new Map() }, stage);
    });
  } catch (thrown) {
    const fault = asFault(thrown);
    const { reason = null, ticket = null } = argv;
    const attempt = { actor, tried: `rollback of ${address}`, planDigest: null, reason, ticket };
    await leaveRefusal(fault, declared, attempt, argv, terminal);
    return refused(fault, declared.stack, false, terminal);
  } finally {
    await world.close();
    interrupt.stop();
  }
}

/** What is half-done must be ended first: until then nobody knows what there is to go back from. */
function unfinished(stack: string): Fault {
  return new Fault({
    code: 'unfinished',
    what: 'an earlier apply did not end',
    where: `stack ${stack}`,
    live: 'what it did stands in its journal: keyturn plan shows it',
    next: 'run keyturn apply: it takes that one back first; then roll back what is left to roll back',
  });
}

function planBack(session: Session, address: SecretAddress, reason: string | null): Plan {
  const { declared, observed, recorded } = session;
  return makeRollbackPlan({ declared, observed, recorded, now: now(), address, reason });
}

/** A consumer goes back with the secrets it reads: any of them names the group. */
function findSecret(
  written: string,
  stacks: readonly Declared[],
): { readonly declared: Declared; readonly address: SecretAddress } {
  const [found] = resolveAddresses([written], stacks);
  for (const declared of stacks) {
    const mounts = declared.consumers.find(({ address }) => address === found)?.mounts ?? [];
    const address = found !== undefined && isSecretAddress(found) ? found : mounts[0]?.secret;
    if (address !== undefined && declared.secrets.some((secret) => secret.address === address)) {
      return { declared, address };
    }
  }
  throw new Fault({
    code: 'bad-usage',
    what: `"${written}" mounts no secret of these stacks`,
    where: 'command line',
    live: 'nothing was changed',
    next: 'name a secret',
  });
}
