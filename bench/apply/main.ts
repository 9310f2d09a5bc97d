/**
 * What `apply` takes beside what it cannot do without.
 *
 *     npm run bench:apply -- [--mints 1000] [--secrets 100] [--services 100] [--live 20] [--rounds 3] [--out FILE]
 *
 * So many first versions against an embedded vault that throttles as Key Vault does; a rotation of so many secrets over so
 * many embedded services beside one of a single service; and, where KEYTURN_LIVE_DOCKER_HOST names a swarm, so many
 * services of one task beside a bare client that updates them all at once, and beside the runbook's loop of `docker service
 * update`. `0` leaves a part out. Prints a line each and writes all as JSON, `bench/results/apply.json` unless said.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildInto } from '../../test/support/built.ts';
import { rotateEmbedded } from './embedded.ts';
import { rotateLive } from './live.ts';
import { mintThrottled } from './throttled.ts';

const { values } = parseArgs({
  options: {
    mints: { type: 'string', default: '1000' },
    secrets: { type: 'string', default: '100' },
    services: { type: 'string', default: '100' },
    live: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string', default: 'bench/results/apply.json' },
  },
});

const built = await realpath(await mkdtemp(join(tmpdir(), 'keyturn-built-')));
await buildInto(built);
const results: Record<string, object> = {};
const [mints, secrets, services] = [Number(values.mints), Number(values.secrets), Number(values.services)];
const [live, rounds, host] = [
  Number(values.live),
  Number(values.rounds),
  process.env['KEYTURN_LIVE_DOCKER_HOST'],
];
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
try {
  if (mints > 0) {
    const found = await mintThrottled(mints, built);
    results['throttled'] = found;
    const { spanMs, allowedMs, refused, wallMs } = found;
    console.log(
      `${mints} mints under Key Vault's limits: ${seconds(spanMs)} from first to last write, ${(spanMs / allowedMs).toFixed(2)} x the ${seconds(allowedMs)} that the limits allow, ${refused} answers of 429, ${seconds(wallMs)} in all`,
    );
  }
  if (secrets > 0) {
    const found = await rotateEmbedded({ secrets, services }, rounds, built);
    results['embedded'] = found;
    console.log(
      `${secrets} secrets over ${services} embedded services: ${seconds(found.allMs)}, ${(found.allMs / found.oneMs).toFixed(2)} x the ${seconds(found.oneMs)} of one; CPU ${seconds(found.cpuMs)}, requests ${JSON.stringify(found.counts)}`,
    );
  }
  if (live > 0 && host !== undefined) {
    const found = await rotateLive(live, host, built);
    results['live'] = found;
    const { wallMs, flipsMs, bareMs, loopMs } = found;
    console.log(
      `${live} live services: apply ${seconds(wallMs)}, from its first flip to its last verification ${seconds(flipsMs)}; a bare client ${seconds(bareMs)} (${(wallMs / bareMs).toFixed(2)} x, ${(flipsMs / bareMs).toFixed(2)} x); the runbook's loop ${seconds(loopMs)} (${(loopMs / wallMs).toFixed(1)} x as long)`,
    );
  }
  const out = resolve(values.out);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify({ node: process.version, rounds, ...results }, null, 2)}\n`);
} finally {
  await rm(built, { recursive: true, force: true });
}
