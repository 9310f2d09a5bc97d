import type { SecretProperties } from '@azure/keyvault-secrets';
import type { Ordinal } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION, itemFingerprint } from '../model/observed.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { MAX_TAGS } from '../model/vault.ts';
import type { WriteAs } from '../model/vault.ts';
import { addressOf } from './key-vault-faults.ts';

/** The vault's limits; for the length of a tag its pages disagree (256, 512), so the smaller one holds. */
const MAX_TAG_LENGTH = 256;
const MAX_CONTENT_TYPE = 255;
const OUR_TAGS = [TAG_VERSION, TAG_OPERATION, TAG_STACK];

/** Throws before anything is sent where the vault would refuse the value. */
export function requireFit(vault: string, secret: string, value: SecretValue): void {
  const problem = value.problem();
  if (problem === null) return;
  throw new Fault({
    code: 'value-refused',
    what: problem === 'empty' ? 'the value is empty' : 'the value is larger than 25 KB',
    where: addressOf({ vault, secret }),
    next: 'give another value; nothing was written',
  });
}

/** The tags of a version that the vault will take. Throws before anything is sent. */
export function tagsOf(vault: string, secret: string, as: WriteAs): Record<string, string> {
  const where = addressOf({ vault, secret });
  const tags = {
    ...as.tags,
    ...(as.ordinal === null ? {} : { [TAG_VERSION]: String(as.ordinal) }),
    [TAG_OPERATION]: as.operation,
    [TAG_STACK]: as.stack,
  };
  const problems = [
    ...(/^[0-9a-zA-Z-]{1,127}$/.test(secret)
      ? []
      : [`the name "${secret}" is not 1 to 127 of 0-9 a-z A-Z -`]),
    ...OUR_TAGS.filter((tag) => tag in as.tags).map((tag) => `the tag "${tag}" is keyturn's own`),
    ...(Object.keys(tags).length > MAX_TAGS
      ? [`there are more than ${MAX_TAGS} tags, keyturn's included`]
      : []),
    ...Object.entries(tags)
      .filter(([key, text]) => key.length > MAX_TAG_LENGTH || text.length > MAX_TAG_LENGTH)
      .map(([key]) => `the tag "${key}" is longer than ${MAX_TAG_LENGTH} characters`),
    ...((as.contentType ?? '').length > MAX_CONTENT_TYPE
      ? ['the content type is longer than 255 characters']
      : []),
  ];
  if (problems.length === 0) return tags;
  throw new Fault({
    code: 'bad-declaration',
    what: problems.join('; '),
    where,
    next: 'correct the declaration; nothing was written',
    problems: problems.map((what) => ({ what, where })),
  });
}

/**
 * The tags of a version that someone else wrote, once it is ours: its own stay, which the vault took as they are.
 * Throws before anything is sent where it was disabled, or has no room for ours.
 */
export function tagsBeside(
  vault: string,
  secret: string,
  as: WriteAs,
  { storeId, enabled, tags: own }: ObservedVersion,
): Record<string, string> {
  const tags = { ...own, ...tagsOf(vault, secret, as) };
  if (enabled && Object.keys(tags).length <= MAX_TAGS) return tags;
  throw new Fault({
    code: 'vault-conflict',
    what: enabled
      ? `version "${storeId}" of secret "${secret}" has so many tags that keyturn's do not fit beside them`
      : `version "${storeId}" of secret "${secret}" was disabled meanwhile`,
    where: addressOf({ vault, secret }),
    live: 'nothing was changed for it',
    next: 'plan again',
  });
}

/** One item of the plain list: attributes and tags of the secret's newest version. */
export function observedSecret(properties: SecretProperties): ObservedSecret {
  const observed = observe(properties);
  return { name: properties.name, ...observed, fingerprint: itemFingerprint(observed), versions: null };
}

/** One item of a secret's list of versions. */
export function observedVersion(properties: SecretProperties): ObservedVersion {
  if (properties.version === undefined) throw new TypeError('[unexpected] a version without an id');
  return { storeId: properties.version, ...observe(properties) };
}

function observe(properties: SecretProperties): Omit<ObservedVersion, 'storeId'> {
  const tags = properties.tags ?? {};
  return {
    enabled: properties.enabled ?? true,
    created: seconds(properties.createdOn),
    updated: seconds(properties.updatedOn),
    tags,
    ordinal: parseOrdinal(tags[TAG_VERSION]),
    operation: tags[TAG_OPERATION] ?? null,
    stack: tags[TAG_STACK] ?? null,
  };
}

function seconds(date: Date | undefined): number {
  return date === undefined ? 0 : Math.floor(date.getTime() / 1000);
}

/** Strict, because anyone with the right to write can set a tag. */
function parseOrdinal(tag: string | undefined): Ordinal | null {
  return tag !== undefined && /^[1-9][0-9]{0,8}$/.test(tag) ? Number(tag) : null;
}
