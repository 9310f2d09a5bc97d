/** A swarm as it is found before anything is declared: services, and what each reads. Names and owners only, no value. */
export interface FoundSwarm {
  /** In the order of their names. */
  readonly services: readonly FoundService[];
  readonly copies: readonly FoundCopy[];
}

export interface FoundService {
  readonly name: string;
  /** The stack that it was deployed with, by `docker stack deploy`; null: with none. */
  readonly namespace: string | null;
  readonly isJob: boolean;
  readonly mounts: readonly FoundMount[];
}

export interface FoundMount {
  readonly target: string;
  readonly copyId: string;
  readonly copyName: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface FoundCopy {
  readonly id: string;
  readonly name: string;
  /** The stack of keyturn that its labels name; null: none. */
  readonly owner: string | null;
}

/** A first stack, as it is written down. */
export interface Discovery {
  readonly stack: string;
  /** Null: none was named. */
  readonly vault: string | null;
  readonly swarm: { readonly name: string; readonly endpoint: string | null };
  readonly secrets: readonly DiscoveredSecret[];
  readonly consumers: readonly DiscoveredConsumer[];
  /** What a person must know: what was left out, renamed, or does not fit together; one line each. */
  readonly said: readonly string[];
}

export interface DiscoveredSecret {
  /** In the vault, or as it could be called there. */
  readonly name: string;
  /** `both`; the vault has nothing that goes by its name; nothing on the swarm does. */
  readonly found: 'both' | 'swarm' | 'vault';
  /** What the swarm's names of it are made of; null: nothing there is of it. */
  readonly base: string | null;
  /** The copies that are read, in the order of their names. */
  readonly copies: readonly string[];
}

export interface DiscoveredConsumer {
  readonly service: string;
  readonly mounts: readonly DiscoveredMount[];
}

export interface DiscoveredMount {
  /** Name of a secret of the same discovery. */
  readonly secret: string;
  readonly target: string;
  readonly base: string;
  /** An older version than others read: pinned, so that it stays; null: it reads what the others do. */
  readonly version: number | null;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}
