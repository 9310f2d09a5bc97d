import { copyName } from '../model/address.ts';
import type { ComposeFile, ComposeMount, ComposeService } from '../model/compose.ts';
import { variableOf } from '../model/compose-variables.ts';
import type { Declared, DeclaredConsumer, Mount } from '../model/declared.ts';
import type { Finding, Place } from '../model/finding.ts';
import type { Known } from './mounted-names.ts';
import { Names } from './mounted-names.ts';

interface Consumer {
  readonly stack: string;
  readonly consumer: DeclaredConsumer;
}

/**
 * What does not agree between compose files and what all stacks declare: names that no stack declares, secrets that a
 * rotation would not flip for a service, declared mounts that a deploy would take away. The files are read as parts of
 * one: a secret that one mounts may be named in another.
 *
 * A name fits where it is a copy of a declared mount (`busflow_db_writer_v4`), the variable of `keyturn output --format
 * env` for it, or a key that `--format compose` fills in. A service is the declared one of that name, or of that name
 * behind the name of its stack: `api` is `busflow_api`.
 */
export function composeFindings(stacks: readonly Declared[], files: readonly ComposeFile[]): Finding[] {
  const consumers = stacks.flatMap(({ stack, consumers }) =>
    consumers.map((consumer) => ({ stack, consumer })),
  );
  const names = new Names(
    consumers.flatMap(({ consumer }) => consumer.mounts),
    files,
  );
  const services = byKey(files);
  const found = [...services].flatMap(([key, parts]) => serviceFindings(key, parts, consumers, names));
  const links = files.flatMap(({ notFollowed = [], file }) =>
    notFollowed.map(({ kind, place }) => ({
      ...finding('unknown', 'note', file, place),
      text: `it goes on in another file, which was not read (${kind})`,
      next: 'give that file with --compose too',
    })),
  );
  return [...found, ...unmounted(files, names), ...links];
}

function byKey(files: readonly ComposeFile[]): Map<string, ComposeService[]> {
  const services = new Map<string, ComposeService[]>();
  for (const service of files.flatMap((file) => file.services)) {
    services.set(service.key, [...(services.get(service.key) ?? []), service]);
  }
  return services;
}

function serviceFindings(
  key: string,
  parts: readonly ComposeService[],
  consumers: readonly Consumer[],
  names: Names,
): Finding[] {
  const mounts = parts.flatMap((part) => part.mounts);
  const declared = consumerOf(key, mounts, consumers);
  const wrong = mounts.flatMap((mount) => mountFindings(key, mount, declared, names));
  const [first] = parts;
  if (declared === null || first === undefined) return wrong;
  const { consumer, stack } = declared;
  const absent = consumer.mounts.filter(
    ({ target }) => !mounts.some((mount) => placeIn(mount.target) === placeIn(target)),
  );
  return [
    ...wrong,
    ...absent.map((mount) => ({
      ...finding('missing', 'error', key, first.place),
      stack,
      address: consumer.address,
      text: `its declared mount "${mount.target}" of ${mount.secret} is not in the file: a deploy would take it away`,
      next: `mount "${mount.base}" there, or take the mount out of the stack`,
    })),
  ];
}

function mountFindings(key: string, mount: ComposeMount, declared: Consumer | null, names: Names): Finding[] {
  const secret = names.secretOf(mount);
  const known = names.knownAs(mount.source, secret);
  const of = { stack: declared?.stack ?? null, address: declared?.consumer.address ?? null };
  const at = (rule: Finding['rule'], level: Finding['level']): Omit<Finding, 'text' | 'next'> => ({
    ...finding(rule, level, key, mount.place),
    ...of,
  });
  const called = `"${secret?.external ?? mount.source}"`;
  const ours = declared?.consumer.mounts.find(({ target }) => placeIn(target) === placeIn(mount.target));
  if (secret !== null && secret.external === null) {
    if (ours === undefined) return [];
    const text = `it would read "${mount.target}" from what a file makes, not what keyturn delivers`;
    return [{ ...at('missing', 'error'), text, next: `make the secret "${secret.key}" external` }];
  }
  if (known === null) {
    const where = secret === null ? ', and no file given here says what it is' : '';
    const text = `it mounts ${called}, which no stack declares${where}`;
    return [
      {
        ...at('undeclared-mount', 'error'),
        text,
        next: 'declare the mount in a stack, or take it out of the file',
      },
    ];
  }
  if (ours?.base !== known.base) {
    const text =
      declared === null
        ? `it mounts ${called}, and no stack declares this service: a rotation would not flip it`
        : `it mounts ${called} at "${mount.target}", where the stack declares ${ours === undefined ? 'nothing' : `"${ours.base}"`}: a rotation would not flip it`;
    return [
      {
        ...at('undeclared-mount', 'error'),
        text,
        next: 'declare the mount in a stack, or take it out of the file',
      },
    ];
  }
  return supersededSoon(ours, known).map((more) => ({ ...at('superseded', 'note'), ...more }));
}

/** A version that a file names is an older one after the next rotation, unless the stack pins it. */
function supersededSoon(mount: Mount, { base, ordinal }: Known): Pick<Finding, 'text' | 'next'>[] {
  if (ordinal === null || mount.version === ordinal) return [];
  return [
    {
      text: `the file names ${copyName(base, ordinal)} itself: after the next rotation a deploy would go back to it`,
      next: `write \${${variableOf(base)}:?run keyturn output} there, and deploy with the names of keyturn output`,
    },
  ];
}

/** External secrets that no service of the files mounts and no stack declares. */
function unmounted(files: readonly ComposeFile[], names: Names): Finding[] {
  const mounted = new Set(
    files.flatMap(({ services }) => services.flatMap(({ mounts }) => mounts.map(({ source }) => source))),
  );
  return files.flatMap(({ secrets }) =>
    secrets
      .filter((secret) => secret.external !== null && !mounted.has(secret.key))
      .filter((secret) => names.knownAs(secret.key, secret) === null)
      .map((secret) => ({
        ...finding('undeclared-mount', 'warning', secret.key, secret.place),
        text: `the file names the secret "${secret.external}", which no stack declares and no service here mounts`,
        next: 'take it out of the file',
      })),
  );
}

/** The declared service that a key of a compose file means; of several the one that reads the most of it. */
function consumerOf(
  key: string,
  mounts: readonly ComposeMount[],
  consumers: readonly Consumer[],
): Consumer | null {
  const targets = new Set(mounts.map(({ target }) => placeIn(target)));
  const shared = ({ consumer }: Consumer): number =>
    consumer.mounts.filter(({ target }) => targets.has(placeIn(target))).length;
  const named = consumers.filter(
    ({ consumer: { service } }) => service === key || service.endsWith(`_${key}`),
  );
  return named.toSorted((a, b) => shared(b) - shared(a))[0] ?? null;
}

/** `/run/secrets/db` and `db` are one place. */
function placeIn(target: string): string {
  return target.replace(/^\/run\/secrets\//, '');
}

function finding(
  rule: Finding['rule'],
  level: Finding['level'],
  subject: string,
  place: Place,
): Omit<Finding, 'text' | 'next'> {
  return { rule, level, stack: null, address: null, subject, place };
}
