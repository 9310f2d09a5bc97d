/** One version as the vault lists it. */
export interface ListedVersion {
  readonly id: string;
  readonly isEnabled: boolean;
  /** The tag `keyturn-version`; null where it has none. */
  readonly ordinal: number | null;
  /** The tag `keyturn-op`. */
  readonly operation: string | null;
}

/** What the vault and the swarm themselves say, asked over the wire without keyturn's code. */
export interface Outside {
  readonly secrets: ReadonlyMap<
    string,
    { readonly newest: ListedVersion; readonly all: readonly ListedVersion[] }
  >;
  /** By Docker's id. */
  readonly copies: ReadonlyMap<
    string,
    { readonly name: string; readonly secret: string; readonly ordinal: number }
  >;
  readonly services: readonly {
    readonly name: string;
    readonly copyIds: readonly string[];
    /** Of update and rollback, as the service's owner set them. */
    readonly failureActions: string;
  }[];
}

interface VaultItem {
  readonly id: string;
  readonly attributes: { readonly enabled: boolean };
  readonly tags?: Readonly<Record<string, string>>;
}

interface SwarmSecret {
  readonly ID: string;
  readonly Spec: { readonly Name: string; readonly Labels?: Readonly<Record<string, string>> };
}

interface SwarmService {
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: {
      readonly ContainerSpec: { readonly Secrets?: readonly { readonly SecretID: string }[] };
    };
    readonly UpdateConfig?: { readonly FailureAction?: string };
    readonly RollbackConfig?: { readonly FailureAction?: string };
  };
}

/** Lists everything in one vault and on one swarm. Both are addresses of `keyturn sandbox serve`. */
export async function lookOutside(vault: string, swarm: string): Promise<Outside> {
  const engine = swarm.replace('tcp:', 'http:');
  const newest = await listAll(`${vault}/secrets?api-version=7.5`);
  const secrets = new Map<string, { newest: ListedVersion; all: ListedVersion[] }>();
  for (const item of newest) {
    const name = item.id.split('/').at(-1) ?? '';
    const all = await listAll(`${vault}/secrets/${name}/versions?api-version=7.5`);
    secrets.set(name, { newest: versionIn(item), all: all.map(versionIn) });
  }
  const copies = (await read<readonly SwarmSecret[]>(`${engine}/secrets`)).map(({ ID, Spec }) => {
    const { 'keyturn-secret': secret = '', 'keyturn-version': ordinal } = Spec.Labels ?? {};
    return [
      ID,
      { name: Spec.Name, secret: secret.split('/').at(-1) ?? '', ordinal: Number(ordinal) },
    ] as const;
  });
  const services = (await read<readonly SwarmService[]>(`${engine}/services`)).map(({ Spec }) => ({
    name: Spec.Name,
    copyIds: (Spec.TaskTemplate.ContainerSpec.Secrets ?? []).map(({ SecretID }) => SecretID),
    failureActions: `${Spec.UpdateConfig?.FailureAction} ${Spec.RollbackConfig?.FailureAction}`,
  }));
  return { secrets, copies: new Map(copies), services };
}

async function listAll(url: string): Promise<VaultItem[]> {
  const items: VaultItem[] = [];
  for (let next: string | null = url; next !== null;) {
    const page: { readonly value: readonly VaultItem[]; readonly nextLink: string | null } = await read(next);
    items.push(...page.value);
    next = page.nextLink;
  }
  return items;
}

async function read<T>(url: string): Promise<T> {
  const headers = { authorization: 'Bearer bench' };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}

function versionIn({ id, attributes, tags }: VaultItem): ListedVersion {
  const ordinal = tags?.['keyturn-version'];
  return {
    id: id.split('/').at(-1) ?? '',
    isEnabled: attributes.enabled,
    ordinal: ordinal === undefined ? null : Number(ordinal),
    operation: tags?.['keyturn-op'] ?? null,
  };
}

/**
 * What must never be, killed or not: a service that names a copy that is gone, or one whose version the vault no
 * longer gives out (invariant I3).
 */
export function danglingIn({ services, copies, secrets }: Outside): string[] {
  return services.flatMap(({ name, copyIds }) =>
    copyIds.flatMap((id) => {
      const copy = copies.get(id);
      if (copy === undefined) return [`${name} names a copy that is gone`];
      const versions = secrets.get(copy.secret)?.all ?? [];
      const isLive = versions.some(({ ordinal, isEnabled }) => isEnabled && ordinal === copy.ordinal);
      return isLive
        ? []
        : [`${name} reads ${copy.name}, and the vault has no enabled v${copy.ordinal} of it`];
    }),
  );
}

/**
 * What must not be once a rerun has converged, with a soak of zero: `current` is the record's. Nothing enabled but
 * the current version, which is the newest; one copy of it; every service on it, with its owner's settings.
 */
export function leftoversIn(
  outside: Outside,
  current: ReadonlyMap<string, number | null>,
  failureActions: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  for (const [name, ordinal] of current) {
    const secret = outside.secrets.get(name);
    if (secret === undefined || ordinal === null) {
      problems.push(`${name} has ${secret === undefined ? 'no version in the vault' : 'no current version'}`);
      continue;
    }
    const { newest, all } = secret;
    if (newest.ordinal !== ordinal || !newest.isEnabled) {
      problems.push(`${name}: a ghost is the newest, v${newest.ordinal} and not v${ordinal}`);
    }
    const others = new Set(
      all.filter((each) => each.isEnabled && each.ordinal !== ordinal).map((each) => each.ordinal),
    );
    for (const other of others) problems.push(`${name}: v${other} is enabled beside the current v${ordinal}`);
  }
  for (const { name, secret, ordinal } of outside.copies.values()) {
    if (current.get(secret) !== ordinal)
      problems.push(`${name} is on the swarm, and v${current.get(secret)} is current`);
  }
  for (const { name, failureActions: now } of outside.services) {
    const before = failureActions.get(name);
    if (now !== before) problems.push(`${name} has the failure actions "${now}", and "${before}" before`);
  }
  return [...problems, ...danglingIn(outside)];
}

/** Secrets of which one operation, and so one cause, stands on two versions. */
export function doublesIn({ secrets }: Outside): string[] {
  return [...secrets].flatMap(([name, { all }]) => {
    const operations = all.flatMap(({ operation }) => (operation === null ? [] : [operation]));
    return new Set(operations).size === operations.length ? [] : [name];
  });
}
