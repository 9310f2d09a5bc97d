import type { ConsumerAddress, IsoDuration, Ordinal, SecretAddress } from './address.ts';
import type { EnvFile } from './host.ts';
import type { Freeze, Window } from './openings.ts';

/**
 * What a stack says: the manifest `keyturn.json`, canonical JSON beside `cdk.tf.json`, the only thing that the
 * engine reads of a declaration. It holds no value and nothing computed from one. docs/FORMATS.md draws it.
 */
export interface Declared {
  readonly format: 1;
  readonly stack: string;
  readonly vaults: readonly DeclaredVault[];
  readonly platforms: readonly DeclaredPlatform[];
  readonly secrets: readonly DeclaredSecret[];
  readonly consumers: readonly DeclaredConsumer[];
  /** Days on which nothing is done by date. */
  readonly freezes: readonly Freeze[];
  /** Absent or null: in the local directory. */
  readonly record?: DeclaredRecord | null;
  /** Who is told what happens; absent: nobody. */
  readonly notifications?: readonly DeclaredNotification[];
  /** Who may do what with a declared vault's secrets, as far as this stack declares it; absent: nothing is declared. */
  readonly access?: readonly Access[];
  /** Programs that try what a group of consumers does together; absent: none. */
  readonly smokeTests?: readonly DeclaredSmokeTest[];
}

/** One declared right to a vault's secrets: for people who review them, never checked by the engine. */
export interface Access {
  readonly vault: string;
  /** Construct path of the assignment. */
  readonly path: string;
  /** As declared: an object id, or the Terraform expression that gives one. */
  readonly principal: string;
  /** Name of the role, or `access policy`; behind it in brackets what a reviewer has to know of it. */
  readonly role: string;
  /** What it allows on secrets; empty where it allows nothing. `list` sees names, dates and tags only. */
  readonly can: readonly ('list' | 'read' | 'set' | 'purge' | 'grant')[];
  /** One secret's name where the assignment is of that secret alone; null: the whole vault. */
  readonly secret: string | null;
  /** The role is not known to us: it may allow anything, and `can` is empty. Absent: it is known. */
  readonly unknown?: true;
}

export const MANIFEST_FORMAT = 1;

/** Where the record of a stack is kept, if not in the local directory; says nothing that lets anyone in. */
export interface DeclaredRecord {
  readonly kind: 'azure-blob';
  /** The storage account. */
  readonly account: string;
  /** keyturn's own container: that of Terraform's state and `-keyturn`. */
  readonly container: string;
  /** The cloud of Azure; with the account it gives the address, so that a manifest cannot name another host. */
  readonly environment: 'public' | 'usgovernment' | 'china';
  readonly auth: VaultAuth;
  readonly tenantId: string | null;
  /** Of the app registration or the managed identity, where the backend names one. */
  readonly clientId: string | null;
}

/** Where the credential for a vault comes from; each maps to one explicit credential of @azure/identity. */
export type VaultAuth = 'default' | 'cli' | 'workload' | 'managed' | 'github-oidc' | 'env';

export interface DeclaredVault {
  readonly name: string;
  /** Construct path, for people. */
  readonly path: string;
  /** `https://<name>.vault.azure.net` unless declared. */
  readonly uri: string;
  readonly auth: VaultAuth;
  readonly tenantId: string | null;
}

export type DeclaredPlatform = DeclaredSwarm | DeclaredHost;

interface PlatformBase {
  readonly name: string;
  readonly path: string;
  /** Null: what is independent moves side by side. */
  readonly restarts: Restarts | null;
}

export interface DeclaredSwarm extends PlatformBase {
  readonly kind: 'swarm';
  /** `unix:///…`, `ssh://user@host` or `tcp://…`; null: DOCKER_HOST, else the local socket. */
  readonly endpoint: string | null;
}

/** A machine whose services read files of variables. */
export interface DeclaredHost extends PlatformBase {
  readonly kind: 'host';
  /** `ssh://user@host[:port]`; null: the machine that runs keyturn. */
  readonly endpoint: string | null;
  /** What is run there is run by `sudo -n`. */
  readonly sudo: boolean;
  /** Hosts of one fleet count their restarts together; null: this one counts its own. */
  readonly fleet: string | null;
}

/** How many consumers of a platform, or of a fleet of hosts, may restart at once, and what comes between them. */
export interface Restarts {
  /** At least 1. */
  readonly atOnce: number;
  /** How long consumers are watched, once they are good, before the next ones are flipped. */
  readonly pause: IsoDuration;
}

/** What makes a secret's values. */
export type Source =
  | { readonly kind: 'random'; readonly bytes: number; readonly encoding: 'base64url' | 'base64' | 'hex' }
  | {
      readonly kind: 'keyPair';
      /** The value is the private key as PKCS#8 PEM; its public key can be derived from it. */
      readonly algorithm: 'ed25519' | 'ec' | 'rsa';
      /** Curve for `ec`, null otherwise. */
      readonly curve: 'P-256' | 'P-384' | 'P-521' | null;
      /** Bits for `rsa`, null otherwise. */
      readonly bits: 2048 | 3072 | 4096 | null;
    }
  | { readonly kind: 'manual'; readonly instructions: string | null };

/** When a secret is due. Dates come from the anchor or the calendar, never from the last run. */
export type Cadence =
  | {
      readonly kind: 'every';
      readonly period: IsoDuration;
      /** Local date `YYYY-MM-DD` from which the periods are counted. */
      readonly anchor: string;
      readonly at: string;
      readonly timeZone: string;
    }
  | {
      readonly kind: 'calendar';
      readonly each: 'month' | 'quarter' | 'year';
      /** `first monday` … `last friday`, or a day of the month `1` … `31` (the last day where it is shorter). */
      readonly on: string;
      /** Month 1–12 for `year`; null otherwise. */
      readonly month: number | null;
      readonly at: string;
      readonly timeZone: string;
      /** Whole days after that day, less than the period; absent: none. */
      readonly offset?: IsoDuration;
    }
  | {
      readonly kind: 'cron';
      /** Five fields: minute, hour, day, month, weekday. */
      readonly expression: string;
      readonly timeZone: string;
    }
  | { readonly kind: 'onRequest' | 'onCompromise' | 'userManaged' };

/** A text that is declared, or, because it lets somebody in, the name of a variable in the environment of the apply. */
export type Setting = { readonly text: string } | { readonly env: string };

/**
 * The negative probe: how an old value is tried at whatever checks it, and what a refusal looks like. An answer that
 * is neither a refusal nor an acceptance (nobody there, an error of theirs) proves nothing.
 */
export type RefusalProbe = {
  /** The current value is tried first and must be accepted: a probe that refuses everything proves nothing. */
  readonly control: boolean;
  /** Of one try. */
  readonly timeout: IsoDuration;
} & (
  | {
      readonly kind: 'http';
      /** https, or http on loopback. Redirects are not followed: the value goes nowhere else. */
      readonly url: string;
      readonly method: 'GET' | 'HEAD' | 'POST';
      /** The header that carries the value, behind `prefix`. */
      readonly header: string;
      readonly prefix: string;
      /** Status codes that are a refusal. Any 2xx is an acceptance. */
      readonly refused: readonly number[];
    }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** What is sent around the value. */
      readonly before: string;
      readonly after: string;
      /** What the answer begins with when it is refused, and when it is accepted. */
      readonly refused: string;
      readonly accepted: string;
    }
  | {
      /** A command on the machine that runs apply, with the value on its standard input. Exit 0 is an acceptance. */
      readonly kind: 'command';
      readonly argv: readonly string[];
      /** The exit code that is a refusal, 1–255. */
      readonly refused: number;
    }
);

/** What makes a value invalid where it is checked: a command with the old value on its standard input; exit 0: done. */
export interface Revocation {
  readonly kind: 'command';
  readonly argv: readonly string[];
  readonly timeout: IsoDuration;
}

/** What else an emergency has to bring about. Run in order, told names, versions and the incident, never a value. */
export type Effect = {
  /** Says what it does: `end all sessions`. Unique within its secret. */
  readonly name: string;
  readonly timeout: IsoDuration;
} & (
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | {
      readonly kind: 'http';
      readonly url: Setting;
      readonly method: 'POST' | 'PUT' | 'PATCH';
      readonly headers: Readonly<Record<string, Setting>>;
    }
);

export const NOTICE_KINDS = [
  'rotated',
  'rolled-back',
  'held',
  'parked',
  'overdue',
  'awaiting',
  'drift',
  'compromise-started',
  'compromise-finished',
] as const;

export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Somebody who is told what happens: names, versions and times, nothing else. */
export type DeclaredNotification = {
  readonly name: string;
  /** Construct path, for people. */
  readonly path: string;
  readonly events: readonly NoticeKind[];
} & (
  | {
      /** A Slack-compatible incoming webhook. */
      readonly kind: 'slack';
      readonly url: Setting;
    }
  | {
      /** JSON, signed with HMAC-SHA256 as Standard Webhooks says. */
      readonly kind: 'webhook';
      readonly url: Setting;
      /** Of the signing secret; null: unsigned. */
      readonly signedWith: { readonly env: string } | null;
    }
  | {
      readonly kind: 'github-issue';
      /** `owner/name`. */
      readonly repository: string;
      readonly token: { readonly env: string };
      readonly labels: readonly string[];
      /** `https://api.github.com` unless declared. */
      readonly api: string;
    }
);

export interface DeclaredSecret {
  readonly address: SecretAddress;
  readonly vault: string;
  readonly name: string;
  readonly path: string;
  /** `file:line` of the declaration, relative to the project; null where it is not known. */
  readonly position: string | null;
  readonly source: Source;
  readonly cadence: Cadence;
  readonly soak: IsoDuration;
  readonly owner: string | null;
  readonly environment: string | null;
  readonly classification: string | null;
  readonly description: string | null;
  readonly contentType: string | null;
  /** Asks for one rotation when it is above the recorded one. */
  readonly generation: number;
  /** How many prior copies stay on the platform after settle. */
  readonly keep: number;
  /** `latest`: someone reads the vault without a version. */
  readonly readers: 'pinned' | 'latest';
  /** Mint over a secret that exists in the vault but was not made by keyturn. */
  readonly adopt: boolean;
  /** These rotate first, when both rotate. */
  readonly dependsOn: readonly SecretAddress[];
  readonly derivedFrom: readonly SecretAddress[];
  /** These rotate whenever this one does, in one group. */
  readonly together: readonly SecretAddress[];
  /** These must not rotate close to this one; said once it holds both ways. */
  readonly apart: readonly Apart[];
  /** When the calendar may rotate it; empty: at any time. */
  readonly windows: readonly Window[];
  /** How long after its date, or after the first window behind that, it counts as overdue. */
  readonly grace: IsoDuration;
  /** Extra tags for the vault's versions; at most 10 (the vault takes 15, five are kept for keyturn). */
  readonly tags: Readonly<Record<string, string>>;
  /** Absent: nothing is revoked at the source, the version is only disabled. */
  readonly revoke?: Revocation;
  /** Absent: that nothing refers to it and that the vault lists it as disabled is all the proof of its death. */
  readonly refused?: RefusalProbe;
  /** Absent: none. */
  readonly onCompromise?: readonly Effect[];
  /**
   * Fields of this declaration that hold personal data: `owner`, `description`, `tags.<name>`. Their texts are masked in
   * whatever leaves the program. Absent: none.
   */
  readonly pii?: readonly string[];
}

/** Two secrets that stand in for each other: neither rotates while the other soaks, nor sooner than `by` after it. */
export interface Apart {
  readonly secret: SecretAddress;
  readonly by: IsoDuration;
}

/** Where a consumer reads a secret; fixed while versions change. */
export interface Mount {
  readonly secret: SecretAddress;
  /** File name under /run/secrets, or an absolute path in the container. */
  readonly target: string;
  /** Base of the platform's names: copies are called `<base>_v<ordinal>`. */
  readonly base: string;
  /** Pins this consumer to one version; null: the current one. */
  readonly version: Ordinal | null;
  readonly uid: string;
  readonly gid: string;
  /** File mode as a number, 0o444 unless declared. */
  readonly mode: number;
  /** The image variable of the build that bakes it in. Absent: it is read when the consumer starts. */
  readonly build?: string;
}

/** How a flipped consumer is tried, beyond its running tasks and their own health checks. */
export type Probe =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'http';
      readonly path: string;
      readonly port: number;
      readonly status: number;
      /** Image of the one-shot probe service; needs sh and one of curl, wget or bash. */
      readonly image: string;
    }
  | { readonly kind: 'tcp'; readonly port: number; readonly image: string }
  | {
      /** A command on the machine that runs apply; exit 0 is healthy. */
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly timeout: IsoDuration;
    };

export type DeclaredConsumer = DeclaredService | DeclaredEnvFile;

export interface DeclaredService extends ConsumerBase {
  readonly kind: 'swarm-service';
}

/** A file of variables on a host: `service` is its path, the target of a mount is a variable, its base the secret's name. */
export interface DeclaredEnvFile extends ConsumerBase {
  readonly kind: 'env-file';
  readonly file: EnvFile;
}

/** A program that tries what consumers do together, once all of them that moved are verified and before that is recorded. */
export interface DeclaredSmokeTest {
  readonly name: string;
  readonly path: string;
  readonly position: string | null;
  /** On the machine that runs apply; exit 0: passed. */
  readonly argv: readonly string[];
  /** Where it runs; null: where keyturn does. */
  readonly directory: string | null;
  readonly timeout: IsoDuration;
  /** It is run when one of these moves. */
  readonly consumers: readonly ConsumerAddress[];
}

interface ConsumerBase {
  readonly address: ConsumerAddress;
  readonly platform: string;
  readonly service: string;
  readonly path: string;
  readonly position: string | null;
  readonly mounts: readonly Mount[];
  readonly probe: Probe;
  /** How long the new tasks must stay the same and healthy before they count as good. */
  readonly settleTime: IsoDuration;
  /** How long a flip may take until it counts as failed. */
  readonly deadline: IsoDuration;
  /** These are flipped and verified first. */
  readonly dependsOn: readonly ConsumerAddress[];
  /** The service need not exist yet: its secrets are staged, nothing is flipped. */
  readonly optional: boolean;
  /** Flipped and verified before the other consumers of its group. */
  readonly canary: boolean;
}
