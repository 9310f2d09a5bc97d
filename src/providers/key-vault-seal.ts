import type { ObservedVersion } from '../model/observed.ts';
import type { Seal, SealWrite } from '../model/seal.ts';

/** Not keyturn-stack: this is a version of no stack's secret. */
const TAG_STACK = 'keyturn-sealed-stack';
const TAG_LINEAGE = 'keyturn-sealed-lineage';
const TAG_ENTRY = 'keyturn-sealed-entry';
const TAG_DIGEST = 'keyturn-sealed-digest';

/** A vault takes no version without a value. */
export const SEAL_VALUE = 'Not a secret: the tags of this version seal the history of a keyturn stack.';

/** What the vault's tags say; a PATCH replaces all tags of a version (reference of the vault's REST interface). */
export function sealTags({ stack, lineage, entry, digest }: SealWrite): Record<string, string> {
  return { [TAG_STACK]: stack, [TAG_LINEAGE]: lineage, [TAG_ENTRY]: String(entry), [TAG_DIGEST]: digest };
}

/**
 * The seal of each stack, by name. Where a first write was sent twice there are two versions of one stack: only the
 * later entry counts. What does not read as a seal is none.
 */
export function newestSeals(versions: readonly ObservedVersion[]): Seal[] {
  const newest = new Map<string, Seal>();
  for (const version of versions) {
    const seal = sealIn(version);
    if (seal !== null && seal.entry >= (newest.get(seal.stack)?.entry ?? 0)) newest.set(seal.stack, seal);
  }
  return [...newest.values()].sort((a, b) => (a.stack < b.stack ? -1 : 1));
}

/** The versions whose tags are of this stack, by id: more than one where a first write was sent twice. */
export function sealVersions(versions: readonly ObservedVersion[], stack: string): string[] {
  const own = versions.filter(({ tags }) => tags[TAG_STACK] === stack);
  return own.map(({ storeId }) => storeId).sort();
}

function sealIn({ tags, updated }: ObservedVersion): Seal | null {
  const [stack, lineage, entry, digest] = [
    tags[TAG_STACK],
    tags[TAG_LINEAGE],
    tags[TAG_ENTRY],
    tags[TAG_DIGEST],
  ];
  if (stack === undefined || lineage === undefined || digest === undefined) return null;
  if (!/^[1-9][0-9]{0,8}$/.test(entry ?? '') || !/^[0-9a-f]{64}$/.test(digest)) return null;
  const at = new Date(updated * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return { stack, lineage, entry: Number(entry), digest, at };
}
