// Preloaded into what is measured: leaves behind what the process used. Children of it inherit nothing.
import { writeFileSync } from 'node:fs';

const path = process.env.BENCH_USAGE;
delete process.env.BENCH_USAGE;
if (path !== undefined)
  process.on('exit', () => writeFileSync(path, JSON.stringify(process.resourceUsage())));
