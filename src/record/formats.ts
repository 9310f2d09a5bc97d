import { setImmediate as turn } from 'node:timers/promises';
import type { z } from 'zod';
import { Fault } from '../model/fault.ts';

/** One of our files, as it is to be read. */
export interface Format<T> {
  readonly text: string;
  /** What messages call it. */
  readonly where: string;
  /** The newest format that this keyturn knows. */
  readonly format: number;
  readonly schema: z.ZodType<T>;
  /** What to do when it is broken. */
  readonly next: string;
}

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
  const file = { text, where, format, schema, next };
  return checked(jsonIn(file), file);
}

/** So many entries are checked at once: about a millisecond, within which no answer waits that somebody wants. */
const AT_ONCE = 100;

/**
 * The same, with the same faults, in turns with whatever else this process has to do: checking 10,000 secrets takes as
 * long as thirty requests. `parts` are the records that make the file large. What is no JSON, or of a newer format, throws
 * here; what it is, or what is wrong with it, is told by what is returned.
 */
export function parseFormatInTurns<T extends object>(
  file: Omit<Format<T>, 'schema'> & { readonly schema: z.ZodType<T> & z.ZodObject },
  parts: readonly (keyof T & string)[],
): { readonly json: unknown; readonly check: () => Promise<T> } {
  const json = jsonIn(file);
  return { json, check: () => checkedInTurns(json, file, parts) };
}

async function checkedInTurns<T extends object>(
  json: unknown,
  file: Omit<Format<T>, 'schema' | 'text'> & { readonly schema: z.ZodType<T> & z.ZodObject },
  parts: readonly (keyof T & string)[],
): Promise<T> {
  const taken: Record<string, object> = {};
  for (const part of parts) {
    const schema = file.schema.shape[part] as z.ZodType<object>;
    const entries = entriesIn(json, part);
    const good: object = {};
    for (let at = 0; at < entries.length; at += AT_ONCE) {
      const result = schema.safeParse(Object.fromEntries(entries.slice(at, at + AT_ONCE)));
      // What is wrong is said of the whole file, all at once.
      if (!result.success) return checked(json, file);
      Object.assign(good, result.data);
      await turn();
    }
    if (entries.length > 0) taken[part] = good;
  }
  if (Object.keys(taken).length === 0) return checked(json, file);
  const emptied = Object.fromEntries(Object.keys(taken).map((part) => [part, {}]));
  return { ...checked({ ...(json as object), ...emptied }, file), ...taken };
}

function entriesIn(json: unknown, part: string): [string, unknown][] {
  if (typeof json !== 'object' || json === null) return [];
  const value = (json as Readonly<Record<string, unknown>>)[part];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function jsonIn({ text, where, format, next }: Omit<Format<unknown>, 'schema'>): unknown {
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
  return json;
}

function checked<T>(json: unknown, { where, schema, next }: Omit<Format<T>, 'text' | 'format'>): T {
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
