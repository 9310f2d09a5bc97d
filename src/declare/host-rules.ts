import type { SecretAddress } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredHost, DeclaredSecret } from '../model/declared.ts';
import { bakedProblem } from '../model/host-rules.ts';
import type { Declaration } from './declaration.ts';
import type { Found } from './found.ts';
import { place, repeats } from './found.ts';

/** What several declarations show of hosts, of files on them and of smoke tests. */
export function hostProblems(all: readonly Declaration[]): Found[] {
  const secrets = secretsIn(all);
  const readers = readersIn(all);
  return [
    ...repeatedFleets(all),
    ...repeatedMachines(all),
    ...repeatedSmokeTests(all),
    ...all.flatMap((at) => bakedProblems(at, secrets)),
    ...all.flatMap((at) => unknownCanary(at, all)),
    ...all.flatMap((at) => keptCopies(at, readers)),
  ];
}

function repeatedFleets(all: readonly Declaration[]): Found[] {
  const name = (at: Declaration): string | null => (at.item.kind === 'fleet' ? at.item.name : null);
  return repeats(all, (at) => (name(at) === null ? null : `${at.stack} ${name(at)}`)).map(
    ({ at, first }) => ({
      at,
      what: `fleet "${name(at)}" is declared twice, first as ${place(first)}`,
      next: 'put all of its hosts into one, or give another name: restarts are counted by it',
    }),
  );
}

/** One machine under two names would restart what is counted twice, and its files would have two addresses. */
function repeatedMachines(all: readonly Declaration[]): Found[] {
  const hosts = all.filter((at) => hostOf(at) !== null);
  const firsts = new Map<string | null, Declaration>();
  return hosts.flatMap((at) => {
    const endpoint = hostOf(at)?.endpoint?.replace(/\/$/, '') ?? null;
    const first = firsts.get(endpoint) ?? at;
    firsts.set(endpoint, first);
    if (hostOf(first)?.name === hostOf(at)?.name) return [];
    const machine = endpoint === null ? 'the machine that runs keyturn' : `"${endpoint}"`;
    return [
      {
        at,
        what: `${machine} is host "${hostOf(at)?.name}" here and "${hostOf(first)?.name}" in ${place(first)}`,
        next: 'keep one name: what restarts on a host is counted by it',
      },
    ];
  });
}

function hostOf(at: Declaration): DeclaredHost | null {
  return at.item.kind === 'platform' && at.item.platform.kind === 'host' ? at.item.platform : null;
}

function repeatedSmokeTests(all: readonly Declaration[]): Found[] {
  const name = (at: Declaration): string | null =>
    at.item.kind === 'smoke-test' ? `${at.stack} ${at.item.smokeTest.name}` : null;
  return repeats(all, name).map(({ at, first }) => ({
    at,
    what: `two smoke tests of the stack have one id, the first is ${place(first)}`,
    next: 'give another id: plan and history call each by it',
  }));
}

/** Of two with one address the first. */
function secretsIn(all: readonly Declaration[]): ReadonlyMap<SecretAddress, DeclaredSecret> {
  const secrets = all.flatMap(({ item }) => (item.kind === 'secret' ? [item.secret] : []));
  return new Map(secrets.toReversed().map((secret) => [secret.address, secret]));
}

/** The kinds of consumers that read each secret. */
function readersIn(
  all: readonly Declaration[],
): ReadonlyMap<SecretAddress, ReadonlySet<DeclaredConsumer['kind']>> {
  const readers = new Map<SecretAddress, Set<DeclaredConsumer['kind']>>();
  for (const { item } of all) {
    if (item.kind !== 'consumer') continue;
    for (const { secret } of item.consumer.mounts)
      readers.set(secret, (readers.get(secret) ?? new Set()).add(item.consumer.kind));
  }
  return readers;
}

function bakedProblems(at: Declaration, secrets: ReturnType<typeof secretsIn>): Found[] {
  if (at.item.kind !== 'consumer') return [];
  return at.item.consumer.mounts.flatMap((mount) => {
    const secret = secrets.get(mount.secret);
    const problem = secret === undefined ? null : bakedProblem(mount, secret);
    return problem === null ? [] : [{ at, ...problem }];
  });
}

/** The consumers of one construct are declared at one place. */
function unknownCanary(at: Declaration, all: readonly Declaration[]): Found[] {
  if (at.item.kind !== 'consumer' || at.item.canary === undefined) return [];
  const { canary } = at.item;
  const hosts = all.flatMap(({ path, item }) =>
    path === at.path && item.kind === 'consumer' ? [item.consumer.platform] : [],
  );
  if (hosts.includes(canary)) return [];
  return [
    { at, what: `its canary "${canary}" is none of its hosts`, next: `name one of ${hosts.join(', ')}` },
  ];
}

function keptCopies(at: Declaration, readers: ReturnType<typeof readersIn>): Found[] {
  if (at.item.kind !== 'secret' || at.item.secret.keep === 0) return [];
  const { address, keep } = at.item.secret;
  const kinds = readers.get(address);
  if (kinds === undefined || kinds.has('swarm-service')) return [];
  return [
    {
      at,
      what: `keep ${keep}, and only files on hosts hold it: a host keeps no copies`,
      next: 'leave keep out; the way back is read from the vault until the soak ends',
    },
  ];
}
