import { conduct } from './conduct.ts';
import { drawCase } from './script.ts';
import { realNow } from './timeline.ts';

export async function main(argv: string[]): Promise<number> {
  await import('@azure/keyvault-secrets');
  await import('dockerode');
  const from = Number(argv[0] ?? 1);
  const to = Number(argv[1] ?? from);
  const began = realNow();
  let failed = 0;
  const totals = { applies: 0, crashes: 0, requests: 0, files: 0 };
  const kinds = new Map<string, number>();
  for (let seed = from; seed <= to; seed += 1) {
    const t0 = realNow();
    if (process.env.V) process.stdout.write(`${seed} `);
    const outcome = await conduct(drawCase(seed));
    if (process.env.V) process.stdout.write(`${realNow() - t0}ms `);
    for (const [key, count] of Object.entries(outcome.counts)) totals[key as keyof typeof totals] += count;
    if (argv[2] === 'trace') console.log(outcome.trace.join('\n'));
    for (const { kind } of outcome.troubles) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (outcome.violations.length > 0) {
      failed += 1;
      console.log(`seed ${seed}: ${outcome.violations.map(({ invariant, text }) => `${invariant} ${text}`).join('\n    ').slice(0, 700)}`);
    }
  }
  const ms = realNow() - began;
  console.log({ failed, ms, each: ms / (to - from + 1), cpu: process.cpuUsage().user / 1000 / (to - from + 1), ...totals });
  console.log([...kinds].map(([k, n]) => `${k} ${n}`).join(', '));
  return failed > 0 ? 1 : 0;
}
