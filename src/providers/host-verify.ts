import { Fault } from '../model/fault.ts';
import type { Evidence, VerifyOrder } from '../model/platform.ts';
import { isSilence } from './host-faults.ts';
import { judge, NOTHING_SEEN } from './host-judge.ts';
import type { Memory, Verdict } from './host-judge.ts';
import type { ProbeRoom } from './host-probe.ts';
import { runProbe } from './host-probe.ts';
import { lookAt } from './host-room.ts';
import type { FileSight } from './host-sight.ts';

const POLL_MS = 400;
/** A host may be restarted in the middle, and its sshd with it. */
const PATIENCE_MS = 90_000;

/** The contract is Platform.verify's, for what reads a file of variables. */
export async function verify(
  room: ProbeRoom,
  order: VerifyOrder,
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<Evidence> {
  const { clock } = room;
  const { file } = order;
  if (file === undefined) throw new TypeError('[unexpected] a verification on a host without its file');
  const began = clock.ticks();
  const deadline = began + order.deadlineMs;
  let memory: Memory = NOTHING_SEEN;
  let silentFrom: number | null = null;
  let said = '';
  for (;;) {
    let silence: unknown;
    const sight = await lookAt(room, file, signal).catch((error: unknown) => {
      if (!isSilence(error) || signal?.aborted === true) throw error;
      silence = error;
      return null;
    });
    if (sight === null) {
      silentFrom ??= clock.ticks();
      // What could not be seen is neither good nor failed; only the stability starts anew.
      if (clock.ticks() - silentFrom >= PATIENCE_MS) throw silence;
      memory = { ...memory, steady: null };
      await clock.sleep(POLL_MS * 3, signal);
      continue;
    }
    silentFrom = null;
    const result = judge(sight, order, clock.ticks(), memory);
    memory = result.memory;
    const { verdict } = result;
    if (verdict.kind === 'failed') throw refused(verdict, sight, room.where);
    if (verdict.kind === 'good') {
      const line = await runProbe(room, order, deadline, signal);
      return {
        tasks: verdict.tasks,
        elapsedMs: Math.round(clock.ticks() - began),
        updateState: null,
        staleOnDownNodes: 0,
        probe: [line, verdict.seen].filter(Boolean).join('; ') || null,
      };
    }
    if (clock.ticks() >= deadline) throw tooLate(verdict.why, order, sight, room.where);
    if (verdict.why !== said) progress(verdict.why);
    said = verdict.why;
    await clock.sleep(POLL_MS, signal);
  }
}

function refused(verdict: Verdict & { kind: 'failed' }, sight: FileSight, where: string): Fault {
  const { what, problems } = verdict;
  return new Fault({ code: 'verify-failed', what, where, next: whatToSee(sight), problems });
}

function tooLate(why: string, { service, deadlineMs }: VerifyOrder, sight: FileSight, where: string): Fault {
  return new Fault({
    code: 'verify-failed',
    what: `what reads "${service}" is not well after ${Math.round(deadlineMs / 1_000)} s: ${why}`,
    where,
    next: `${whatToSee(sight)}; declare a longer deadline if it only needs time`,
  });
}

function whatToSee({ runs }: FileSight): string {
  const places = runs.map(({ restart, name }) =>
    restart.kind === 'systemd-unit' ? `journalctl -u ${name}` : `docker compose logs ${name}`,
  );
  return places.length === 0 ? 'see what reads the file' : `see on the host: ${places.join('; ')}`;
}
