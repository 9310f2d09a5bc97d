import { referenceTo } from '../model/host.ts';
import type { FlipStep, MintStep, Step } from '../model/plan.ts';
import type { Work } from './work.ts';

/** A file that was written, or may have been, and has no way back. */
export function isForGood(step: Step): step is FlipStep {
  return step.kind === 'flip' && step.write !== undefined && step.inverse === null;
}

/**
 * Whether a version is named by a file on a host, or by whoever named it before this apply began, also once all steps that
 * were begun are undone: then it must stay enabled. Of a service that was flipped nothing is said: Swarm itself keeps the
 * copy, and with it the version.
 */
export async function isStillNamed(mint: MintStep, begun: readonly Step[], work: Work): Promise<boolean> {
  const { secret, ordinal, namedBy = [] } = mint;
  const flips = begun.filter((step) => step.kind === 'flip');
  const isNamedIn = ({ changes }: FlipStep): boolean =>
    changes.some((change) => change.secret === secret && change.to?.ordinal === ordinal);
  if (flips.some((flip) => isForGood(flip) && isNamedIn(flip))) return true;
  for (const consumer of namedBy) {
    const flip = flips.find((each) => each.consumer === consumer);
    if (flip === undefined) return true;
    if (flip.write === undefined) continue;
    const isBack = flip.inverse?.kind === 'flip' && isNamedIn(flip.inverse);
    if (isBack || (await isNamedBeside(flip, mint, work))) return true;
  }
  return false;
}

/** In a variable of the same file that the flip does not change, because it is no longer declared; or nobody can look. */
async function isNamedBeside(flip: FlipStep, { secret, ordinal }: MintStep, work: Work): Promise<boolean> {
  work.forgetLook(flip.platform);
  const seen = await work.look(flip.platform).catch(() => null);
  if (seen === null) return true;
  const changed = new Set(flip.changes.map(({ target }) => target));
  const references = seen.services[flip.service]?.references ?? [];
  const name = referenceTo(secret, ordinal);
  return references.some(({ target, copyName }) => copyName === name && !changed.has(target));
}
