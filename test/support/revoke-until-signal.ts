import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { CONTEXT } from './hook-context.ts';

/* Runs its arguments as a program that revokes, and ends at SIGTERM as keyturn does at the second Ctrl-C. */
const argv = process.argv.slice(2);
process.once('SIGTERM', () => process.exit(11));
const hooks = connectHooks({ environment: process.env });
await hooks.revoke({ kind: 'command', argv, timeout: 'PT10M' }, new SecretValue('any'), CONTEXT);
