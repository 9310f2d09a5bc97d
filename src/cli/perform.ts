import type { Executed } from '../execute/execute.ts';
import { execute, resume } from '../execute/execute.ts';
import type { HeldRecord } from '../record/held-record.ts';
import type { Outside } from '../execute/work.ts';
import type { SecretAddress } from '../model/address.ts';
import type { Listen } from '../model/event.ts';
import type { Actor, Identity } from '../model/journal.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { Plan } from '../model/plan.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { declarationDigest } from '../plan/timing.ts';
import { generateValue } from '../providers/sources.ts';
import { failuresOf } from '../report/annotations.ts';
import { renderApplyMarkdown } from '../report/apply-markdown.ts';
import { renderApplySummary } from '../report/apply-summary.ts';
import { makePaint } from '../report/paint.ts';
import type { EventLog } from './event-log.ts';
import type { ExitCode } from './exit-code.ts';
import { commitOf } from './git.ts';
import { EXIT, exitCodeOf, exitCodeOfOutcome, worst } from './exit-code.ts';
import { reportFault } from './failure.ts';
import type { GithubJob } from './github.ts';
import type { Interrupt } from './interrupt.ts';
import type { LeaseArgs, Run } from './lease.ts';
import type { NotifyArgs } from './notify.ts';
import { notifyOf } from './notify.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';
import { now, remark } from './terminal.ts';

export interface PerformArgs extends LeaseArgs, NotifyArgs {
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
  readonly parallelism: number;
  readonly events?: string | undefined;
  readonly directory: string;
}

export interface Stage {
  readonly argv: PerformArgs;
  readonly run: Run;
  readonly events: EventLog;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
  /** Absent or null: it is told nothing of it. */
  readonly job?: GithubJob | null;
}

export interface Approved {
  readonly plan: Plan;
  readonly digest: string;
  readonly values: ReadonlyMap<SecretAddress, SecretValue>;
}

/**
 * Executes an approved plan that is fresh, under the lease; shows what happens while it happens, and returns the
 * exit code.
 *
 * A fault before the first step is thrown: nothing has changed. One after it is reported here and is exit 11,
 * because what it left is then for a person to see.
 */
export async function perform(
  session: Session,
  held: HeldRecord,
  approved: Approved,
  stage: Stage,
): Promise<ExitCode> {
  const { argv, run, interrupt } = stage;
  const input = {
    plan: approved.plan,
    planDigest: approved.digest,
    outside: outsideOf(session, held, approved.values),
    signal: interrupt.signal,
    parallelism: argv.parallelism,
    apply: run.id,
    actor: actorIn(session, run.actor),
    commit: await commitOf(process.env, argv.directory),
    reason: argv.reason ?? null,
    ticket: argv.ticket ?? null,
    notify: await notifyOf(session, argv),
  };
  return watched(session, approved.plan, stage, (listen) => execute({ ...input, listen }, held));
}

/** Who applies, with whom the vaults took it for in front: they have checked that. */
function actorIn({ vaults }: Session, actor: Actor): Actor {
  const seen = [...vaults.values()].flatMap((vault) => vault.identities());
  const identities = [...seen, ...(actor.identities ?? [])];
  const isFirst = (each: Identity, index: number): boolean =>
    identities.findIndex(({ knownBy, name }) => knownBy === each.knownBy && name === each.name) === index;
  return { ...actor, identities: identities.filter(isFirst) };
}

/** How an apply that did not end was ended. */
export interface Resumed {
  readonly code: ExitCode;
  /** Something that it had begun was taken back. */
  readonly tookBack: boolean;
}

/**
 * Ends an apply that was interrupted, under the lease: records or takes back what it left half-done. Null where
 * there was none; a journal that lay there all the same, of an apply that is over, is then gone. The code is 0 where it
 * was only cut off, 10 where a step of it had failed and was taken back, 11 where that stopped and nothing new may begin.
 */
export async function resumeInterrupted(
  session: Session,
  held: HeldRecord,
  stage: Stage,
): Promise<Resumed | null> {
  const lines = await session.record.journal();
  if (lines === null) return null;
  const [begin] = lines;
  if (begin?.type !== 'begin') {
    await held.resume(now);
    return null;
  }
  remark(
    stage.terminal,
    `the apply of ${begin.at} by ${begin.actor.name} did not end; it is looked after first`,
  );
  const { argv } = stage;
  const input = {
    outside: outsideOf(session, held, new Map()),
    parallelism: argv.parallelism,
    notify: await notifyOf(session, argv),
  };
  let ended: Executed | null = null;
  const code = await watched(session, begin.plan, stage, async (listen) => {
    ended = await resume({ ...input, listen }, held);
    return ended;
  });
  return resumedAs(code, ended);
}

/** That the other run was cut off is nobody's failure: this one ends as its own work does. */
function resumedAs(code: ExitCode, ended: Executed | null): Resumed {
  const tookBack = ended?.outcome === 'rolled-back';
  const hasFailed = ended?.entry.steps.some(({ fault }) => fault !== null && fault.code !== 'interrupted');
  if (code === EXIT.stopped) return { code, tookBack };
  return { code: tookBack && hasFailed === true ? EXIT.rolledBack : EXIT.done, tookBack };
}

async function watched(
  { declared }: Session,
  plan: Plan,
  stage: Stage,
  act: (listen: Listen) => Promise<Executed | null>,
): Promise<ExitCode> {
  const { events, terminal, interrupt } = stage;
  let hasBegun = false;
  const listen: Listen = (event) => {
    if (event.type === 'step_start' && !hasBegun) {
      hasBegun = true;
      interrupt.begun();
    }
    events.show(event, plan);
  };
  try {
    const executed = await act(listen);
    if (executed === null) return EXIT.done;
    const { outcome, entry, recorded, unsealed } = executed;
    const manual = new Set(
      declared.secrets.filter(({ source }) => source.kind === 'manual').map(({ address }) => address),
    );
    if (!terminal.json)
      terminal.print(`\n${renderApplySummary({ ...terminal.page, plan, entry, recorded, manual })}`);
    if (stage.job) {
      const page = { paint: makePaint(false), width: 100, now: terminal.page.now };
      const printed = renderApplySummary({ ...page, plan, entry, recorded, manual });
      stage.job.summarize((room) => renderApplyMarkdown(declared.stack, entry, printed, room));
      stage.job.annotate(failuresOf(entry, declared));
    }
    // It is applied and recorded; what does not witness it is to be known all the same.
    for (const fault of unsealed) reportFault(terminal, new Fault(fault));
    return exitCodeOfOutcome(outcome);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (!hasBegun) throw fault;
    reportHalfway(fault, terminal);
    return EXIT.stopped;
  }
}

function outsideOf(
  session: Session,
  { fence }: HeldRecord,
  values: ReadonlyMap<SecretAddress, SecretValue>,
): Outside {
  const { declared, vaults, platforms, hooks } = session;
  return {
    vaults,
    platforms,
    values,
    generate: generateValue,
    hooks,
    fence,
    declarations: new Map(declared.secrets.map((secret) => [secret.address, declarationDigest(secret)])),
    now,
    ticks: () => performance.now(),
  };
}

function reportHalfway(fault: Fault, terminal: Terminal): void {
  const half = new Fault({
    ...fault.toJSON(),
    live: fault.live ?? 'some steps were done; the journal holds which, and what was under way',
    next: fault.next ?? 'run keyturn apply again: it looks at what is there and takes back what is half-done',
    cause: fault.cause ?? fault,
  });
  if (terminal.json)
    terminal.printJson({ type: 'error', exitCode: EXIT.stopped, error: half.toJSON() }, 'stream');
  reportFault(terminal, half);
}

/**
 * What a stack that could not be applied ends in: a line for a schedule that found the lease taken, else the
 * fault. `before` is what this run had come to until then.
 */
export function refused(
  fault: Fault,
  stack: string,
  isScheduled: boolean,
  terminal: Terminal,
  before: ExitCode = EXIT.done,
): ExitCode {
  if (fault.code === 'lease-held' && isScheduled) {
    if (terminal.json) terminal.printJson({ type: 'skipped', stack, reason: fault.toJSON() }, 'stream');
    else terminal.print(`${stack}: ${fault.message}; the next run looks again`);
    return EXIT.done;
  }
  const code = worst([before, exitCodeOf(fault.code)]);
  if (terminal.json)
    terminal.printJson({ type: 'error', stack, exitCode: code, error: fault.toJSON() }, 'stream');
  reportFault(terminal, fault);
  return code;
}
