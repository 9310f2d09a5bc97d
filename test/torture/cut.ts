/**
 * What goes wrong inside of a script, at one of the programs that it runs, counted from 1.
 *
 *     killed      the machine, or the system, ends it there: SIGKILL
 *     hung up     the connection breaks and it is told to end: SIGTERM
 *     failed      this one program fails
 *     refused     as much, for want of a right
 *     no room     from there on nothing more can be written
 */
export interface Cut {
  readonly at: number;
  readonly how: 'killed' | 'hung up' | 'failed' | 'refused' | 'no room';
  /** It did its work before that; of what it writes, only a part. */
  readonly isBehind: boolean;
}

/** Programs that the provider's scripts run: in a script they are functions that count, and call them. */
const PROGRAMS = 'mv cat chmod chown sync cp stat touch readlink wc systemctl docker'.split(' ');
const WRITERS = new Set(['cat', 'cp']);

/**
 * Stands before a script. What the script runs is what it would run without it, but for the one that the cut is
 * about. `steps`: a file that counts them, for the functions run in shells of their own.
 */
export function cutting({ at, how, isBehind }: Cut, steps: string): string {
  const isDeadly = how === 'killed' || how === 'hung up';
  const end = how === 'killed' ? 'kill -KILL 0' : 'kill -TERM 0';
  const words = {
    'failed': 'Input/output error',
    'refused': 'Permission denied',
    'no room': 'No space left on device',
  };
  const complaint = isDeadly ? '' : words[how];
  const strikes = how === 'no room' ? '-ge' : '-eq';
  return [
    `kt_strikes() {`,
    `  read -r kt_n <'${steps}'; kt_n=$((kt_n + 1)); echo "$kt_n" >|'${steps}'`,
    `  [ "$kt_n" ${strikes} ${at} ]`,
    `}`,
    ...PROGRAMS.map((program) => {
      if (how === 'no room' && !WRITERS.has(program))
        return `${program}() { kt_strikes; command ${program} "$@"; }`;
      // A part of it is there, as after a write that came to its end nowhere.
      const part = program === 'cat' ? 'command head -c 9' : ':';
      const before = isDeadly && isBehind && program !== 'cat' ? `command ${program} "$@"` : part;
      const deed = isDeadly ? end : `echo "${program}: ${complaint}" >&2; return 1`;
      return `${program}() { if kt_strikes; then ${before}; ${deed}; else command ${program} "$@"; fi; }`;
    }),
    '',
  ].join('\n');
}
