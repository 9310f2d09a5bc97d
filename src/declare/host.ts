import { Construct } from 'constructs';
import type { DeclaredHost, Restarts } from '../model/declared.ts';
import { isoOf } from './cadence.ts';
import type { Declaration, Declaring } from './declaration.ts';
import { DECLARE } from './declaration.ts';
import type { RestartProps } from './declare.ts';
import { declaration } from './declaring.ts';
import { callerPosition } from './position.ts';
import { enrol } from './synth.ts';

interface MachineProps {
  /** What is run there is run by `sudo -n`; not unless said. */
  readonly sudo?: boolean;
  /** How many of the consumers there may restart at once; any number of independent ones unless said. */
  readonly restarts?: RestartProps;
}

export interface HostProps extends MachineProps {
  /** What the engine calls it; the construct's id unless said. Identity: renaming it makes other consumers. */
  readonly name?: string;
  /** `ssh://user@host[:port]`; the machine that runs keyturn unless said. */
  readonly endpoint?: string;
}

/** A machine whose services read files of variables. */
export class Host extends Construct implements Declaring {
  readonly name: string;
  readonly #props: HostProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: HostProps = {}) {
    super(scope, id);
    this.name = props.name ?? id;
    this.#props = props;
    enrol(this);
  }

  [DECLARE](): Declaration {
    const { endpoint = null, sudo = false, restarts } = this.#props;
    const platform: DeclaredHost = {
      kind: 'host',
      name: this.name,
      path: this.node.path,
      endpoint,
      sudo,
      fleet: null,
      restarts: restartsOf(restarts),
    };
    return declaration(this, { kind: 'platform', platform }, this.#position);
  }
}

export interface HostsProps extends MachineProps {
  /** What the fleet is called; the construct's id unless said. */
  readonly name?: string;
  readonly hosts: readonly {
    /** What the engine calls it: identity, as the name of a `Host`. */
    readonly name: string;
    /** `ssh://user@host[:port]`; the machine that runs keyturn unless said. */
    readonly endpoint?: string;
  }[];
}

/** Machines that are alike: what is declared on them is on each, and the limit of restarts counts across them. */
export class Hosts extends Construct implements Declaring {
  readonly name: string;
  readonly #props: HostsProps;
  readonly #position = callerPosition();

  constructor(scope: Construct, id: string, props: HostsProps) {
    super(scope, id);
    this.name = props.name ?? id;
    this.#props = props;
    enrol(this);
  }

  /** What they are called, in the order of the stack. */
  get names(): string[] {
    return this.#props.hosts.map(({ name }) => name);
  }

  [DECLARE](): readonly Declaration[] {
    const { hosts, sudo = false, restarts } = this.#props;
    const platforms = hosts.map(({ name, endpoint = null }): DeclaredHost => ({
      kind: 'host',
      name,
      path: `${this.node.path}/${name}`,
      endpoint,
      sudo,
      fleet: this.name,
      restarts: restartsOf(restarts),
    }));
    return [
      declaration(this, { kind: 'fleet', name: this.name, hosts: this.names }, this.#position),
      ...platforms.map((platform) => declaration(this, { kind: 'platform', platform }, this.#position)),
    ];
  }
}

/** Null: what is independent moves side by side. */
export function restartsOf(restarts: RestartProps | undefined): Restarts | null {
  return restarts === undefined ? null : { atOnce: restarts.atOnce, pause: isoOf(restarts.pause ?? 'PT0S') };
}
