import type { Embedded } from './embedded.ts';
import { rotateEmbedded } from './embedded.ts';
import type { Live } from './live.ts';
import { rotateLive } from './live.ts';
import type { Throttled } from './throttled.ts';
import { mintThrottled } from './throttled.ts';

/** How much of each part; 0 leaves it out. */
export interface ApplyOptions {
  readonly mints: number;
  readonly secrets: number;
  readonly services: number;
  readonly live: number;
  readonly rounds: number;
  /** The package as it is published. */
  readonly built: string;
  /** An engine with the image of the live tests; undefined: there is none. */
  readonly host: string | undefined;
  /** Told a line as soon as a part is measured. */
  readonly say: (line: string) => void;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const times = (ms: number, by: number): string => (ms / by).toFixed(2);

/** What was measured; a part that was left out is absent. */
export interface Applied {
  readonly throttled?: Throttled;
  readonly embedded?: Embedded;
  readonly live?: Live;
}

export async function measureApplies(options: ApplyOptions): Promise<Applied> {
  const mints = options.mints > 0 ? await throttled(options) : null;
  const rotated = options.secrets > 0 ? await embedded(options) : null;
  const flipped = await live(options);
  return {
    ...(mints === null ? {} : { throttled: mints }),
    ...(rotated === null ? {} : { embedded: rotated }),
    ...(flipped === null ? {} : { live: flipped }),
  };
}

async function throttled({ mints, built, say }: ApplyOptions): Promise<Throttled> {
  const found = await mintThrottled(mints, built);
  const { spanMs, allowedMs, refused, wallMs } = found;
  say(
    `${mints} mints under Key Vault's limits: ${seconds(spanMs)} from first to last write, ${times(spanMs, allowedMs)} x the ${seconds(allowedMs)} that the limits allow, ${refused} answers of 429, ${seconds(wallMs)} in all`,
  );
  return found;
}

async function embedded({ secrets, services, rounds, built, say }: ApplyOptions): Promise<Embedded> {
  const found = await rotateEmbedded({ secrets, services }, rounds, built);
  say(
    `${secrets} secrets over ${services} embedded services: ${seconds(found.allMs)}, ${times(found.allMs, found.oneMs)} x the ${seconds(found.oneMs)} of one; CPU ${seconds(found.cpuMs)}, requests ${JSON.stringify(found.counts)}`,
  );
  const { TaskList: polls, lists } = looksIn(found.counts);
  const one = looksIn(found.oneCounts);
  say(
    `the looks at the swarm: ${lists} lists, ${polls} of them of tasks, for ${services} services; ${one.lists}, ${one.TaskList} of them of tasks, for one`,
  );
  return found;
}

function looksIn(counts: Readonly<Record<string, number>>): {
  readonly TaskList: number;
  readonly lists: number;
} {
  const of = (list: string): number => counts[`swarm ${list}`] ?? 0;
  return { TaskList: of('TaskList'), lists: of('ServiceList') + of('TaskList') + of('NodeList') };
}

async function live({ live: services, host, rounds, built, say }: ApplyOptions): Promise<Live | null> {
  if (services === 0) return null;
  if (host === undefined) {
    say('live services: not measured, KEYTURN_LIVE_DOCKER_HOST names no engine');
    return null;
  }
  const found = await rotateLive(services, host, rounds, built);
  const { wallMs, flipsMs, bareMs, loopMs } = found;
  say(
    `${services} live services: apply ${seconds(wallMs)}, from its first flip to its last verification ${seconds(flipsMs)}; a bare client ${seconds(bareMs)} (${times(wallMs, bareMs)} x, ${times(flipsMs, bareMs)} x); the runbook's loop ${seconds(loopMs)} (${times(loopMs, wallMs)} x as long)`,
  );
  return found;
}
