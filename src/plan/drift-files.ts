import { homeOf, nameOf } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { ObservedFile } from '../model/observed.ts';
import type { Drift } from './mends.ts';
import { applyTo } from './mends.ts';
import type { View } from './view.ts';

/** Anybody at all. */
const OTHERS = 0o007;

/**
 * What drifted of a file of variables beside what its marker names: that it is gone, that somebody else wrote it, and
 * what was to read it and did not.
 */
export function fileDrift(consumer: DeclaredConsumer, file: ObservedFile, view: View): Drift[] {
  const recorded = view.recordOfConsumer(consumer.address);
  if (recorded === undefined) return [];
  if (!file.isThere) return [gone(consumer)];
  return [
    ...(file.isEdited ? [edited(consumer, view)] : []),
    ...open(consumer, file),
    ...file.down.map((name) => down(consumer, name)),
    // What somebody wrote since is theirs to have read.
    ...(file.isEdited ? [] : file.stale.map((name) => stale(consumer, name))),
  ];
}

function gone(consumer: DeclaredConsumer): Drift {
  const { address, service } = consumer;
  const text = `${placeText(consumer)} is gone: what reads it fails when it next starts`;
  return { rule: 'missing', level: 'error', address, subject: service, text, next: applyTo(address) };
}

/** Values are never compared: who wrote the file last may have changed its other lines only. */
function edited(consumer: DeclaredConsumer, view: View): Drift {
  const { address, service, mounts } = consumer;
  const names = mounts.map(({ target }) => target).join(', ');
  const text = `somebody else wrote ${placeText(consumer)} since keyturn did: whether ${names} ${mounts.length === 1 ? 'is' : 'are'} as before cannot be seen`;
  const secret = mounts.map((mount) => view.secret(mount.secret)).find((each) => each !== undefined);
  const next =
    secret === undefined
      ? 'nothing: the next apply that writes it writes these anew'
      : `nothing, if other lines were changed; else \`keyturn apply --rotate ${secret.address}\` writes it anew`;
  return { rule: 'edited', level: 'note', address, subject: service, text, next };
}

function open(consumer: DeclaredConsumer, { mode }: ObservedFile): Drift[] {
  if (mode === null || (mode & OTHERS) === 0) return [];
  const { address, service } = consumer;
  const text = `${placeText(consumer)} holds secrets and has mode ${mode.toString(8).padStart(4, '0')}: everybody there has a right to it`;
  const next = `chmod o= ${service} on ${homeOf(address)}`;
  return [{ rule: 'edited', level: 'warning', address, subject: service, text, next }];
}

function down(consumer: DeclaredConsumer, name: string): Drift {
  const { address, platform } = consumer;
  const text = `${name}, which reads ${nameOf(address)}, does not run on ${platform}`;
  const next = `look at why on ${platform}, then start it`;
  return { rule: 'missing', level: 'error', address, subject: name, text, next };
}

function stale(consumer: DeclaredConsumer, name: string): Drift {
  const { address, platform } = consumer;
  const text = `${name} on ${platform} runs since before ${nameOf(address)} was last written, with what it held then`;
  const next = `restart ${name} on ${platform}`;
  return { rule: 'stuck', level: 'warning', address, subject: name, text, next };
}

function placeText({ service, platform }: DeclaredConsumer): string {
  return `${service} on ${platform}`;
}
