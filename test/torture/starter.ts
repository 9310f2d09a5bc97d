import { fileURLToPath } from 'node:url';

const JITI = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Arguments of node that run this program, without its own. */
export const PROGRAM: readonly string[] = [JITI, MAIN];
