import { declare, secret, service } from '../support/world.ts';
import { Ordeal } from './ordeal.ts';
import { realNow } from './timeline.ts';

export async function main(argv: string[]): Promise<number> {
  await import('@azure/keyvault-secrets'); await import('dockerode');
  for (let n = 0; n < Number(argv[0] ?? 3); n++) {
    const c0 = process.cpuUsage(); const t = realNow();
    const declared = declare([secret('a', { soak: 'PT2H' }), secret('b')], [service('api', ['a', 'b']), service('web', ['a'])]);
    const o = await Ordeal.open({ seed: 1, declared, deployed: ['api', 'web'], replicas: 2, slowestMs: Number(argv[1] ?? 0), operations: [], troubles: [] });
    const order = { due: false, lenient: false, rotate: [] as string[], bad: {}, hasValues: true };
    const t1 = realNow(); 
    const f1 = await o.drive(o.run({ kind: 'apply', order }, { host: 'h' }));
    const t2 = realNow();
    const f2 = await o.drive(o.run({ kind: 'apply', order: { ...order, rotate: ['a'] } }, { host: 'h' }));
    const t3 = realNow();
    const f3 = await o.drive(o.run({ kind: 'apply', order }, { host: 'h' }));
    const t4 = realNow();
    await o.close();
    const t5 = realNow(); const c = process.cpuUsage(c0); console.log('cpu', (c.user+c.system)/1000);
    if (n === 0) console.log(o.trace.join('\n'));
    const text = o.trace.join('\n'); let h = 0; for (const c of text) h = (h * 31 + c.charCodeAt(0)) | 0;
    console.log(f1.kind, f2.kind, f3.kind, { open: t1 - t, first: t2 - t1, second: t3 - t2, third: t4 - t3, close: t5 - t4 }, o.counts, h, o.timeline.ticks);
  }
  return 0;
}
