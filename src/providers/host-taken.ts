import { Fault } from '../model/fault.ts';
import type { FlipChange } from '../model/plan.ts';
import { SecretValue } from '../model/secret-value.ts';
import type { Marker } from './host-marker.ts';
import type { HostRoom } from './host-room.ts';
import type { FileSight } from './host-sight.ts';
import type { FileText } from './host-write.ts';

/**
 * The variables of a file whose values from before keyturn are in no vault, after `changes`. Those of them that are
 * taken over now are kept in memory, so that this apply can go back to them; their names stand in the marker, so that
 * another one knows that it cannot.
 */
export function takenAfter(
  { before: kept }: HostRoom,
  { file, versions, marker }: FileSight,
  { variables }: FileText,
  changes: readonly FlipChange[],
): Marker['taken'] {
  const taken = new Set(marker?.taken);
  for (const { target, from, to } of changes) {
    const value = variables.get(target);
    if (to === null || from !== null) taken.delete(target);
    else if (value !== undefined && !versions.has(target)) {
      taken.add(target);
      kept.set(`${file.path} ${target}`, new SecretValue(value));
    }
  }
  return taken;
}

/**
 * What a variable goes back to from its first version: null, which takes its line away, where there was none before;
 * undefined, which leaves it alone, where somebody wrote something else there since. Throws where its value from before
 * is known to nobody any more: without it what reads the file would not even start as it did. `ours`: the value that
 * keyturn wrote there.
 */
export async function before(
  { before: kept, where }: HostRoom,
  { file, marker, isEdited }: FileSight,
  { variables }: FileText,
  { target, from }: FlipChange,
  ours: () => Promise<string | null>,
): Promise<string | null | undefined> {
  if (marker?.taken.has(target) !== true) return null;
  const value = kept.get(`${file.path} ${target}`);
  if (value !== undefined) return value.reveal();
  // Who wrote another line has said nothing of this one.
  if (isEdited && variables.get(target) !== (await ours())) return undefined;
  throw new Fault({
    code: 'file-refused',
    what: `the value that "${target}" had before keyturn is known to nobody any more: the apply that took it over was ended before it could go back`,
    where,
    live: `"${file.path}" holds ${from?.copy ?? 'a version'} there`,
    next: `write its old value, or any other that it can do with, into that line by hand; then run keyturn apply`,
  });
}
