import type { z } from 'zod';
import { Fault } from '../model/fault.ts';

/**
 * Reads one of our files: JSON, of a format that this keyturn knows, of the right shape. All problems are
 * listed at once; nothing is changed. `next` says what to do when it is broken.
 */
export function parseFormat<T>(
  text: string,
  where: string,
  format: number,
  schema: z.ZodType<T>,
  next: string,
): T {
  const json = parseJson(text, where, next);
  const found = typeof json === 'object' && json !== null && 'format' in json ? json.format : undefined;
  if (typeof found === 'number' && found > format) {
    throw new Fault({
      code: 'newer-format',
      what: `written in format ${found}, this keyturn reads up to format ${format}`,
      where,
      live: 'nothing was changed',
      next: 'use the keyturn version that wrote it, or a newer one',
    });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new Fault({
    code: 'bad-file',
    what: 'not what keyturn writes there',
    where,
    live: 'nothing was changed',
    next,
    problems: result.error.issues.slice(0, 20).map((issue) => ({
      what: issue.message,
      where: issue.path.map(String).join('.') || '(the whole file)',
    })),
  });
}

function parseJson(text: string, where: string, next: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    const reason = text === '' ? 'is empty' : 'is no JSON';
    throw new Fault({
      code: 'bad-file',
      what: `the file ${reason}`,
      where,
      live: 'nothing was changed',
      next,
      cause: thrown,
    });
  }
}
