import { setFlagsFromString } from 'node:v8';
import { main } from './program.ts';

// What a request leaves behind is garbage at once: more room for the young of it.
setFlagsFromString('--max-semi-space-size=64');
setFlagsFromString('--min-semi-space-size=32');

process.exitCode = await main(process.argv.slice(2));
