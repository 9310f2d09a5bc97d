#!/usr/bin/env node
// Starts the program through jiti, as bin/keyturn.js does.
import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';

const fsCache = fileURLToPath(new URL('../../node_modules/.cache/keyturn', import.meta.url));
const entry = fileURLToPath(new URL('./program.ts', import.meta.url));
const { main } = await createJiti(import.meta.url, { fsCache }).import(entry);
process.exitCode = await main(process.argv.slice(2));
