/**
 * Identity is physical: a secret is vault + name, a consumer is platform + name. Construct paths are display
 * names only, so moving or renaming a construct changes no address.
 */
export type SecretAddress = `vault://${string}/${string}`;
export type ConsumerAddress = `swarm://${string}/${string}` | `host://${string}/${string}`;
export type Address = SecretAddress | ConsumerAddress;

/** Our own version number of a secret: 1, 2, 3, …; it only counts up and is never reused. */
export type Ordinal = number;

/** An RFC 3339 instant in UTC and whole seconds, so that order of text is order of time: `2026-11-22T03:00:00Z`. */
export type Instant = string;

/** An ISO-8601 duration, for instance `PT72H` or `P90D`. */
export type IsoDuration = string;

export function secretAddress(vault: string, name: string): SecretAddress {
  return `vault://${vault}/${name}`;
}

/** A service of a swarm by its name, or a file on a host by its absolute path: `host://web-1/etc/tracker/web.env`. */
export function consumerAddress(platform: string, service: string): ConsumerAddress {
  return service.startsWith('/')
    ? (`host://${platform}${service}` as `host://${string}/${string}`)
    : `swarm://${platform}/${service}`;
}

export function isSecretAddress(text: string): text is SecretAddress {
  return /^vault:\/\/[^/]+\/[^/]+$/.test(text);
}

export function isConsumerAddress(text: string): text is ConsumerAddress {
  return /^(swarm:\/\/[^/]+\/[^/]+|host:\/\/[^/]+\/.+)$/.test(text);
}

/** Whether it is a file on a host, which has no copies of its own. */
export function isOnHost(address: string): boolean {
  return address.startsWith('host://');
}

/** The part after the vault's or platform's name: `db-writer` of `vault://busflow-prod/db-writer`; of a file its path. */
export function nameOf(address: Address): string {
  const slash = endOfHome(address);
  return address.slice(isOnHost(address) ? slash : slash + 1);
}

/** How a sentence calls it: by its name, and a file with its host, which tells it from the same file elsewhere. */
export function spoken(address: Address): string {
  return isOnHost(address) ? `${nameOf(address)} on ${homeOf(address)}` : nameOf(address);
}

/** The vault's or platform's name: `busflow-prod` of `vault://busflow-prod/db-writer`. */
export function homeOf(address: Address): string {
  return address.slice(address.indexOf('//') + 2, endOfHome(address));
}

function endOfHome(address: Address): number {
  return address.indexOf('/', address.indexOf('//') + 2);
}

/** The platform's name of one version of a secret: `busflow_db_writer_v4`. */
export function copyName(base: string, ordinal: Ordinal): string {
  return `${base}_v${ordinal}`;
}

/** `busflow_db_writer_v4` as its base and its ordinal; null where a name does not end in an ordinal. */
export function splitCopyName(name: string): { readonly base: string; readonly ordinal: Ordinal } | null {
  const [, base, digits] = /^(.+)_v([1-9][0-9]{0,8})$/s.exec(name) ?? [];
  return base === undefined ? null : { base, ordinal: Number(digits) };
}

/** The ordinal in a copy's name, or null where `name` is not `base` with `_v` and a number behind it. */
export function ordinalOfCopy(base: string, name: string): Ordinal | null {
  if (!name.startsWith(`${base}_v`)) return null;
  const digits = name.slice(base.length + 2);
  return /^[1-9][0-9]{0,8}$/.test(digits) ? Number(digits) : null;
}
