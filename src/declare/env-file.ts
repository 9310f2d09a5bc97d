import { Construct } from 'constructs';
import type { ConsumerAddress, IsoDuration } from '../model/address.ts';
import { consumerAddress, nameOf } from '../model/address.ts';
import type { DeclaredEnvFile, Mount } from '../model/declared.ts';
import type { EnvFormat } from '../model/host.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import type { Secret } from './declare.ts';
import type { Consuming } from './declaring.ts';
import { addressesOf, declaration, reference } from './declaring.ts';
import type { Host, Hosts } from './host.ts';
import { callerPosition } from './position.ts';
import type { Probe } from './probe.ts';
import type { Restart } from './restart.ts';
import { enrol } from './synth.ts';

/** A variable of a file, and the secret whose value it is. Made by `Secret.as`. */
export interface EnvVariable {
  readonly secret: Secret;
  readonly variable: string;
  readonly version: number | null;
}

/** A public value that is baked into an image, and by what name the build gets it. Made by `Secret.buildArg`. */
export interface BuildArg {
  readonly secret: Secret;
  readonly argument: string;
  readonly version: number | null;
}

export interface ImageBuildProps {
  /** The variable of the file that names the image: what the service runs is `${WEB_IMAGE}` in the compose file. */
  readonly variable: string;
  /** Without a tag: `registry.example/tracker-web`. */
  readonly image: string;
  /** Run on the host with the arguments and `KEYTURN_IMAGE` in its environment; leaves an image of that name. */
  readonly command: readonly string[];
  /** Where it runs, absolute. */
  readonly directory: string;
  /** What is baked in: values of secrets that are classified `public`. */
  readonly args: readonly BuildArg[];
  /** 15 minutes unless said. */
  readonly timeout?: Duration | IsoDuration;
}

export interface EnvFileProps {
  readonly on: Host | Hosts;
  /** Absolute. */
  readonly path: string;
  /** Whose rules it follows: `EnvironmentFile=` of systemd, or `env_file` and `.env` of docker compose. */
  readonly format: EnvFormat;
  /** What keyturn writes in it; every other line stays as it is. */
  readonly variables: readonly EnvVariable[];
  /** Images that are built before the file is written, when what they have baked in changes. */
  readonly builds?: readonly ImageBuildProps[];
  /** Restarted one after the other once it is written. */
  readonly restarts: readonly Restart[];
  /** The mode that it has unless said, 0o600 where it is made anew. */
  readonly mode?: number;
  /** `user`, `user:group` or `:group`; whom it belongs to unless said. */
  readonly owner?: string;
  /** How a restart is tried, from the host itself; what is restarted and its own health checks alone unless said. */
  readonly probe?: Probe;
  /** How long what is restarted must stay up and healthy; 5 seconds unless said. */
  readonly settle?: Duration | IsoDuration;
  /** How long it may take until it counts as failed; 5 minutes unless said. */
  readonly deadline?: Duration | IsoDuration;
  /** These are written, restarted and verified first. */
  readonly dependsOn?: readonly Consuming[];
  /** Its directory need not be there yet: nothing is written until it is. */
  readonly optional?: boolean;
  /** It goes before the others that move with it; of several hosts the one that is named, or `true` for all of them. */
  readonly canary?: boolean | string;
}

/** A file of variables, on one host or on each of several. All that change in it change in one write. */
export class EnvFile extends Construct implements Declaring, Consuming {
  /** One a host. */
  readonly addresses: readonly ConsumerAddress[];
  readonly #props: EnvFileProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: EnvFileProps) {
    super(scope, id);
    this.addresses = namesOf(props.on).map((host) => consumerAddress(host, props.path));
    this.#props = props;
    enrol(this);
  }

  /** What the manifest will say of it, one a host, for aspects that judge it. */
  get declared(): readonly DeclaredEnvFile[] {
    const { on, path, dependsOn = [], canary = false, ...props } = this.#props;
    return namesOf(on).map((host) => ({
      kind: 'env-file',
      address: consumerAddress(host, path),
      platform: host,
      service: path,
      path: 'names' in on ? `${this.node.path}/${host}` : this.node.path,
      position: this.#position,
      mounts: mountsOf(this.#props),
      probe: props.probe ?? { kind: 'none' },
      settleTime: isoOf(props.settle ?? 'PT5S'),
      deadline: isoOf(props.deadline ?? 'PT5M'),
      dependsOn: addressesOf(dependsOn),
      optional: props.optional ?? false,
      canary: typeof canary === 'string' ? canary === host : canary,
      file: {
        path,
        format: props.format,
        mode: props.mode ?? null,
        owner: props.owner ?? null,
        restarts: [...props.restarts],
        builds: (props.builds ?? []).map(({ variable, image, command, directory, timeout = 'PT15M' }) => ({
          variable,
          image,
          argv: [...command],
          directory,
          timeout: isoOf(timeout),
        })),
      },
    }));
  }

  [DECLARE](): readonly Declaration[] {
    const { on, variables, builds = [], dependsOn = [], canary } = this.#props;
    const named = typeof canary === 'string' ? { canary } : {};
    const references = [
      reference('on', on),
      ...variables.map(({ secret }) => reference('variables', secret)),
      ...builds.flatMap(({ args }) => args.map(({ secret }) => reference('builds', secret))),
      ...dependsOn.map((other) => reference('dependsOn', other)),
    ];
    return this.declared.map((consumer) =>
      declaration(this, { kind: 'consumer', consumer, ...named }, this.#position, references),
    );
  }
}

function namesOf(on: Host | Hosts): readonly string[] {
  return 'names' in on ? on.names : [on.name];
}

function mountsOf({ variables, builds = [] }: EnvFileProps): Mount[] {
  return [
    ...variables.map(({ variable, ...read }) => mountOf(variable, read)),
    ...builds.flatMap(({ variable: build, args }) =>
      args.map(({ argument, ...read }) => ({ ...mountOf(argument, read), build })),
    ),
  ].sort((a, b) => (a.target < b.target ? -1 : 1));
}

/** A host keeps no copies: what a version is called there is the secret's own name and the ordinal. */
function mountOf(target: string, { secret, version }: Pick<EnvVariable, 'secret' | 'version'>): Mount {
  const { address } = secret;
  return { secret: address, target, base: nameOf(address), version, uid: '0', gid: '0', mode: 0o444 };
}
