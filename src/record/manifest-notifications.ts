import { z } from 'zod';
import type { DeclaredNotification } from '../model/declared.ts';
import { NOTICE_KINDS } from '../model/declared.ts';

/*
 * The shape of who is told what happens. What may stand in it is asked of the rules of a synth
 * (model/notification-rules.ts) once the shape is right.
 */

const variable = z.strictObject({ env: z.string() });
const url = z.union([variable, z.strictObject({ text: z.string() })]);
const everybody = { name: z.string(), path: z.string(), events: z.array(z.enum(NOTICE_KINDS)).min(1) };

export const notificationSchema: z.ZodType<DeclaredNotification> = z.discriminatedUnion('kind', [
  z.strictObject({ ...everybody, kind: z.literal('slack'), url }),
  z.strictObject({ ...everybody, kind: z.literal('webhook'), url, signedWith: variable.nullable() }),
  z.strictObject({
    ...everybody,
    kind: z.literal('github-issue'),
    repository: z.string(),
    token: variable,
    labels: z.array(z.string()),
    api: z.string(),
  }),
]);
