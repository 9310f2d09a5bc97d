// Preloaded into what is measured: leaves behind what the process used, and what the children used that it waited for.
// They inherit nothing of this.
import { readFileSync, writeFileSync } from 'node:fs';

/** In hundredths of a second, by the kernel; null where there is no Linux. */
function childrenMs() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return null;
  }
}

const path = process.env.BENCH_USAGE;
delete process.env.BENCH_USAGE;
if (path !== undefined)
  process.on('exit', () => {
    const used = { ...process.resourceUsage(), childrenMs: childrenMs() };
    writeFileSync(path, JSON.stringify(used));
  });
