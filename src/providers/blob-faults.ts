import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { FaultInit } from '../model/fault.ts';
import { howToSignIn } from './azure-credential.ts';
import { isSignIn, LASTING, networkCodeOf, signInFailure, withoutMessage } from './azure-errors.ts';

/** Whom and what a record's request was asked, for the sentence that says why it failed. Holds nothing secret. */
export interface BlobCall {
  readonly account: string;
  readonly container: string;
  /** The record's address: `https://ktprod.blob.core.windows.net/tfstate-keyturn/shop`. */
  readonly place: string;
  readonly host: string;
  /** How it is signed: by an identity, a key of the account, or a shared access signature. */
  readonly by: VaultAuth | 'key' | 'sas';
  readonly tenantId: string | null;
  readonly doing: 'read' | 'write to' | 'create';
}

/** What a refusal says, without its message: that one may quote the request. */
export interface BlobRefusal {
  readonly status: number;
  /** `BlobNotFound` and the like, of the header x-ms-error-code; empty where there is none. */
  readonly code: string;
  readonly requestId: string | null;
}

/** The refusal behind an error of the SDK, or null where no answer came. */
export function blobRefusal(thrown: unknown): BlobRefusal | null {
  if (!(thrown instanceof Error) || !('statusCode' in thrown) || typeof thrown.statusCode !== 'number')
    return null;
  return {
    status: thrown.statusCode,
    code: headerOf(thrown, 'x-ms-error-code') ?? '',
    requestId: headerOf(thrown, 'x-ms-request-id'),
  };
}

/** True where the service may have done it although no answer says so. */
export function isUncertain(thrown: unknown): boolean {
  const refusal = blobRefusal(thrown);
  if (refusal !== null) return refusal.status >= 500 || refusal.status === 408 || refusal.status === 429;
  const code = blobNetworkCode(thrown);
  return code !== null && !LASTING.test(code);
}

/** True where there is no such blob, or no container for it. */
export function isAbsent(refusal: BlobRefusal | null): boolean {
  return refusal !== null && (refusal.code === 'BlobNotFound' || refusal.code === 'ContainerNotFound');
}

/** True where what is there is not what the request expected, or someone else's lease keeps us out. */
export function isChange(refusal: BlobRefusal | null): boolean {
  return refusal !== null && [404, 409, 412].includes(refusal.status) && CHANGES.has(refusal.code);
}

const CHANGES = new Set([
  'AppendPositionConditionNotMet',
  'BlobAlreadyExists',
  'BlobNotFound',
  'ConditionNotMet',
  'LeaseAlreadyPresent',
  'LeaseIdMissing',
  'LeaseIdMismatchWithBlobOperation',
  'LeaseIdMismatchWithLeaseOperation',
  'LeaseIsBreakingAndCannotBeAcquired',
  'LeaseIsBrokenAndCannotBeRenewed',
  'LeaseLost',
  'LeaseNotPresentWithBlobOperation',
  'LeaseNotPresentWithLeaseOperation',
]);

/** The network's code of an error that came instead of an answer, also where a download broke off. */
export function blobNetworkCode(thrown: unknown): string | null {
  const code = networkCodeOf(thrown);
  if (code !== null || blobRefusal(thrown) !== null || !(thrown instanceof Error)) return code;
  return 'code' in thrown && typeof thrown.code === 'string' && /^(E[A-Z]+|ERR_STREAM_\w+)$/.test(thrown.code)
    ? thrown.code
    : null;
}

/** Any thrown thing as a fault of this record. Nothing of the SDK's error goes into it but codes. */
export function blobFault(thrown: unknown, call: BlobCall): Fault {
  if (thrown instanceof Fault) return thrown;
  const fault = (init: Omit<FaultInit, 'where'>) => new Fault({ where: call.place, ...init });
  const refusal = blobRefusal(thrown);
  if (refusal !== null) return refused(refusal, call, fault);
  const code = blobNetworkCode(thrown);
  if (code !== null) return unreachable(code, call, fault);
  if (isSignIn(thrown)) return notSignedIn(thrown, call, fault);
  return fault({
    code: 'unexpected',
    what: `the storage client failed with ${thrown instanceof Error ? thrown.name : typeof thrown}`,
    cause: withoutMessage(thrown),
  });
}

type Make = (init: Omit<FaultInit, 'where'>) => Fault;

function refused(refusal: BlobRefusal, call: BlobCall, fault: Make): Fault {
  const { account, container } = call;
  const request = refusal.requestId === null ? '' : `, request ${refusal.requestId}`;
  const said = `${refusal.status}${refusal.code === '' ? '' : ` ${refusal.code}`}${request}`;
  if (refusal.status === 401 || refusal.status === 403) return forbidden(refusal, said, call, fault);
  if (refusal.code === 'ContainerNotFound') {
    return fault({
      code: 'record-refused',
      what: `storage account "${account}" has no container "${container}" (${said})`,
      next: `create it: az storage container create --account-name ${account} --name ${container} --auth-mode login`,
    });
  }
  if (refusal.code === 'ContainerBeingDeleted') {
    return fault({
      code: 'record-unreachable',
      what: `container "${container}" of storage account "${account}" is being deleted (${said})`,
      next: 'run it again in a minute: the name is free then; with soft delete it can be brought back instead',
    });
  }
  if (refusal.status >= 500 || refusal.status === 408 || refusal.status === 429) {
    return fault({
      code: 'record-unreachable',
      what: `storage account "${account}" failed at every try to ${call.doing} container "${container}" (${said})`,
      next: 'run it again; where it stays, give the request id to Azure support',
    });
  }
  return fault({
    code: 'record-refused',
    what: `storage account "${account}" refused to ${call.doing} container "${container}" (${said})`,
    next: 'look at the record in the portal: a policy, or a lease of someone else, may stand in the way',
  });
}

function forbidden(refusal: BlobRefusal, said: string, call: BlobCall, fault: Make): Fault {
  const { account, container, by, doing } = call;
  const isSigned = by === 'key' || by === 'sas';
  const variable = by === 'key' ? 'ARM_ACCESS_KEY' : 'ARM_SAS_TOKEN';
  switch (refusal.code) {
    case 'AuthenticationFailed':
    case 'InvalidAuthenticationInfo':
    case 'NoAuthenticationInformation':
      return fault({
        code: 'record-refused',
        what: isSigned
          ? `storage account "${account}" did not accept ${variable} (${said})`
          : `storage account "${account}" did not accept the token of ${tenantOf(call)} (${said})`,
        next: isSigned
          ? `check that ${variable} is of this account, has not run out, and that this machine's clock is right`
          : `check that the account belongs to that tenant; ${howTo(call)}`,
      });
    case 'KeyBasedAuthenticationNotPermitted':
      return fault({
        code: 'record-refused',
        what: `storage account "${account}" accepts no key (${said})`,
        next: `unset ${variable} and sign in with an identity that has ${roleFor(call)}`,
      });
    case 'AuthorizationFailure':
      return fault({
        code: 'record-refused',
        what: `storage account "${account}" does not let this machine or this identity ${doing} container "${container}" (${said})`,
        next: `check the account's firewall; ${isSigned ? `check that ${variable} is of this account` : give(call)}`,
      });
    default:
  }
  return fault({
    code: 'record-refused',
    what: `this identity may not ${doing} container "${container}" of storage account "${account}" (${said})`,
    next: `${isSigned ? `give ${variable} the right to ${doing} it` : give(call)}; a new assignment takes some minutes to work`,
  });
}

/** A planner reads, an applier writes; only a container that exists can have a role of its own. */
function roleFor({ doing }: BlobCall): string {
  return doing === 'read' ? '"Storage Blob Data Reader"' : '"Storage Blob Data Contributor"';
}

function give(call: BlobCall): string {
  const { account, container, doing } = call;
  return doing === 'create'
    ? `create container "${container}", or give this identity the role ${roleFor(call)} on storage account "${account}"`
    : `give this identity the role ${roleFor(call)} on container "${container}"`;
}

function unreachable(code: string, { account, host }: BlobCall, fault: Make): Fault {
  const next =
    code === 'ENOTFOUND'
      ? 'check the name of the storage account; a private endpoint needs its DNS zone'
      : LASTING.test(code) && code !== 'ECONNREFUSED'
        ? 'check the proxy in between; NODE_EXTRA_CA_CERTS names a further certificate authority'
        : 'check the network, the proxy and the firewall of the account, then run it again';
  const what = `storage account "${account}" cannot be reached at ${host} (${code})`;
  return fault({ code: 'record-unreachable', what, next });
}

function notSignedIn(thrown: Error, call: BlobCall, fault: Make): Fault {
  const { said, isWrongTenant, otherTenant } = signInFailure(thrown);
  const { account } = call;
  return fault({
    code: 'record-refused',
    what:
      otherTenant !== null
        ? `storage account "${account}" belongs to tenant "${otherTenant}", not to ${tenantOf(call)}`
        : `signing in with "${call.by}" for storage account "${account}" failed (${said})`,
    next:
      otherTenant !== null || isWrongTenant
        ? "correct the tenantId of the stack's AzurermBackend"
        : howTo(call),
  });
}

function howTo({ by, tenantId }: BlobCall): string {
  if (by === 'key' || by === 'sas') return 'check the key';
  const how = howToSignIn(by, tenantId);
  return by === 'default'
    ? `${how.slice(0, how.indexOf(','))}, or say in the AzurermBackend how to sign in`
    : how;
}

function tenantOf({ tenantId }: BlobCall): string {
  return tenantId === null ? "the account's own tenant" : `tenant "${tenantId}"`;
}

function headerOf(thrown: Error, name: string): string | null {
  const response: unknown = 'response' in thrown ? thrown.response : null;
  if (typeof response !== 'object' || response === null || !('headers' in response)) return null;
  const value = isHeaders(response.headers) ? response.headers.get(name) : null;
  return typeof value === 'string' ? value : null;
}

function isHeaders(value: unknown): value is { readonly get: (name: string) => unknown } {
  return typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
}
