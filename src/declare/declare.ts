import { basename } from 'node:path';
import { TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import { consumerAddress, secretAddress } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredSecret, DeclaredVault, VaultAuth } from '../model/declared.ts';
import type { Cadence, Duration } from './cadence.ts';
import type { Declaration, Declaring, Item, Reference } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import { emitKeyVault } from './key-vault-resources.ts';
import type { KeyVaultResourceProps } from './key-vault-resources.ts';
import { callerPosition } from './position.ts';
import type { Probe } from './probe.ts';
import type { Source } from './source.ts';
import { enrol, tokensIn } from './synth.ts';

// The package's door: what a stack needs beside cdktf's own App and TerraformStack.
export { Cadence, Duration } from './cadence.ts';
export type { Clock, Day, Weekday } from './cadence.ts';
export { Probe } from './probe.ts';
export type { HttpProbeProps, TcpProbeProps } from './probe.ts';
export { Source } from './source.ts';
export type { KeyPairProps, RandomProps } from './source.ts';
export type { KeyVaultResourceProps, VaultAuth };

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
  readonly #props: KeyVaultProps;

  constructor(scope: Construct, id: string, props: KeyVaultProps) {
    super(scope, id);
    this.name = props.name;
    this.#props = props;
    enrol(this);
    if (props.terraform !== false) emitKeyVault(this, props.name, props.tenantId, props);
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
}

/** A Docker Swarm: where consumers run. */
export class Swarm extends Construct implements Declaring {
  readonly name: string;
  readonly #endpoint: string | null;

  constructor(scope: Construct, id: string, props: SwarmProps = {}) {
    super(scope, id);
    this.name = props.name ?? id;
    this.#endpoint = props.endpoint ?? null;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { name } = this;
    const platform = { kind: 'swarm', name, path: this.node.path, endpoint: this.#endpoint } as const;
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
  readonly soak?: Duration;
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
  readonly contentType?: string;
  /** At most 10 tags of your own. */
  readonly tags?: Readonly<Record<string, string>>;
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

  /** Says after both exist that they rotate together. */
  together(...others: readonly Secret[]): this {
    for (const other of others) this.#together.add(other);
    return this;
  }

  [DECLARE](): Declaration {
    const props = this.#props;
    const secret: DeclaredSecret = {
      address: this.address,
      vault: props.vault.name,
      name: props.name ?? this.node.id,
      path: this.node.path,
      position: this.#position,
      source: props.source,
      cadence: props.cadence,
      soak: props.soak?.iso ?? 'PT72H',
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
      tags: props.tags ?? {},
    };
    return declaration(this, { kind: 'secret', secret }, this.#position, [
      reference('vault', props.vault),
      ...(props.dependsOn ?? []).map((other) => reference('dependsOn', other)),
      ...(props.derivedFrom ?? []).map((other) => reference('derivedFrom', other)),
      ...[...this.#together].map((other) => reference('together', other)),
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
  readonly settle?: Duration;
  /** How long a flip may take until it counts as failed; 5 minutes unless said. */
  readonly deadline?: Duration;
  /** These are flipped and verified first. */
  readonly dependsOn?: readonly SwarmService[];
  /** The service need not exist yet: its secrets are staged, nothing is flipped. */
  readonly optional?: boolean;
}

/** A service of a swarm that reads secrets. All that change for it change in one update. */
export class SwarmService extends Construct implements Declaring {
  readonly address: ConsumerAddress;
  readonly #props: SwarmServiceProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: SwarmServiceProps) {
    super(scope, id);
    this.address = consumerAddress(props.swarm.name, props.service);
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { swarm, service, mounts, dependsOn = [], ...props } = this.#props;
    const consumer: DeclaredConsumer = {
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
      settleTime: props.settle?.iso ?? 'PT5S',
      deadline: props.deadline?.iso ?? 'PT5M',
      dependsOn: addresses(dependsOn),
      optional: props.optional ?? false,
    };
    return declaration(this, { kind: 'consumer', consumer }, this.#position, [
      reference('swarm', swarm),
      ...mounts.map((mount) => reference('mounts', mount.secret)),
      ...dependsOn.map((other) => reference('dependsOn', other)),
    ]);
  }
}

function declaration(
  construct: Construct,
  item: Item,
  position: string | null = null,
  references: readonly Reference[] = [],
): Declaration {
  const stack = TerraformStack.of(construct).node.id;
  return { stack, path: construct.node.path, position, item, references, unresolved: tokensIn(item) };
}

function reference(as: string, to: Construct): Reference {
  return { as, stack: TerraformStack.of(to).node.id, path: to.node.path };
}

function addresses<A extends string>(constructs: Iterable<{ readonly address: A }> = []): A[] {
  return [...new Set([...constructs].map(({ address }) => address))].sort();
}
