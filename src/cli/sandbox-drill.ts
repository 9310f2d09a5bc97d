import { digestOf } from '../model/canonical.ts';
import { NO_OPTIONS } from '../plan/view.ts';
import type { World } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { underLease } from './lease.ts';
import type { Stage } from './perform.ts';
import { perform, resumeInterrupted } from './perform.ts';
import type { Session } from './session.ts';
import { lookAgain, planOf } from './session.ts';
import { remark } from './terminal.ts';

/**
 * A drill needs something to rotate: in a sandbox in which this stack was never applied, its first versions are made
 * before. Anywhere else, and in an empty sandbox, nothing is done. Returns the session as it is then.
 */
export async function furnish(session: Session, world: World, stage: Stage): Promise<Session> {
  const { declared, recorded, record } = session;
  const isFresh = Object.values(recorded.secrets).every(({ current }) => current === null);
  if (world.sandbox === null || world.argv.sandboxEmpty === true || !isFresh) return session;
  const { terminal, interrupt } = stage;
  remark(
    terminal,
    `${declared.stack} was never applied in this sandbox: its first versions are made before the drill`,
  );
  const quiet: Stage = {
    ...stage,
    argv: { ...stage.argv, noNotify: true },
    terminal: { ...terminal, print: () => {}, printJson: () => {} },
    events: { show: () => {}, close: () => {} },
  };
  const claiming = { ...stage, signal: interrupt.signal, gate: world.gate };
  const code = await underLease(record, claiming, async (held) => {
    const resumed = await resumeInterrupted(session, held, quiet);
    const found = resumed === null ? session : await lookAgain(session, interrupt.signal);
    const { plan, placeholders } = planOf(found, world, NO_OPTIONS);
    return perform(found, held, { plan, digest: digestOf(plan), values: placeholders }, quiet);
  });
  if (code !== EXIT.done) remark(terminal, `that ended with exit code ${code}: see keyturn plan --sandbox`);
  return lookAgain(session, interrupt.signal);
}
