import { dirname, isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url)) + sep;
const FRAME = /\(?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/;

/**
 * `stacks/busflow.ts:14`: the nearest caller outside this room and outside node_modules, relative to the folder
 * the app runs in. Null where there is none below that folder, so that no path of a machine is written down.
 */
export function callerPosition(): string | null {
  for (const frame of (new Error().stack ?? '').split('\n').slice(1)) {
    const [, place = '', line = ''] = FRAME.exec(frame) ?? [];
    if (place === '') continue;
    const file = place.startsWith('file://') ? fileURLToPath(place) : place;
    if (file.startsWith(HERE) || file.includes(`${sep}node_modules${sep}`)) continue;
    const inside = relative('', file);
    return inside.startsWith('..') || isAbsolute(inside) ? null : `${inside.split(sep).join('/')}:${line}`;
  }
  return null;
}
