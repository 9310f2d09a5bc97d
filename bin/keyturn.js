#!/usr/bin/env node
// Plain JavaScript, so that a Node that is too old gets a sentence and not a stack trace.
// A clone has src/ and runs it through jiti, without a build; the published package holds only dist/.
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error: keyturn needs Node 20.19 or newer, and this is Node ${process.versions.node}`);
  process.exit(1);
}
module.enableCompileCache?.();

const source = new URL('../src/cli/main.ts', import.meta.url);
const { main } = existsSync(source) ? await fromSource() : await import('../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));

async function fromSource() {
  const { createJiti } = await import('jiti');
  // Of our own: jiti's default may be a folder under /tmp, which other users of the machine can write to.
  const fsCache = fileURLToPath(new URL('../node_modules/.cache/keyturn', import.meta.url));
  return createJiti(import.meta.url, { fsCache }).import(fileURLToPath(source));
}
