import { sep } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';

const MAX_LINES = 20;
/** `TypeError: …`, `Error [ERR_MODULE_NOT_FOUND]: …` at the start of a line, as node prints what nobody caught. */
const THROWN = /^(?:Uncaught )?([A-Z]\w*(?:Error|Exception)|Error)(?: \[\w+\])?:/;
/** cdktf's own validation errors: `[busflow/vault] message`. */
const VALIDATION = /^\s*\[([^\]]+)\] (.+)$/;
/** A frame whose path is relative: one of the project, after its folder was taken out. */
const FRAME = /^\s+at (?:.*\()?([^/()\s][^()\s]*):(\d+):\d+\)?$/;

/**
 * What a failed app said, as a fault: the error's message, the nearest line of the project that it came from, and
 * cdktf's own validation errors one by one. Paths are relative to the project; frames of packages are left out.
 */
export function appFault(
  run: { readonly status: number | string; readonly said: string },
  directory: string,
): Fault {
  const here = directory.endsWith(sep) ? directory : directory + sep;
  const lines = stripVTControlCharacters(run.said)
    .replaceAll('file://', '')
    .replaceAll(here, '')
    .split(/\r?\n/);
  const start = lines.findIndex((line) => THROWN.test(line));
  const tail =
    start < 0 ? lines.filter((line) => line.trim() !== '').slice(0, MAX_LINES) : lines.slice(start);
  const end = tail.findIndex((line) => /^\s+at /.test(line) || line.startsWith('Node.js v'));
  const [first = '', ...more] = (end < 0 ? tail : tail.slice(0, end)).slice(0, MAX_LINES);
  const where = projectFrame(tail) ?? 'cdktf.json, app';
  const rest = more.filter((line) => line.trim() !== '');
  const validations = rest.filter((line) => VALIDATION.test(line));
  const problems = (validations.length === 0 ? rest : validations).map((line) => asProblem(line, where));
  return new Fault({
    code: 'synth-failed',
    what:
      first === ''
        ? `the app ended with ${run.status} and said nothing`
        : start < 0
          ? `the app ended with ${run.status}: ${first.trim()}`
          : `the app threw ${first.trim()}`,
    where,
    live: 'nothing was changed',
    next: 'run the app command of cdktf.json by itself to see all that it prints',
    problems,
  });
}

/** `stacks/busflow.ts:14`: the first frame whose file is in the project and not in a package. */
function projectFrame(lines: readonly string[]): string | null {
  for (const line of lines) {
    const [, file = '', at = ''] = FRAME.exec(line) ?? [];
    if (file !== '' && !file.startsWith('node:') && !file.includes('node_modules')) return `${file}:${at}`;
  }
  return null;
}

function asProblem(line: string, where: string): Problem {
  const [, path, message] = VALIDATION.exec(line) ?? [];
  return path === undefined || message === undefined
    ? { what: line.trim(), where }
    : { what: message, where: path };
}
