import type { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { turn } from '../model/turn.ts';

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

/** So many entries are checked at once: about half a millisecond, for which an answer that somebody wants may wait. */
const AT_ONCE = 60;

/** A file whose format is known, and whose large parts are not checked yet. */
export interface Opened<T> {
  readonly json: unknown;
  /** It without its large parts, which are empty here. Throws as `check` does. */
  readonly head: () => T;
  /** All of it. Throws what is wrong with it, all at once. */
  readonly check: () => Promise<T>;
}

/**
 * The same, with the same faults, in turns with whatever else this process has to do: checking 10,000 secrets takes as
 * long as thirty requests. `parts` are the records or lists that make the file large. What is no JSON, or of a newer
 * format, throws here; what it is, or what is wrong with it, is told by what is returned.
 */
export function parseFormatInTurns<T extends object>(
  file: Omit<Format<T>, 'schema'> & { readonly schema: z.ZodType<T> & z.ZodObject },
  parts: readonly (keyof T & string)[],
): Opened<T> {
  const json = jsonIn(file);
  const { where, schema, next } = file;
  const rest = { where, schema, next };
  return { json, head: () => headOf(json, rest, parts), check: () => checkedInTurns(json, rest, parts) };
}

type Rest<T> = Omit<Format<T>, 'schema' | 'text' | 'format'> & {
  readonly schema: z.ZodType<T> & z.ZodObject;
};

function headOf<T extends object>(json: unknown, file: Rest<T>, parts: readonly (keyof T & string)[]): T {
  const emptied = parts.flatMap((part): [string, object][] => {
    const whole = partOf(json, part);
    return whole === null ? [] : [[part, Array.isArray(whole) ? [] : {}]];
  });
  const head = file.schema.safeParse({ ...(json as object), ...Object.fromEntries(emptied) });
  // What is wrong is said of the whole file, all at once.
  return head.success ? head.data : checked(json, file);
}

async function checkedInTurns<T extends object>(
  json: unknown,
  file: Rest<T>,
  parts: readonly (keyof T & string)[],
): Promise<T> {
  const taken: Record<string, object> = {};
  for (const part of parts) {
    const whole = partOf(json, part);
    if (whole === null) continue;
    const good = await partInTurns(whole, file.schema.shape[part] as z.ZodType<object>);
    if (good === null) return checked(json, file);
    taken[part] = good;
  }
  return { ...headOf(json, file, parts), ...taken };
}

/** Null: something is wrong with it. */
async function partInTurns(whole: object, schema: z.ZodType<object>): Promise<object | null> {
  const good: object = Array.isArray(whole) ? [] : {};
  for (const some of piecesOf(whole)) {
    const result = schema.safeParse(some);
    if (!result.success) return null;
    if (Array.isArray(good)) good.push(...(result.data as unknown[]));
    else Object.assign(good, result.data);
    await turn();
  }
  return good;
}

function* piecesOf(whole: object): Generator<object> {
  const entries = Array.isArray(whole) ? (whole as unknown[]) : Object.entries(whole);
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    const some = entries.slice(at, at + AT_ONCE);
    yield Array.isArray(whole) ? some : Object.fromEntries(some as [string, unknown][]);
  }
}

function partOf(json: unknown, part: string): object | null {
  if (typeof json !== 'object' || json === null) return null;
  const value = (json as Readonly<Record<string, unknown>>)[part];
  return typeof value === 'object' ? value : null;
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
