import type { Identity } from '../model/journal.ts';

/**
 * Who a token of Entra ID is of; null where it says nothing, or is none. Its signature is not checked: whoever took the
 * token has. Names of claims: Microsoft's reference of access token claims.
 */
export function entraIdentity(token: string): Identity | null {
  const claims = claimsOf(token);
  const text = (name: string): string | undefined => textIn(claims, name);
  const id = text('oid') ?? text('sub');
  const name =
    text('upn') ?? text('preferred_username') ?? text('unique_name') ?? text('appid') ?? text('azp');
  if (id === undefined) return null;
  const issuer = text('tid');
  return { knownBy: 'azure', name: name ?? id, id, ...(issuer === undefined ? {} : { issuer }) };
}

/** Whose subject a workload's own token names, as it was handed to Entra ID; null where it says nothing. */
export function workloadIdentity(token: string): Identity | null {
  const claims = claimsOf(token);
  const subject = textIn(claims, 'sub');
  if (subject === undefined) return null;
  const issuer = textIn(claims, 'iss');
  return { knownBy: 'oidc', name: subject, ...(issuer === undefined ? {} : { issuer }) };
}

function claimsOf(token: string): unknown {
  const [, payload = ''] = token.split('.');
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as unknown;
  } catch {
    return null;
  }
}

function textIn(claims: unknown, name: string): string | undefined {
  if (typeof claims !== 'object' || claims === null || !(name in claims)) return undefined;
  const text: unknown = (claims as Record<string, unknown>)[name];
  return typeof text === 'string' && text !== '' ? text : undefined;
}
