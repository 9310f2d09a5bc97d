import { Fault } from '../model/fault.ts';
import type { Restart } from '../model/host.ts';
import type { Clock } from './host-clock.ts';
import { keepsMoving } from './host-faults.ts';
import { composeWords, engineOf } from './host-look-script.ts';
import { quoted, quotedAll } from './host-quoted.ts';
import { compose, logsOf, notRestarted } from './host-restart.ts';
import type { HostRoom } from './host-room.ts';
import { change, heard, lookAt } from './host-room.ts';
import type { FileSight, Process } from './host-sight.ts';
import { isFresh } from './host-sight.ts';
import { writeScale } from './host-write.ts';

type Compose = Extract<Restart, { kind: 'compose-service' }>;

const POLL_MS = 500;
/** A container without a health check counts as healthy once it ran this long. */
const STEADY_MS = 2_000;
const HEALTHY_MS = 300_000;

/**
 * Replaces a service's containers one at a time: one more is made, which reads the file of now, and once it is healthy
 * one of the old ones is stopped and removed. For a moment there is one more than usual, so that a service whose ports
 * are fixed numbers of the host cannot be rolled: the new container finds its port taken, is removed again, and nothing
 * else has changed. Ports belong to a proxy in front of it, or are ranges.
 *
 * How many there were stands in the marker meanwhile: whoever goes on after a crash ends with as many.
 */
export async function rollService(
  room: HostRoom,
  first: FileSight,
  at: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const service = first.runs[at]?.restart;
  if (service?.kind !== 'compose-service') return;
  const name = service.service;
  const wanted = first.marker?.scale.get(name) ?? running(first, at).length;
  const scaled = new Map([...(first.marker?.scale ?? []), [name, wanted]]);
  if (!(await writeScale(room, first, scaled, signal))) throw keepsMoving(first.file.path, room.where);
  for (;;) {
    const sight = await lookAt(room, first.file, signal);
    await removeAll(room, service, broken(sight, at), signal);
    const containers = running(sight, at);
    const old = containers.filter((container) => !isFresh(container, sight));
    const [next] = old;
    if (next === undefined && containers.length <= wanted) {
      const scale = new Map([...(sight.marker?.scale ?? [])].filter(([other]) => other !== name));
      if (await writeScale(room, sight, scale, signal)) return;
      continue;
    }
    const surplus = next ?? containers.at(-1);
    if (containers.length <= wanted) await addOne(room, sight, at, service, clock, signal);
    if (surplus !== undefined) await removeAll(room, service, [surplus], signal);
  }
}

function running(sight: FileSight, at: number): readonly Process[] {
  const gone = new Set(broken(sight, at));
  return (sight.runs[at]?.processes ?? []).filter((process) => !gone.has(process));
}

/** Of no use any more, or never was. An old one that is unhealthy serves until its turn comes. */
function broken(sight: FileSight, at: number): readonly Process[] {
  const processes = sight.runs[at]?.processes ?? [];
  return processes.filter((process) => process.hasEnded || (process.hasFailed && isFresh(process, sight)));
}

/** Holds afterwards: there is one container more, and it is healthy. Otherwise it is gone again, and throws. */
async function addOne(
  room: HostRoom,
  before: FileSight,
  at: number,
  service: Compose,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const known = new Set(running(before, at).map(({ id }) => id));
  const scale = `${service.service}=${known.size + 1}`;
  const up = ['up', '-d', '--no-deps', '--no-recreate', '--scale', scale, service.service];
  const answer = await compose(room, service, [...composeWords(service, room.place), ...up], signal);
  const until = clock.ticks() + HEALTHY_MS;
  let since: number | null = null;
  for (;;) {
    const sight = await lookAt(room, before.file, signal);
    const added = (sight.runs[at]?.processes ?? []).filter(({ id }) => !known.has(id));
    const bad = added.find(({ hasFailed }) => hasFailed);
    const isGood = added.length > 0 && added.every(({ trouble }) => trouble === null);
    since = isGood ? (since ?? clock.ticks()) : null;
    const needed = sight.runs[at]?.hasHealthCheck === true ? 0 : STEADY_MS;
    if (answer.code === 0 && since !== null && clock.ticks() - since >= needed) return;
    if (answer.code !== 0 || bad !== undefined || clock.ticks() >= until) {
      await removeAll(room, service, added, signal);
      const why =
        answer.code !== 0
          ? heard(room, answer.said)
          : bad === undefined
            ? `not healthy within ${HEALTHY_MS / 1_000} s`
            : `${bad.name} is ${bad.trouble}`;
      const what = `no further container of "${service.service}" came up beside the old ones: ${why}`;
      throw notRestarted(room, before.file.path, what, logsOf(service));
    }
    await clock.sleep(POLL_MS, signal);
  }
}

async function removeAll(
  room: HostRoom,
  service: Compose,
  containers: readonly Process[],
  signal?: AbortSignal,
): Promise<void> {
  for (const { id, name } of containers) {
    const engine = quoted(engineOf(service));
    const body = `${engine} stop ${quotedAll([id])} >/dev/null && ${engine} rm ${quotedAll([id])} >/dev/null`;
    const answer = await change(room, body, 120_000, signal);
    if (answer.code === 0) continue;
    throw new Fault({
      code: 'platform-refused',
      what: `container "${name}" was not removed: ${heard(room, answer.said)}`,
      where: room.where,
      live: 'it runs beside those that take its place',
      next: `remove it by hand on the host: ${engineOf(service)} rm -f ${name}`,
    });
  }
}
