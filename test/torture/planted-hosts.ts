import type { Case } from './case.ts';
import type { Plant } from './plant.ts';
import type { Climate } from './weather.ts';

const MARKED = "\nmarked '";
const RENAME = '\n\nunmoved\nsaid';
const WRITTEN = '\necho "written';

/** Each is looked for in cases that all have files on a host. */
export const HOST_PLANTS: readonly Plant[] = [
  {
    bug: 'a marker speaks of the new file alone before that is there',
    breaks: ['I6', 'I3'],
    script: (script) => {
      const [during, rename, after, end] = [MARKED, RENAME, MARKED, WRITTEN].reduce<number[]>(
        (places, text) => [...places, script.indexOf(text, (places.at(-1) ?? 0) + 1)],
        [],
      );
      if (end === undefined || end === -1) return script;
      return `${script.slice(0, during)}${script.slice(after, end)}${script.slice(rename)}`;
    },
    tilt: (given) => weathered(given, { kind: 'one', at: 'run', event: 1, what: 'cut short' }),
    hosts: true,
  },
  {
    bug: 'a file is written in place',
    breaks: ['I7', 'I3', 'I6'],
    script: (script) =>
      script.replace('said=$(mv -f -- "$temp" "$real" 2>&1)', 'said=$(cat "$temp" 2>&1 >"$real")'),
    tilt: (given) => weathered(given, { kind: 'one', at: 'run', event: 1, what: 'cut short' }),
    hosts: true,
  },
  {
    bug: 'a write does not look whether the file is the one that was read',
    breaks: ['I3', 'I6', 'I12'],
    script: (script) => script.replaceAll(/^unmoved$/gm, ''),
    tilt: (given) => weathered(given, { kind: 'one', at: 'run', event: 1, what: 'killed, carried out late' }),
    hosts: true,
  },
  {
    bug: 'a way back writes the file and restarts nothing',
    breaks: ['I3', 'I5', 'I6'],
    platform: (platform) =>
      platform.kind === 'swarm'
        ? platform
        : {
            ...platform,
            flip: ({ write, ...order }, signal) => {
              const file = write === undefined ? undefined : { ...write.file, restarts: [] };
              const less = write === undefined || file === undefined ? {} : { write: { ...write, file } };
              return platform.flip(
                order.undo ? { ...order, ...less } : { ...order, ...(write && { write }) },
                signal,
              );
            },
            verify: async (order, progress, signal) => {
              const evidence = {
                tasks: 0,
                elapsedMs: 0,
                updateState: null,
                staleOnDownNodes: 0,
                probe: null,
              };
              return platform.verify(order, progress, signal).catch(() => evidence);
            },
          },
    hosts: true,
  },
];

function weathered(given: Case, climate: Climate): Case {
  return { ...given, operations: given.operations.map((operation) => ({ ...operation, climate })) };
}
