import { z } from 'zod';

/*
 * The shapes of what a secret declares to be done outside. Their bounds are those of a synth: the reader of the
 * manifest asks the same rules (model/hook-rules.ts) once the shape is right.
 */

/** Zero or more, and of a fixed length: no years, no months. */
export const duration = z
  .string()
  .regex(
    /^P(?=\d|T\d)(\d{1,6}W)?(\d{1,6}D)?(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}(\.\d{1,3})?S)?)?$/,
    'no duration of a fixed length such as PT72H',
  );

const setting = z.union([z.strictObject({ text: z.string() }), z.strictObject({ env: z.string() })]);
const program = { kind: z.literal('command'), argv: z.array(z.string()).min(1), timeout: duration };
const refusal = { control: z.boolean(), timeout: duration };
const refused = z.discriminatedUnion('kind', [
  z.strictObject({
    ...refusal,
    kind: z.literal('http'),
    url: z.string(),
    method: z.enum(['GET', 'HEAD', 'POST']),
    header: z.string(),
    prefix: z.string(),
    refused: z.array(z.int()).min(1),
  }),
  z.strictObject({
    ...refusal,
    kind: z.literal('tcp'),
    host: z.string(),
    port: z.int().min(1).max(65_535),
    before: z.string(),
    after: z.string(),
    refused: z.string().min(1),
    accepted: z.string().min(1),
  }),
  z.strictObject({ ...refusal, ...program, refused: z.int().min(1).max(255) }),
]);
const effect = z.discriminatedUnion('kind', [
  z.strictObject({ ...program, name: z.string().min(1) }),
  z.strictObject({
    kind: z.literal('http'),
    name: z.string().min(1),
    timeout: duration,
    url: setting,
    method: z.enum(['POST', 'PUT', 'PATCH']),
    headers: z.record(z.string(), setting),
  }),
]);

/** Of a secret; each absent where it is not declared. */
export const outsideFields = {
  revoke: z.strictObject(program).exactOptional(),
  refused: refused.exactOptional(),
  onCompromise: z.array(effect).exactOptional(),
};
