import { nameOf } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import type { Step } from '../../src/model/plan.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import { recordedVersion } from '../../src/model/recorded.ts';
import type { AdminView } from './admin-view.ts';
import type { Tried } from './sources.ts';
import type { ByHand, Violation } from './violation.ts';

/**
 * The end of a version is written down: without a refusal that this very apply was told by the source nothing is
 * retired that declares a probe, and what could not be shown before the disable stays enabled and is tried again.
 */
export function checkDeath(
  line: JournalLine,
  admin: AdminView,
  tried: readonly Tried[],
  byHand: ByHand,
  declared: Declared,
): Violation[] {
  if (line.type !== 'outcome') return [];
  const lines = admin.journal('written');
  const [begin] = lines;
  const step = lines.findLast((each) => each.type === 'intent' && each.step.id === line.step);
  if (begin?.type !== 'begin' || step?.type !== 'intent' || !isEnd(step.step)) return [];
  const { secret, ordinal, kind } = step.step;
  const version = recordedVersion(admin.recorded(line)?.secrets[secret], ordinal);
  const name = `${nameOf(secret)} v${ordinal}`;
  if (version === null) return [];
  const values = valuesOf(secret, version, admin);
  if (line.result.status === 'done') {
    const isTried = begin.plan.steps.some(
      (each) => each.kind === 'prove' && each.secret === secret && each.ordinal === ordinal,
    );
    const isWanted = declared.secrets.find(({ address }) => address === secret)?.refused !== undefined;
    if (version.role !== 'retired' || kind === 'revoke' || !(isTried || isWanted)) return [];
    // A proof of before counts where the plan could not try again, because the vault had it disabled already.
    const isRefused = tried.some(
      ({ apply, value, verdict, isHeard }) =>
        (apply === begin.apply || !isTried) && values.has(value) && verdict === 'refused' && isHeard,
    );
    return isRefused
      ? []
      : [{ invariant: 'proof', text: `${name} is retired, and its source told nobody of a refusal` }];
  }
  if (begin.plan.kind === 'compromise' || kind === 'retire') return [];
  const isEnabled = [...values].every(
    (value) => admin.enabledValues().has(value) || byHand.disabled.has(value),
  );
  const isKept = version.role === 'retiring' && version.unproved !== undefined && isEnabled;
  return isKept
    ? []
    : [{ invariant: 'proof', text: `${name} could not be proved dead, and is not kept for another try` }];
}

type End = Extract<Step, { kind: 'revoke' | 'prove' | 'retire' }>;

function isEnd(step: Step): step is End {
  return step.kind === 'revoke' || step.kind === 'prove' || step.kind === 'retire';
}

function valuesOf(secret: string, { storeIds }: RecordedVersion, admin: AdminView): Set<string> {
  const versions = admin.versions(secret.slice(secret.lastIndexOf('/') + 1));
  return new Set(versions.filter(({ id }) => storeIds.includes(id)).map(({ value }) => value));
}
