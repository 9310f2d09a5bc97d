import { basename } from 'node:path';
import { Construct } from 'constructs';
import type { ConsumerAddress, IsoDuration, SecretAddress } from '../model/address.ts';
import { consumerAddress, secretAddress } from '../model/address.ts';
import type {
  DeclaredPlatform,
  DeclaredSecret,
  DeclaredService,
  DeclaredVault,
  RefusalProbe,
  Revocation,
  Setting,
  VaultAuth,
} from '../model/declared.ts';
import type { Cadence, Duration, Window } from './cadence.ts';
import { isoOf } from './cadence.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import type { Consuming } from './declaring.ts';
import { addresses, addressesOf, declaration, reference } from './declaring.ts';
import type { BuildArg, EnvVariable } from './env-file.ts';
import { restartsOf } from './host.ts';
import { emitKeyVault } from './key-vault-resources.ts';
import type { KeyVaultResourceProps } from './key-vault-resources.ts';
import { callerPosition } from './position.ts';
import type { Effect } from './outside.ts';
import type { Probe } from './probe.ts';
import type { Source } from './source.ts';
import { enrol } from './synth.ts';

// The package's door: what a stack needs beside cdktf's own App and TerraformStack.
export { Cadence, Duration, Window } from './cadence.ts';
export type { CalendarProps, Clock, Day, Weekday, WindowProps } from './cadence.ts';
export { EnvFile } from './env-file.ts';
export type { BuildArg, EnvFileProps, EnvVariable, ImageBuildProps } from './env-file.ts';
export { Freeze } from './freeze.ts';
export type { FreezeProps } from './freeze.ts';
export { Host, Hosts } from './host.ts';
export type { HostProps, HostsProps } from './host.ts';
export { Notification, Receiver } from './notification.ts';
export type { GithubIssueProps, NotificationProps, WebhookProps } from './notification.ts';
export { Effect, fromEnvironment, Revoke } from './outside.ts';
export type { FromEnvironment, HttpEffectProps, ProgramProps } from './outside.ts';
export { RotationPolicy } from './policy.ts';
export type { RotationPolicyProps } from './policy.ts';
export { Probe } from './probe.ts';
export type { HttpProbeProps, TcpProbeProps } from './probe.ts';
export type { CommandRefusalProps, HttpRefusalProps, RefusalProps, TcpRefusalProps } from './refusal.ts';
export { Command, ComposeService, SystemdUnit } from './restart.ts';
export type { ComposeServiceProps, Restart } from './restart.ts';
export { SmokeTest } from './smoke-test.ts';
export type { SmokeTestProps } from './smoke-test.ts';
export { Source } from './source.ts';
export type { KeyPairProps, RandomProps } from './source.ts';
export type { KeyVaultResourceProps, RefusalProbe, Revocation, Setting, VaultAuth };

export interface KeyVaultProps extends KeyVaultResourceProps {
  /** The vault's name in Azure, 3 to 24 characters. */
  readonly name: string;
  /** `https://<name>.vault.azure.net` unless said. */
  readonly uri?: string;
  /** Where the engine's credential comes from; `default` tries the usual places in turn. */
  readonly auth?: VaultAuth;
  /** The Entra tenant; the vault's own challenge names it where it is left out. */
  readonly tenantId?: string;
  /** `false`: somebody else owns the vault's resources, cdk.tf.json gets none. `true` unless said. */
  readonly terraform?: boolean;
}

/**
 * An Azure key vault: where values are kept. Writes the vault, the roles of planner and applier, their
 * assignments and the audit log into cdk.tf.json, unless `terraform` is false; never a value.
 */
export class KeyVault extends Construct implements Declaring {
  readonly name: string;
  /**
   * The vault's id as Terraform knows it, for role assignments of a stack's own: `${vault.resourceId}/secrets/<name>` is
   * the scope of one secret. Null where `terraform` is false.
   */
  readonly resourceId: string | null;
  readonly #props: KeyVaultProps;

  constructor(scope: Construct, id: string, props: KeyVaultProps) {
    super(scope, id);
    this.name = props.name;
    this.#props = props;
    enrol(this);
    this.resourceId =
      props.terraform === false ? null : emitKeyVault(this, props.name, props.tenantId, props);
  }

  [DECLARE](): Declaration {
    const { name, uri, auth = 'default', tenantId = null, terraform = true } = this.#props;
    const vault: DeclaredVault = {
      name,
      path: this.node.path,
      uri: uri ?? `https://${name.toLowerCase()}.vault.azure.net`,
      auth,
      tenantId,
    };
    return declaration(this, { kind: 'vault', vault, terraform });
  }
}

export interface SwarmProps {
  /** What the engine calls it; the construct's id unless said. Identity: renaming it makes other consumers. */
  readonly name?: string;
  /** `unix:///…`, `ssh://user@host` or `tcp://…`; DOCKER_HOST, else the local socket, unless said. */
  readonly endpoint?: string;
  /** How many of its consumers may restart at once; any number of independent ones unless said. */
  readonly restarts?: RestartProps;
}

export interface RestartProps {
  readonly atOnce: number;
  /** How long those of a wave are watched, once they are good, before the next wave; no longer unless said. */
  readonly pause?: Duration | IsoDuration;
}

/** A Docker Swarm: where consumers run. */
export class Swarm extends Construct implements Declaring {
  readonly name: string;
  readonly #props: SwarmProps;

  constructor(scope: Construct, id: string, props: SwarmProps = {}) {
    super(scope, id);
    this.name = props.name ?? id;
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { endpoint = null, restarts } = this.#props;
    const platform: DeclaredPlatform = {
      kind: 'swarm',
      name: this.name,
      path: this.node.path,
      endpoint,
      restarts: restartsOf(restarts),
    };
    return declaration(this, { kind: 'platform', platform });
  }
}

export interface SecretProps {
  readonly vault: KeyVault;
  /** Its name in the vault; the construct's id unless said. */
  readonly name?: string;
  /** What makes its values. */
  readonly source: Source;
  /** When it is due. */
  readonly cadence: Cadence;
  /** How long the prior version stays usable after a rotation; 72 hours unless said. */
  readonly soak?: Duration | IsoDuration;
  readonly owner?: string;
  readonly environment?: string;
  readonly classification?: string;
  readonly description?: string;
  /** Bump it to ask for one rotation; 1 unless said. */
  readonly generation?: number;
  /** How many prior copies stay on the platform after settle; 0 unless said. */
  readonly keep?: number;
  /** `latest`: someone reads the vault without a version. */
  readonly readers?: 'pinned' | 'latest';
  /** Take over a secret of this name that keyturn did not make. */
  readonly adopt?: boolean;
  /** These rotate first, when both rotate. */
  readonly dependsOn?: readonly Secret[];
  /** Its value is made from theirs. */
  readonly derivedFrom?: readonly Secret[];
  /** These rotate whenever this one does, in one group. Said once it holds both ways. */
  readonly together?: readonly Secret[];
  /** Stand-ins: none rotates while another soaks, nor sooner than `by` after it. Said once it holds both ways. */
  readonly apart?: readonly { readonly secret: Secret; readonly by?: Duration | IsoDuration }[];
  /** When its cadence may rotate it; at any time unless said. What a person orders is not bound to them. */
  readonly windows?: readonly Window[];
  /** How long after its date, or after the first window behind that, it counts as overdue; 24 hours unless said. */
  readonly grace?: Duration | IsoDuration;
  readonly contentType?: string;
  /** At most 10 tags of your own. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Which of these texts are personal data: they are masked in whatever keyturn shows, sends or writes. */
  readonly pii?: readonly ('owner' | 'description' | `tags.${string}`)[];
  /** What makes an old value invalid where it is checked, before its version is retired. */
  readonly revoke?: Revocation;
  /** How an old value is shown to be refused there: `Probe.refused`. Until it is, its version is not retired. */
  readonly refused?: RefusalProbe;
  /** What else an emergency has to bring about, in this order. */
  readonly onCompromise?: readonly Effect[];
}

export interface MountProps {
  /** Pins this consumer to a version; it keeps that version from retiring. */
  readonly version?: number;
  /** What the copies on the platform are called, before `_v4`; the target's file name unless said. */
  readonly base?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** 0o444 unless said. */
  readonly mode?: number;
}

/** Where one consumer reads one secret. Made by `Secret.at`. */
export interface SecretMount {
  readonly secret: Secret;
  readonly target: string;
  readonly base: string;
  readonly version: number | null;
  readonly uid: string;
  readonly gid: string;
  readonly mode: number;
}

/** A secret in a vault, with what makes its values and when. Its address is the vault's name and its own. */
export class Secret extends Construct implements Declaring {
  readonly address: SecretAddress;
  readonly #props: SecretProps;
  readonly #together: Set<Secret>;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: SecretProps) {
    super(scope, id);
    this.address = secretAddress(props.vault.name, props.name ?? id);
    this.#props = props;
    this.#together = new Set(props.together);
    enrol(this);
  }

  /** A mount of this secret: a file name under /run/secrets, or an absolute path in the container. */
  at(target: string, props: MountProps = {}): SecretMount {
    return {
      secret: this,
      target,
      base: props.base ?? basename(target),
      version: props.version ?? null,
      uid: String(props.uid ?? 0),
      gid: String(props.gid ?? 0),
      mode: props.mode ?? 0o444,
    };
  }

  /** A variable of this secret in a file on a host; `version` pins the consumer to one. */
  as(variable: string, { version = null }: { readonly version?: number | null } = {}): EnvVariable {
    return { secret: this, variable, version };
  }

  /** An argument of a build that bakes this secret's value into an image; it must be classified `public`. */
  buildArg(argument: string, { version = null }: { readonly version?: number | null } = {}): BuildArg {
    return { secret: this, argument, version };
  }

  /** Says after both exist that they rotate together. */
  together(...others: readonly Secret[]): this {
    for (const other of others) this.#together.add(other);
    return this;
  }

  /** What the manifest will say of it, for aspects that judge it; a value that Terraform makes is still a token here. */
  get declared(): DeclaredSecret {
    const props = this.#props;
    return {
      address: this.address,
      vault: props.vault.name,
      name: props.name ?? this.node.id,
      path: this.node.path,
      position: this.#position,
      source: props.source,
      cadence: props.cadence,
      soak: isoOf(props.soak ?? 'PT72H'),
      owner: props.owner ?? null,
      environment: props.environment ?? null,
      classification: props.classification ?? null,
      description: props.description ?? null,
      contentType: props.contentType ?? null,
      generation: props.generation ?? 1,
      keep: props.keep ?? 0,
      readers: props.readers ?? 'pinned',
      adopt: props.adopt ?? false,
      dependsOn: addresses(props.dependsOn),
      derivedFrom: addresses(props.derivedFrom),
      together: addresses(this.#together),
      apart: (props.apart ?? [])
        .map(({ secret: other, by = 'PT0S' }) => ({ secret: other.address, by: isoOf(by) }))
        .sort((a, b) => (a.secret < b.secret ? -1 : 1)),
      windows: props.windows ?? [],
      grace: isoOf(props.grace ?? 'PT24H'),
      tags: props.tags ?? {},
      ...(props.revoke === undefined ? {} : { revoke: props.revoke }),
      ...(props.refused === undefined ? {} : { refused: props.refused }),
      ...(props.onCompromise === undefined ? {} : { onCompromise: [...props.onCompromise] }),
      ...(props.pii === undefined || props.pii.length === 0 ? {} : { pii: [...props.pii].sort() }),
    };
  }

  [DECLARE](): Declaration {
    const props = this.#props;
    return declaration(this, { kind: 'secret', secret: this.declared }, this.#position, [
      reference('vault', props.vault),
      ...(props.dependsOn ?? []).map((other) => reference('dependsOn', other)),
      ...(props.derivedFrom ?? []).map((other) => reference('derivedFrom', other)),
      ...[...this.#together].map((other) => reference('together', other)),
      ...(props.apart ?? []).map(({ secret: other }) => reference('apart', other)),
    ]);
  }
}

export interface SwarmServiceProps {
  readonly swarm: Swarm;
  /** The service's full name on the swarm, for instance `busflow_api`. keyturn never creates services. */
  readonly service: string;
  readonly mounts: readonly SecretMount[];
  /** How a flip is tried; the tasks' own health checks alone unless said. */
  readonly probe?: Probe;
  /** How long the new tasks must stay the same and healthy; 5 seconds unless said. */
  readonly settle?: Duration | IsoDuration;
  /** How long a flip may take until it counts as failed; 5 minutes unless said. */
  readonly deadline?: Duration | IsoDuration;
  /** These are flipped and verified first. */
  readonly dependsOn?: readonly Consuming[];
  /** The service need not exist yet: its secrets are staged, nothing is flipped. */
  readonly optional?: boolean;
  /** It is flipped and verified before the other services that move with it. */
  readonly canary?: boolean;
}

/** A service of a swarm that reads secrets. All that change for it change in one update. */
export class SwarmService extends Construct implements Declaring, Consuming {
  readonly address: ConsumerAddress;
  readonly addresses: readonly ConsumerAddress[];
  readonly #props: SwarmServiceProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: SwarmServiceProps) {
    super(scope, id);
    this.address = consumerAddress(props.swarm.name, props.service);
    this.addresses = [this.address];
    this.#props = props;
    enrol(this);
  }

  /** What the manifest will say of it, for aspects that judge it. */
  get declared(): DeclaredService {
    const { swarm, service, mounts, dependsOn = [], ...props } = this.#props;
    return {
      kind: 'swarm-service',
      address: this.address,
      platform: swarm.name,
      service,
      path: this.node.path,
      position: this.#position,
      mounts: mounts
        .map((mount) => ({ ...mount, secret: mount.secret.address }))
        .sort((a, b) => (a.target < b.target ? -1 : 1)),
      probe: props.probe ?? { kind: 'none' },
      settleTime: isoOf(props.settle ?? 'PT5S'),
      deadline: isoOf(props.deadline ?? 'PT5M'),
      dependsOn: addressesOf(dependsOn),
      optional: props.optional ?? false,
      canary: props.canary ?? false,
    };
  }

  [DECLARE](): Declaration {
    const { swarm, mounts, dependsOn = [] } = this.#props;
    return declaration(this, { kind: 'consumer', consumer: this.declared }, this.#position, [
      reference('swarm', swarm),
      ...mounts.map((mount) => reference('mounts', mount.secret)),
      ...dependsOn.map((other) => reference('dependsOn', other)),
    ]);
  }
}
