import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { FaultInit } from '../model/fault.ts';
import { howToSignIn } from './azure-credential.ts';
import { isSignIn, LASTING, networkCodeOf, signInFailure, withoutMessage } from './azure-errors.ts';
import type { Refusal } from './key-vault-pipeline.ts';

/** What was asked of the vault, for the sentence that says why it failed. */
export interface VaultCall {
  readonly vault: string;
  readonly host: string;
  readonly auth: VaultAuth;
  readonly tenantId: string | null;
  readonly doing: 'list' | 'read' | 'write' | 'mark' | 'disable' | 'seal';
  /** Null: the whole vault. */
  readonly secret: string | null;
  readonly signal: AbortSignal | undefined;
}

const APPLIER = "keyturn's applier role (custom: getSecret, setSecret, update and readMetadata)";
const ROLES: Readonly<Record<VaultCall['doing'], string>> = {
  list: 'the role "Key Vault Reader", or keyturn\'s planner role (readMetadata)',
  read: APPLIER,
  write: APPLIER,
  mark: APPLIER,
  disable: APPLIER,
  seal: APPLIER,
};

/**
 * Any thrown thing as a fault of this vault. Nothing of the SDK's error goes into it but codes and the request
 * id: its message may quote a response, its request holds the body.
 */
export function vaultFault(thrown: unknown, refusal: Refusal | null, call: VaultCall): Fault {
  if (thrown instanceof Fault) return thrown;
  const where = addressOf(call);
  const fault = (init: Omit<FaultInit, 'where'>) => new Fault({ where, ...init });
  if (call.signal?.aborted === true) {
    return fault({ code: 'interrupted', what: `stopped while waiting for vault "${call.vault}"` });
  }
  if (refusal !== null) return refused(refusal, call, fault);
  const code = networkCodeOf(thrown);
  if (code !== null) return unreachable(code, call, fault);
  if (isSignIn(thrown)) return notSignedIn(thrown, call, fault);
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return fault({
    code: 'unexpected',
    what: `the Key Vault client failed with ${name}`,
    cause: withoutMessage(thrown),
  });
}

/** True where the vault may have done it although no answer says so. */
export function isUncertain(thrown: unknown, refusal: Refusal | null): boolean {
  if (refusal !== null) return refusal.status >= 500 || refusal.status === 408;
  // A token that could not be had, and the pipeline's own guard: nothing was sent.
  return !(thrown instanceof TypeError) && !isSignIn(thrown);
}

export function addressOf(call: Pick<VaultCall, 'vault' | 'secret'>): string {
  return call.secret === null ? `vault://${call.vault}` : `vault://${call.vault}/${call.secret}`;
}

type Make = (init: Omit<FaultInit, 'where'>) => Fault;

function refused(refusal: Refusal, call: VaultCall, fault: Make): Fault {
  const { vault, secret } = call;
  const marks = [String(refusal.status), refusal.inner ?? refusal.code, refusal.akv];
  const said = `${marks.filter((mark) => mark !== null).join(' ')}${
    refusal.requestId === null ? '' : `, request ${refusal.requestId}`
  }`;
  switch (refusal.status) {
    case 401:
      return fault({
        code: 'vault-refused',
        what: `vault "${vault}" did not accept the token of ${tenantOf(call)} (${said})`,
        next: `check that the vault belongs to that tenant; ${howToSignIn(call.auth, call.tenantId)}`,
      });
    case 403:
      return forbidden(refusal, said, call, fault);
    case 404:
      return fault({
        code: 'vault-conflict',
        what: `vault "${vault}" does not hold that version of secret "${secret ?? ''}" (${said})`,
        next: `run "keyturn plan" to see what the vault holds`,
      });
    case 409:
      return conflict(refusal, said, call, fault);
    case 429:
      return fault({
        code: 'vault-unreachable',
        what: `vault "${vault}" throttled every try (${said})`,
        next: 'run it again in a minute, or find out who else uses up the limits of this vault',
      });
    default:
  }
  return fault({
    code: refusal.status >= 500 || refusal.status === 408 ? 'vault-unreachable' : 'unexpected',
    what: `vault "${vault}" answered with an error (${said})`,
    next: 'run it again; where it stays, give the request id to Azure support',
  });
}

function forbidden(refusal: Refusal, said: string, call: VaultCall, fault: Make): Fault {
  const { vault, secret } = call;
  if (refusal.inner === 'SecretDisabled') {
    return fault({
      code: 'vault-conflict',
      what: `that version of secret "${secret ?? ''}" is disabled in vault "${vault}" and cannot be read (${said})`,
      next: `run "keyturn status" to see which version is current`,
    });
  }
  if (refusal.inner === 'ForbiddenByFirewall' || refusal.inner === 'ForbiddenByConnection') {
    return fault({
      code: 'vault-refused',
      what: `the firewall of vault "${vault}" does not let this machine in (${said})`,
      next: 'run from a network that the vault allows, or through its private endpoint',
    });
  }
  return fault({
    code: 'vault-refused',
    what: `this identity may not ${call.doing} in vault "${vault}" (${said})`,
    next: `give it ${ROLES[call.doing]} on the vault; a new assignment takes some minutes to work`,
  });
}

function conflict(refusal: Refusal, said: string, call: VaultCall, fault: Make): Fault {
  const name = call.secret ?? '';
  const az = (verb: string) => `"az keyvault secret ${verb} --vault-name ${call.vault} --name ${name}"`;
  if (refusal.inner === 'ObjectIsDeletedButRecoverable') {
    return fault({
      code: 'vault-conflict',
      what: `secret "${name}" was deleted in vault "${call.vault}" and still holds its name (${said})`,
      next: `get it back with ${az('recover')}, or give the name free for good with ${az('purge')}`,
    });
  }
  if (refusal.inner === 'ObjectIsBeingDeleted') {
    return fault({
      code: 'vault-conflict',
      what: `secret "${name}" is being deleted in vault "${call.vault}" (${said})`,
      next: `wait until that is done, then get it back with ${az('recover')} or free the name with ${az('purge')}`,
    });
  }
  return fault({
    code: 'vault-conflict',
    what: `secret "${name}" is being changed by someone else in vault "${call.vault}" (${said})`,
    next: 'run it again in a moment',
  });
}

function unreachable(code: string, call: VaultCall, fault: Make): Fault {
  const host = call.host;
  const next = /^ENOTFOUND$/.test(code)
    ? 'check the name of the vault and its declared uri; a private endpoint needs its DNS zone'
    : LASTING.test(code) && code !== 'ECONNREFUSED'
      ? 'check the proxy in between; NODE_EXTRA_CA_CERTS names a further certificate authority'
      : 'check the network, the proxy and the firewall of the vault, then run it again';
  const what = `vault "${call.vault}" cannot be reached at ${host} (${code})`;
  return fault({ code: 'vault-unreachable', what, next });
}

function notSignedIn(thrown: Error, call: VaultCall, fault: Make): Fault {
  const { said, isWrongTenant, otherTenant } = signInFailure(thrown);
  if (otherTenant !== null) {
    return fault({
      code: 'vault-refused',
      what: `vault "${call.vault}" belongs to tenant "${otherTenant}", not to ${tenantOf(call)}`,
      next: 'correct the tenantId that the stack declares for this vault',
    });
  }
  if (isWrongTenant) {
    return fault({
      code: 'vault-refused',
      what: `signing in to ${tenantOf(call)} for vault "${call.vault}" failed: wrong tenant (${said})`,
      next: `correct the declared tenantId; ${howToSignIn(call.auth, call.tenantId)}`,
    });
  }
  return fault({
    code: 'vault-refused',
    what: `signing in with "${call.auth}" for vault "${call.vault}" failed (${said})`,
    next: howToSignIn(call.auth, call.tenantId),
  });
}

function tenantOf(call: VaultCall): string {
  return call.tenantId === null ? "the vault's own tenant" : `tenant "${call.tenantId}"`;
}
