/* What the errors of Azure's SDKs say, whichever service was asked. Shared by the providers of Azure's services. */

/** Asking again does not help: no such host, nobody listens there, or a certificate that is not trusted. */
export const LASTING =
  /^(ENOTFOUND|ECONNREFUSED|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/** AADSTS codes that mean the tenant is wrong: not found, not this account's, not this application's. */
const TENANT_CODES = /AADSTS(90002|900023|50020|700016|50059|900382)\b/;

/** `ECONNREFUSED`, `ETIMEDOUT` and the like of an error that came instead of an answer, or null. */
export function networkCodeOf(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null;
  if (thrown.name === 'AbortError') return 'ETIMEDOUT';
  if (thrown.name !== 'RestError' || !('code' in thrown) || typeof thrown.code !== 'string') return null;
  if ('statusCode' in thrown && thrown.statusCode !== undefined) return null;
  return thrown.code;
}

/** True where there was no token to ask with: nothing was sent. */
export function isSignIn(thrown: unknown): thrown is Error {
  return (
    thrown instanceof Error &&
    /^(CredentialUnavailable|AggregateAuthentication|Authentication(Required)?)Error$/.test(thrown.name)
  );
}

export interface SignInFailure {
  /** A code of Entra or GitHub, else the error's name; never its message. */
  readonly said: string;
  readonly isWrongTenant: boolean;
  /** The tenant that what was asked for belongs to, where it is not ours. */
  readonly otherTenant: string | null;
}

/** Why signing in failed. */
export function signInFailure(thrown: Error): SignInFailure {
  const aadsts = /AADSTS[0-9]+/.exec(thrown.message)?.[0] ?? null;
  const github = /GitHub gave no id token \([a-z0-9 ]+\)/.exec(thrown.message)?.[0] ?? null;
  const other = /not configured to acquire tokens for tenant ([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)/;
  return {
    said: github ?? aadsts ?? thrown.name,
    isWrongTenant: TENANT_CODES.test(thrown.message),
    otherTenant: other.exec(thrown.message)?.[1] ?? null,
  };
}

/** Where it was thrown, without what it said: a message may quote a request or a response. */
export function withoutMessage(thrown: unknown): Error {
  const cause = new Error('(message left out: it may quote a response)');
  if (!(thrown instanceof Error)) return cause;
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  cause.stack = [thrown.name, ...frames].join('\n');
  return cause;
}
