import { Fault } from '../model/fault.ts';
import type { FaultInit } from '../model/fault.ts';
import { guarded } from '../model/guard.ts';

/** Why a script has no answer. `lost` and `late`: it had begun, so that what it does may have been done. */
export type HostTrouble =
  | 'unreachable'
  | 'lost'
  | 'late'
  | 'key-unknown'
  | 'key-changed'
  | 'no-entry'
  | 'no-sudo'
  | 'no-program'
  | 'no-shell';

export class HostRefusal extends Error {
  readonly trouble: HostTrouble;

  constructor(trouble: HostTrouble, said: string) {
    super(lastWords(said));
    this.name = 'HostRefusal';
    this.trouble = trouble;
  }
}

const MOST_WORDS = 1_000;

/** The end of what a program said, in a line. Masked before it is cut: half a value is found by nobody. */
export function lastWords(said: string): string {
  return guarded(said).trim().replaceAll(/\s+/g, ' ').slice(-MOST_WORDS).trim();
}

/** What kept a script from beginning, by what ssh, sudo or the system said of it. */
export function troubleOf(said: string, isRemote: boolean): HostTrouble {
  if (/^sudo: /m.test(said) || /sudo: (command )?not found/.test(said)) return 'no-sudo';
  if (!isRemote) return 'no-shell';
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(said)) return 'key-changed';
  if (/Host key verification failed|host key is known for/.test(said)) return 'key-unknown';
  if (/Permission denied \(|Too many authentication failures|No supported authentication/.test(said))
    return 'no-entry';
  return 'unreachable';
}

/** True where asking again later may succeed. */
export function isSilence(thrown: unknown): boolean {
  return (
    thrown instanceof HostRefusal &&
    (thrown.trouble === 'unreachable' || thrown.trouble === 'lost' || thrown.trouble === 'late')
  );
}

/** What was asked, for the sentence that says why it failed. */
export interface HostCall {
  readonly host: string;
  /** Null: this machine. */
  readonly endpoint: string | null;
  readonly where: string;
  readonly signal: AbortSignal | undefined;
}

/** Any thrown thing as a fault of this host. */
export function hostFault(thrown: unknown, call: HostCall): Fault {
  if (thrown instanceof Fault) return thrown;
  const fault = (init: Omit<FaultInit, 'where'>) => new Fault({ where: call.where, ...init });
  if (call.signal?.aborted === true)
    return fault({ code: 'interrupted', what: `stopped while waiting for host "${call.host}"` });
  if (!(thrown instanceof HostRefusal)) {
    const what = thrown instanceof Error ? thrown.message : String(thrown);
    return fault({ code: 'unexpected', what, cause: thrown });
  }
  return fault({ ...worded(thrown, call), cause: thrown });
}

function worded({ trouble, message }: HostRefusal, { host, endpoint }: HostCall): Omit<FaultInit, 'where'> {
  const said = message === '' ? '' : `: ${message}`;
  const place = endpoint ?? 'this machine';
  const byHand = endpoint === null ? 'sh -s' : `ssh -o BatchMode=yes ${endpoint} true`;
  switch (trouble) {
    case 'unreachable':
      return {
        code: 'platform-unreachable',
        what: `host "${host}" is not reached at "${place}"${said}`,
        next: `try: ${byHand}`,
      };
    case 'lost':
      return {
        code: 'platform-unreachable',
        what: `the connection to host "${host}" broke before it answered${said}`,
        live: 'what was under way there may have been done',
        next: 'run the same command again: it looks at what is there first',
      };
    case 'late':
      return {
        code: 'platform-unreachable',
        what: `host "${host}" did not answer in time${said}`,
        live: 'what was under way there may have been done',
        next: 'see what keeps it busy, then run the same command again: it looks at what is there first',
      };
    case 'key-changed':
      return { code: 'platform-refused', ...changedKey(message, host, place) };
    case 'key-unknown':
      return {
        code: 'platform-refused',
        what: `ssh does not know the host key of "${place}"${said}`,
        live: 'nothing was changed on the host',
        next: `compare its fingerprint (on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then accept it once by hand: ssh ${endpoint ?? ''}`,
      };
    case 'no-entry':
      return {
        code: 'platform-refused',
        what: `host "${host}" lets nobody in at "${place}"${said}`,
        live: 'nothing was changed on the host',
        next: `a key that needs a passphrase belongs into an agent; try: ${byHand}`,
      };
    case 'no-sudo':
      return {
        code: 'platform-refused',
        what: `sudo does not work without a password on host "${host}"${said}`,
        live: 'nothing was changed on the host',
        next: 'allow it there (NOPASSWD in sudoers), or declare the host without sudo and its files writable for the user',
      };
    case 'no-program':
      return {
        code: 'platform-unreachable',
        what: `this machine has no ssh to reach host "${host}" with`,
        next: 'install the OpenSSH client, or put it into PATH',
      };
    case 'no-shell':
      return {
        code: 'platform-refused',
        what: `host "${host}" ran no script${said}`,
        live: 'nothing was changed on the host',
        next: 'a POSIX sh with a printf of its own must be in PATH there',
      };
  }
}

function changedKey(message: string, host: string, place: string): Pick<FaultInit, 'what' | 'live' | 'next'> {
  const [, kind, file, line] = /Offending (\S+) key in (\S+):(\d+)/.exec(message) ?? [];
  const known =
    file === undefined ? 'your known_hosts' : `line ${line ?? ''} of ${file}${kind ? ` (${kind})` : ''}`;
  return {
    what: `the host key of "${place}" is not the one that is known: it changed, or somebody stands in between`,
    live: 'nothing was sent to it and nothing was changed',
    next: `ask who runs host "${host}" whether it has a new key; if so, remove ${known} and accept the new one by hand once`,
  };
}

/** A file or its marker was another one each time that it was to be written. */
export function keepsMoving(path: string, where: string): Fault {
  return new Fault({
    code: 'service-busy',
    what: `someone else keeps writing "${path}"`,
    where,
    live: 'the file is as they left it',
    next: 'find out who does, then apply again',
  });
}
