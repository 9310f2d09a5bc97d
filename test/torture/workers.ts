import { spawn } from 'node:child_process';
import { PROGRAM } from './starter.ts';
import type { Tally } from './tally.ts';
import { addTally, emptyTally } from './tally.ts';

/** Seeds that a child runs before the next one takes over: it keeps what died in its worlds. */
const SHARE = 250;

/** The same seeds in several processes at a time. Rejects where one of them ends in an error. */
export async function runWorkers(
  from: number,
  count: number,
  workers: number,
  further: readonly string[],
  print: (text: string) => void,
): Promise<Tally> {
  const tally = emptyTally();
  let next = from;
  const end = from + count;
  const work = async (): Promise<void> => {
    while (next < end) {
      const first = next;
      const share = Math.min(SHARE, Math.ceil(count / workers), end - first);
      next += share;
      const done = await runChild(first, share, further);
      addTally(tally, done);
      for (const { seed, violations } of done.failures) print(`seed ${seed}: ${violations.join('; ')}`);
      print(
        `${tally.seeds} of ${count} seeds, ${tally.counts.applies} applies, ${tally.failures.length} failed`,
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return tally;
}

function runChild(from: number, count: number, further: readonly string[]): Promise<Tally> {
  const args = [...PROGRAM, '--from', String(from), '--seeds', String(count), '--json', ...further];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      out += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 || code === 1) resolve(JSON.parse(out) as Tally);
      else reject(new Error(`the seeds from ${from} on ended with ${code ?? 'a signal'}`));
    });
  });
}
