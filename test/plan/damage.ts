import { copyName } from '../../src/model/address.ts';
import type { DeclaredConsumer, DeclaredSecret } from '../../src/model/declared.ts';
import { referenceTo } from '../../src/model/host.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { PLATFORM, VAULT } from './declare.ts';
import type { Situation } from './situations.ts';

/** What may go wrong before the plan that is looked at. */
export type Damage =
  | {
      readonly kind: ServiceDamage;
      readonly which: number;
    }
  | {
      readonly kind: 'deleted' | 'foreign version' | 'taken name' | 'held' | 'disabled';
      readonly which: number;
    }
  | { readonly kind: 'lost answer' | 'lost answer, disabled'; readonly which: number }
  | { readonly kind: 'unknown vault' | 'unknown platform' };

type ServiceDamage =
  'put back' | 'foreign reader' | 'busy' | 'paused' | 'job' | 'gone' | 'lost node' | 'homeless';

/** Breaks something of the world or of the record; gives the record. */
export function hurt({ declared, world, recorded, now }: Situation, broken: Damage): Recorded {
  switch (broken.kind) {
    case 'lost answer':
    case 'lost answer, disabled':
      return recorded;
    case 'unknown vault':
      world.unknown.add(VAULT);
      return recorded;
    case 'unknown platform':
      world.unknown.add(PLATFORM);
      return recorded;
    case 'deleted':
    case 'foreign version':
    case 'taken name':
    case 'held':
    case 'disabled': {
      const victim = declared.secrets[broken.which];
      return victim === undefined
        ? recorded
        : hurtSecret(victim, { declared, world, recorded, now }, broken.kind);
    }
    default: {
      const victim = declared.consumers[broken.which];
      if (victim !== undefined) hurtService(victim, { world, recorded }, broken.kind);
      return recorded;
    }
  }
}

function hurtSecret(
  victim: DeclaredSecret,
  { declared, world, recorded, now }: Omit<Situation, 'options'>,
  kind: 'deleted' | 'foreign version' | 'taken name' | 'held' | 'disabled',
): Recorded {
  const record = recorded.secrets[victim.address];
  if (kind === 'deleted') world.vaults.get(victim.vault)?.delete(victim.name);
  if (kind === 'foreign version') world.write(victim.address, {});
  const newest = world.storeOf(victim.address).at(-1);
  if (kind === 'disabled' && newest !== undefined) newest.enabled = false;
  if (kind === 'taken name') {
    for (const { platform, mounts } of declared.consumers) {
      for (const { base, secret: mounted } of mounts) {
        if (mounted !== victim.address) continue;
        const name = copyName(base, (record?.current ?? 0) + 1);
        if (world.copies.get(platform)?.has(name) !== true) world.deliver(platform, name, {});
      }
    }
  }
  if (kind !== 'held' || record === undefined) return recorded;
  const held = {
    since: now,
    reason: 'it did not start',
    cause: { kind: 'first' as const },
    declaration: 'other',
  };
  return { ...recorded, secrets: { ...recorded.secrets, [victim.address]: { ...record, held } } };
}

function hurtService(
  { platform, service: name, mounts }: DeclaredConsumer,
  { world, recorded }: Pick<Situation, 'world' | 'recorded'>,
  kind: ServiceDamage,
): void {
  const seen = world.services.get(platform)?.get(name);
  if (seen === undefined) return;
  // A host has neither updates, nor nodes, nor files that nobody declares and that keyturn could see.
  if (world.hosts.has(platform) && kind !== 'put back' && kind !== 'gone') return;
  if (kind === 'busy') seen.updateState = 'updating';
  if (kind === 'paused') seen.updateState = 'paused';
  if (kind === 'job') seen.mode = 'job';
  if (kind === 'lost node') seen.lost = seen.references.map(({ copyId }) => copyId);
  if (kind === 'homeless') seen.homeless = 'no suitable node';
  if (kind === 'gone') world.services.get(platform)?.delete(name);
  if (kind !== 'put back' && kind !== 'foreign reader') return;
  for (const { secret: mounted, target } of mounts) {
    const versions = recorded.secrets[mounted]?.versions ?? [];
    const older = versions.flatMap(({ role, copies }) =>
      role === 'prior' || role === 'retired' ? copies : [],
    );
    // A file goes back to an older version by hand as well: its marker names it then.
    const names = world.hosts.has(platform)
      ? versions.filter(({ role }) => role === 'prior').map(({ ordinal }) => referenceTo(mounted, ordinal))
      : [];
    const there = older.filter((one) => one.platform === platform).map(({ name }) => name);
    for (const name of [...there, ...names]) {
      const reference = world.reference(platform, target, name);
      if (kind === 'foreign reader') world.service(platform, 'stranger').references.push(reference);
      else seen.references = seen.references.map((one) => (one.target === target ? reference : one));
    }
  }
}
