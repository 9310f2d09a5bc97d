#!/usr/bin/env node
// Starts the program through jiti, as bin/keyturn.js does.
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { createJiti } from 'jiti';

// What a request leaves behind is garbage at once: more room for the young of it.
setFlagsFromString('--max-semi-space-size=64');
setFlagsFromString('--min-semi-space-size=32');

const fsCache = fileURLToPath(new URL('../../node_modules/.cache/keyturn', import.meta.url));
const entry = fileURLToPath(new URL('./program.ts', import.meta.url));
const { main } = await createJiti(import.meta.url, { fsCache }).import(entry);
process.exitCode = await main(process.argv.slice(2));
