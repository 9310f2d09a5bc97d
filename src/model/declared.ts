import type { ConsumerAddress, IsoDuration, Ordinal, SecretAddress } from './address.ts';

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
  /** Absent or null: in the local directory. */
  readonly record?: DeclaredRecord | null;
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

export interface DeclaredPlatform {
  readonly kind: 'swarm';
  readonly name: string;
  readonly path: string;
  /** `unix:///…`, `ssh://user@host` or `tcp://…`; null: DOCKER_HOST, else the local socket. */
  readonly endpoint: string | null;
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
    }
  | { readonly kind: 'onRequest' | 'onCompromise' | 'userManaged' };

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
  /** Extra tags for the vault's versions; at most 10 (the vault takes 15, five are kept for keyturn). */
  readonly tags: Readonly<Record<string, string>>;
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

export interface DeclaredConsumer {
  readonly kind: 'swarm-service';
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
}
