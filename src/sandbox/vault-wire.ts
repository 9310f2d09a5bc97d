import { MAX_VALUE_BYTES } from '../model/secret-value.ts';
import type { VaultOperation } from './vault-faults.ts';

/** What the vault says to one request. `version` is the one that a write made, for the request log only. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly version?: string;
}

/** A request of the data plane, or null where the path and method are none. */
export interface Route {
  readonly operation: VaultOperation;
  readonly secret: string | null;
  /** Null: the newest. */
  readonly version: string | null;
}

/** Rights that a token can have. `set` covers changing attributes, `delete` also recover and purge. */
export type VaultRight = 'list' | 'get' | 'set' | 'delete';

/** What an operation needs: the right, and the data action that the refusal names. */
export const NEEDS: Readonly<
  Record<VaultOperation, { readonly right: VaultRight; readonly action: string }>
> = {
  SecretSet: { right: 'set', action: 'setSecret/action' },
  SecretGet: { right: 'get', action: 'getSecret/action' },
  SecretUpdate: { right: 'set', action: 'update/action' },
  SecretList: { right: 'list', action: 'readMetadata/action' },
  SecretListVersions: { right: 'list', action: 'readMetadata/action' },
  SecretListDeleted: { right: 'list', action: 'readMetadata/action' },
  SecretGetDeleted: { right: 'get', action: 'getSecret/action' },
  SecretDelete: { right: 'delete', action: 'delete' },
  SecretRecover: { right: 'delete', action: 'recover/action' },
  SecretPurge: { right: 'delete', action: 'purge/action' },
};

/** What a PUT or PATCH may carry. A field that is absent stays as it is. */
export interface WrittenSecret {
  readonly value?: string;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly nbf?: number;
  readonly exp?: number;
}

const NAME = /^[0-9a-zA-Z-]{1,127}$/;
const MAX_TAGS = 15;
const MAX_TAG_LENGTH = 256;
const MAX_CONTENT_TYPE = 255;
const API_VERSIONS = '2015-06-01 2016-10-01 7.0 7.1 7.2 7.3 7.4 7.5 7.6 2025-06-01 2025-07-01'.split(' ');

export function refusal(status: number, code: string, message: string, inner?: string): Answer {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: { error: { code, message, ...innererror } } };
}

export function badParameter(message: string): Answer {
  return refusal(400, 'BadParameter', message);
}

/** The answer to a tokenless request. The SDK reads `authorization` and `resource` out of the header. */
export function challenge(tenantId: string): Answer {
  return {
    ...refusal(401, 'Unauthorized', 'AKV10000: Request is missing a Bearer or PoP token.'),
    headers: challengeHeader(tenantId),
  };
}

export function challengeHeader(tenantId: string): Readonly<Record<string, string>> {
  const authorization = `https://login.windows.net/${tenantId}`;
  return {
    'WWW-Authenticate': `Bearer authorization="${authorization}", resource="https://vault.azure.net"`,
  };
}

export function throttled(): Answer {
  const reason = 'Reason: VaultRequestTypeLimitReached';
  return refusal(
    429,
    'Throttled',
    `Request was not processed because too many requests were received. ${reason}`,
  );
}

/** The refusal of a token that lacks a right, as a vault with role-based access words it. */
export function forbidden(vault: string, tenantId: string, route: Route): Answer {
  const nobody = '00000000-0000-0000-0000-000000000000';
  const scope = `/subscriptions/${nobody}/resourcegroups/sandbox/providers/microsoft.keyvault/vaults/${vault}`;
  const lines = [
    'Caller is not authorized to perform action on resource.',
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
    `Caller: appid=${nobody};oid=${nobody};iss=https://sts.windows.net/${tenantId}/`,
    `Action: 'Microsoft.KeyVault/vaults/secrets/${NEEDS[route.operation].action}'`,
    `Resource: '${scope}${route.secret === null ? '' : `/secrets/${route.secret.toLowerCase()}`}'`,
    'Assignment: (not found)',
    'DenyAssignmentId: null',
    'DecisionReason: null ',
    `Vault: ${vault};location=sandbox`,
    '',
  ];
  return refusal(403, 'Forbidden', lines.join('\r\n'), 'ForbiddenByRbac');
}

/** Finds the operation. A trailing slash is the empty version, which is the newest. */
export function routeOf(method: string, pathname: string): Route | Answer | null {
  const parts = pathname.split('/').slice(1).map(decode);
  if (parts.at(-1) === '') parts.pop();
  const [collection, secret = null, third = null] = parts;
  if (parts.length > 3 || (collection !== 'secrets' && collection !== 'deletedsecrets')) return null;
  if (secret !== null && !NAME.test(secret)) {
    return badParameter(`The request URI contains an invalid name: ${secret}`);
  }
  const operation =
    collection === 'secrets' ? liveOperation(method, secret, third) : deletedOperation(method, secret, third);
  if (operation === null) return null;
  const isVersion = collection === 'secrets' && third !== 'versions';
  return { operation, secret, version: isVersion ? third : null };
}

function liveOperation(method: string, secret: string | null, third: string | null): VaultOperation | null {
  if (secret === null) return method === 'GET' ? 'SecretList' : null;
  if (third === 'versions') return method === 'GET' ? 'SecretListVersions' : null;
  if (method === 'GET') return 'SecretGet';
  if (method === 'PATCH') return 'SecretUpdate';
  if (third !== null) return null;
  if (method === 'PUT') return 'SecretSet';
  return method === 'DELETE' ? 'SecretDelete' : null;
}

function deletedOperation(
  method: string,
  secret: string | null,
  third: string | null,
): VaultOperation | null {
  if (secret === null) return method === 'GET' ? 'SecretListDeleted' : null;
  if (third === 'recover') return method === 'POST' ? 'SecretRecover' : null;
  if (third !== null) return null;
  if (method === 'GET') return 'SecretGetDeleted';
  return method === 'DELETE' ? 'SecretPurge' : null;
}

/** A part of the path in plain text; one that cannot be decoded stays as it is and fails the name check. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The refusal for a missing or unknown api-version, or null. `URLSearchParams` has decoded `api%2Dversion`. */
export function versionProblem(query: URLSearchParams): Answer | null {
  const version = query.get('api-version');
  if (version === null || version === '') return badParameter('api-version must be specified');
  if (API_VERSIONS.includes(version)) return null;
  return badParameter(
    `The specified version (${version}) is not recognized. Consider using the latest supported version (2025-07-01).`,
  );
}

/** What a PUT or PATCH says, or the vault's refusal of it. Neither form of it repeats a value. */
export function parseWritten(text: string, needsValue: boolean): WrittenSecret | Answer {
  const json = parseJson(text);
  if (json === null) return badParameter('Invalid request body');
  const { value, contentType, tags, attributes } = json;
  const { enabled, nbf, exp } = isRecord(attributes) ? attributes : {};
  const isValid =
    (attributes === undefined || isRecord(attributes)) &&
    (needsValue ? isValue(value) : value === undefined) &&
    (contentType === undefined ||
      (typeof contentType === 'string' && contentType.length <= MAX_CONTENT_TYPE)) &&
    (tags === undefined || areTags(tags)) &&
    (enabled === undefined || typeof enabled === 'boolean') &&
    [nbf, exp].every((time) => time === undefined || Number.isSafeInteger(time));
  if (!isValid) return badParameter('Property  has invalid value\r\n');
  const written = { value, contentType, tags, enabled, nbf, exp };
  return Object.fromEntries(Object.entries(written).filter(([, each]) => each !== undefined));
}

function isValue(value: unknown): boolean {
  return typeof value === 'string' && Buffer.byteLength(value, 'utf8') <= MAX_VALUE_BYTES;
}

function areTags(tags: unknown): boolean {
  if (!isRecord(tags)) return false;
  const entries = Object.entries(tags);
  const fits = (text: unknown) => typeof text === 'string' && text.length <= MAX_TAG_LENGTH;
  return entries.length <= MAX_TAGS && entries.every(([key, value]) => fits(key) && fits(value));
}

/** A JSON object without the nulls in it, or null. */
function parseJson(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(text, (_key, value: unknown) => (value === null ? undefined : value));
    return isRecord(json) ? json : null;
  } catch {
    return null;
  }
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
