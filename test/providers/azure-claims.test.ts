import { describe, expect, it } from 'vitest';
import { entraIdentity, workloadIdentity } from '../../src/providers/azure-claims.ts';

/** A token as it is sent; nobody checks its signature here. */
function token(claims: object): string {
  const part = (of: object): string => Buffer.from(JSON.stringify(of)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('who a token is of', () => {
  it('is the account, with its object id and tenant as the audit log of a vault has them', () => {
    const claims = { oid: 'o-1', tid: 't-1', upn: 'ada@example.org', appid: 'a-1' };
    expect(entraIdentity(`Bearer ${token(claims)}`)).toEqual({
      knownBy: 'azure',
      name: 'ada@example.org',
      id: 'o-1',
      issuer: 't-1',
    });
  });

  it('is the application where nobody is signed in', () => {
    expect(entraIdentity(token({ oid: 'o-2', tid: 't-1', appid: 'a-1' }))).toMatchObject({
      name: 'a-1',
      id: 'o-2',
    });
  });

  it('is the subject of a workload, and who signed that', () => {
    const claims = {
      sub: 'repo:acme/shop:environment:production',
      iss: 'https://token.actions.githubusercontent.com',
    };
    expect(workloadIdentity(token(claims))).toEqual({
      knownBy: 'oidc',
      name: 'repo:acme/shop:environment:production',
      issuer: 'https://token.actions.githubusercontent.com',
    });
  });

  it('is nobody where it says nothing, or is no such token', () => {
    for (const text of ['applier', '', 'a.b.c', token({}), token({ oid: 7 })]) {
      expect(entraIdentity(text)).toBeNull();
      expect(workloadIdentity(text)).toBeNull();
    }
  });
});
