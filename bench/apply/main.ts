/**
 * What `apply` takes beside what it cannot do without: the part of `npm run bench` about it, alone.
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
import { measureApplies } from './measure.ts';

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
const rounds = Number(values.rounds);
try {
  const results = await measureApplies({
    mints: Number(values.mints),
    secrets: Number(values.secrets),
    services: Number(values.services),
    live: Number(values.live),
    rounds,
    built,
    host: process.env['KEYTURN_LIVE_DOCKER_HOST'],
    say: (line) => console.log(line),
  });
  const out = resolve(values.out);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify({ node: process.version, rounds, ...results }, null, 2)}\n`);
} finally {
  await rm(built, { recursive: true, force: true });
}
