import { randomBytes } from 'node:crypto';
import type { StoredSecret, StoredVersion } from './vault-file.ts';
import { loadSecrets, saveSecrets } from './vault-file.ts';
import { badParameter, refusal } from './vault-wire.ts';
import type { Answer, WrittenSecret } from './vault-wire.ts';

export interface VaultStoreOptions {
  readonly name: string;
  /** Null: the contents are gone when the server stops. */
  readonly directory: string | null;
  readonly clock: () => number;
  /** How long a delete, and a recover, is under way. */
  readonly deleteDelayMs: number;
}

const RETENTION_DAYS = 7;
const DAY_SECONDS = 86_400;
const PAGE = 25;

/**
 * What the vault holds and what it says about it. Every answer is as the wire has it; docs/SANDBOX-VAULT.md
 * numbers the behaviours. `base` is the address under which the client reached the server.
 */
export class VaultStore {
  readonly #options: VaultStoreOptions;
  /** By lower-case name: names differ in more than case. */
  readonly #secrets = new Map<string, StoredSecret>();
  /** All names in upper case, as listings are ordered; null: one came or went since. */
  #order: readonly string[] | null = null;

  /** Loads what the directory holds. Throws `bad-file` or `newer-format` and leaves the file as it is. */
  constructor(options: VaultStoreOptions) {
    this.#options = options;
    if (options.directory === null) return;
    for (const secret of loadSecrets(options.directory, options.name)) {
      this.#secrets.set(secret.name.toLowerCase(), secret);
    }
  }

  contents(): readonly StoredSecret[] {
    return [...this.#secrets.values()];
  }

  set(name: string, written: WrittenSecret, base: string): Answer {
    const found = this.#secrets.get(name.toLowerCase());
    const conflict = found === undefined ? null : this.#conflict(found);
    if (conflict !== null) return conflict;
    const now = this.#seconds();
    const version: StoredVersion = {
      ...written,
      value: written.value ?? '',
      enabled: written.enabled ?? true,
      id: randomBytes(16).toString('hex'),
      created: now,
      updated: now,
    };
    const secret: StoredSecret = {
      name: found?.name ?? name,
      versions: [...(found?.versions ?? []), version],
      state: 'live',
      readyAt: 0,
    };
    this.#keep(secret);
    const body = { value: version.value, ...bundle(secret, version, base) };
    return { status: 200, body, version: version.id };
  }

  get(name: string, id: string | null, base: string): Answer {
    const secret = this.#live(name);
    const version = secret === null ? undefined : versionOf(secret, id);
    if (secret === null || version === undefined) return notFound(name, id);
    if (!version.enabled) {
      return refusal(
        403,
        'Forbidden',
        'Operation get is not allowed on a disabled secret.',
        'SecretDisabled',
      );
    }
    return { status: 200, body: { value: version.value, ...bundle(secret, version, base) } };
  }

  /** Changes what `written` names; tags are replaced as a whole. Works on a disabled version too. */
  update(name: string, id: string | null, written: WrittenSecret, base: string): Answer {
    const secret = this.#live(name);
    const version = secret === null ? undefined : versionOf(secret, id);
    if (secret === null || version === undefined) return notFound(name, id);
    const changed: StoredVersion = {
      ...version,
      ...written,
      value: version.value,
      updated: this.#seconds(),
    };
    this.#keep({
      ...secret,
      versions: secret.versions.map((each) => (each.id === version.id ? changed : each)),
    });
    return { status: 200, body: bundle(secret, changed, base) };
  }

  /** One item a secret, with the attributes and tags of its newest version, ordered by name. */
  list(base: string, query: URLSearchParams): Answer {
    const itemOf = (key: string): object | null => {
      const secret = this.#live(key);
      const newest = secret?.versions.at(-1);
      if (secret === null || newest === undefined) return null;
      return { ...bundle(secret, newest, base), id: idOf(secret, base) };
    };
    return page(this.#names(), itemOf, `${base}/secrets`, query);
  }

  /** Ordered by version id, which says nothing of the time; empty for a name that does not exist. */
  listVersions(name: string, base: string, query: URLSearchParams): Answer {
    const secret = this.#live(name);
    const versions = new Map(
      secret?.versions.map((version) => [`${name.toUpperCase()}/${version.id.toUpperCase()}`, version]),
    );
    const itemOf = (key: string): object | null => {
      const version = versions.get(key);
      return secret === null || version === undefined ? null : bundle(secret, version, base);
    };
    return page([...versions.keys()].sort(), itemOf, `${base}/secrets/${name}/versions`, query);
  }

  /** Answers at once; the secret is deleted, and its name taken, after `deleteDelayMs`. */
  delete(name: string, base: string): Answer {
    const secret = this.#secrets.get(name.toLowerCase());
    if (secret === undefined) return notFound(name, null);
    const state = this.#stateOf(secret);
    if (state === 'deleted') return notFound(name, null);
    if (state !== 'live') return this.#conflict(secret) ?? notFound(name, null);
    const deleted: StoredSecret = {
      ...secret,
      state: 'being deleted',
      readyAt: this.#options.clock() + this.#options.deleteDelayMs,
    };
    this.#keep(deleted);
    return { status: 200, body: deletedBundle(deleted, base) };
  }

  getDeleted(name: string, base: string): Answer {
    const secret = this.#secrets.get(name.toLowerCase());
    if (secret === undefined || this.#stateOf(secret) !== 'deleted') return deletedNotFound(name);
    return { status: 200, body: deletedBundle(secret, base) };
  }

  listDeleted(base: string, query: URLSearchParams): Answer {
    const itemOf = (key: string): object | null => {
      const secret = this.#secrets.get(key.toLowerCase());
      if (secret === undefined || this.#stateOf(secret) !== 'deleted') return null;
      return { ...deletedBundle(secret, base), id: idOf(secret, base) };
    };
    return page(this.#names(), itemOf, `${base}/deletedsecrets`, query);
  }

  /** Answers at once, without a value; the secret is back after `deleteDelayMs`. */
  recover(name: string, base: string): Answer {
    const secret = this.#secrets.get(name.toLowerCase());
    if (secret === undefined || this.#stateOf(secret) === 'live') return deletedNotFound(name);
    const newest = secret.versions.at(-1);
    if (newest === undefined) return deletedNotFound(name);
    if (this.#stateOf(secret) !== 'deleted') return this.#conflict(secret) ?? deletedNotFound(name);
    this.#keep({
      ...secret,
      state: 'being recovered',
      readyAt: this.#options.clock() + this.#options.deleteDelayMs,
    });
    return { status: 200, body: bundle(secret, newest, base) };
  }

  purge(name: string): Answer {
    const secret = this.#secrets.get(name.toLowerCase());
    if (secret === undefined || this.#stateOf(secret) === 'live') return deletedNotFound(name);
    if (this.#stateOf(secret) !== 'deleted') return this.#conflict(secret) ?? deletedNotFound(name);
    this.#secrets.delete(name.toLowerCase());
    this.#order = null;
    this.#save();
    return { status: 204, body: null };
  }

  #names(): readonly string[] {
    this.#order ??= [...this.#secrets.keys()].map((name) => name.toUpperCase()).sort();
    return this.#order;
  }

  #live(name: string): StoredSecret | null {
    const secret = this.#secrets.get(name.toLowerCase());
    return secret !== undefined && this.#stateOf(secret) === 'live' ? secret : null;
  }

  #stateOf(secret: StoredSecret): StoredSecret['state'] | 'deleted' {
    if (secret.state === 'live' || this.#options.clock() < secret.readyAt) return secret.state;
    return secret.state === 'being deleted' ? 'deleted' : 'live';
  }

  /** Why the name cannot be set or deleted now, or null. */
  #conflict(secret: StoredSecret): Answer | null {
    switch (this.#stateOf(secret)) {
      case 'live':
        return null;
      case 'being deleted': {
        const message = `Secret ${secret.name} is currently being deleted.`;
        return refusal(409, 'Conflict', message, 'ObjectIsBeingDeleted');
      }
      case 'being recovered': {
        const message = `Secret ${secret.name} is currently being recovered.`;
        return refusal(409, 'Conflict', message, 'ObjectIsBeingRecovered');
      }
      case 'deleted':
        break;
    }
    const message =
      `Secret ${secret.name} is currently in a deleted but recoverable state, and its name cannot be reused; ` +
      'in this state, the secret can only be recovered or purged.';
    return refusal(409, 'Conflict', message, 'ObjectIsDeletedButRecoverable');
  }

  #seconds(): number {
    return Math.floor(this.#options.clock() / 1000);
  }

  #keep(secret: StoredSecret): void {
    if (!this.#secrets.has(secret.name.toLowerCase())) this.#order = null;
    this.#secrets.set(secret.name.toLowerCase(), secret);
    this.#save();
  }

  #save(): void {
    const { directory, name } = this.#options;
    if (directory !== null) saveSecrets(directory, name, [...this.#secrets.values()]);
  }
}

function versionOf(secret: StoredSecret, id: string | null): StoredVersion | undefined {
  if (id === null) return secret.versions.at(-1);
  return secret.versions.find((version) => version.id === id.toLowerCase());
}

function idOf(secret: StoredSecret, base: string): string {
  return `${base}/secrets/${secret.name}`;
}

/** A version as the wire shows it, without its value: that is added where the operation gives one. */
function bundle(secret: StoredSecret, version: StoredVersion, base: string): Record<string, unknown> {
  const { contentType, enabled, nbf, exp, created, updated, tags } = version;
  const recovery = { recoveryLevel: 'CustomizedRecoverable+Purgeable', recoverableDays: RETENTION_DAYS };
  return {
    ...(contentType === undefined ? {} : { contentType }),
    id: `${idOf(secret, base)}/${version.id}`,
    attributes: {
      enabled,
      ...(nbf === undefined ? {} : { nbf }),
      ...(exp === undefined ? {} : { exp }),
      created,
      updated,
      ...recovery,
    },
    ...(tags === undefined ? {} : { tags }),
  };
}

function deletedBundle(secret: StoredSecret, base: string): Record<string, unknown> {
  const newest = secret.versions.at(-1);
  const deletedDate = Math.floor(secret.readyAt / 1000);
  return {
    recoveryId: `${base}/deletedsecrets/${secret.name}`,
    deletedDate,
    scheduledPurgeDate: deletedDate + RETENTION_DAYS * DAY_SECONDS,
    ...(newest === undefined ? {} : bundle(secret, newest, base)),
  };
}

function notFound(name: string, id: string | null): Answer {
  const message =
    `A secret with (name/id) ${id === null ? name : `${name}/${id}`} was not found in this key vault. ` +
    'If you recently deleted this secret you may be able to recover it using the correct recovery command.';
  return refusal(404, 'SecretNotFound', message);
}

function deletedNotFound(name: string): Answer {
  return refusal(404, 'SecretNotFound', `Deleted Secret not found: ${name}`);
}

/**
 * One page of these keys, which are in order; those without an item are passed over. The skip token is the last key shown,
 * so a page holds whatever changes meanwhile.
 */
function page(
  keys: readonly string[],
  itemOf: (key: string) => object | null,
  url: string,
  query: URLSearchParams,
): Answer {
  const asked = query.get('maxresults');
  const size = asked === null ? PAGE : Number(asked);
  if (!Number.isInteger(size) || size < 1 || size > PAGE) return badParameter('maxresults must be 1 to 25');
  const after = Buffer.from(query.get('$skiptoken') ?? '', 'base64url').toString('utf8');
  const found: { readonly key: string; readonly item: object }[] = [];
  for (let at = firstBehind(keys, after); at < keys.length && found.length <= size; at += 1) {
    const key = keys[at] ?? '';
    const item = itemOf(key);
    if (item !== null) found.push({ key, item });
  }
  const shown = found.slice(0, size);
  const token = Buffer.from(shown.at(-1)?.key ?? '', 'utf8').toString('base64url');
  const version = encodeURIComponent(query.get('api-version') ?? '');
  const next = `${url}?api-version=${version}&$skiptoken=${token}&maxresults=${size}`;
  const nextLink = found.length > shown.length ? next : null;
  return { status: 200, body: { value: shown.map(({ item }) => item), nextLink } };
}

/** Where the first of these keys stands that comes behind this one. */
function firstBehind(keys: readonly string[], after: string): number {
  let [from, to] = [0, keys.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((keys[middle] ?? '') > after) to = middle;
    else from = middle + 1;
  }
  return from;
}
