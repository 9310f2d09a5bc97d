import type { Ordinal, SecretAddress } from '../model/address.ts';
import { variableOf } from '../model/compose-variables.ts';
import type { Declared } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { Recorded } from '../model/recorded.ts';
import { copyFor, recordedVersion } from '../model/recorded.ts';
import { versionText } from './cause-text.ts';

/** A name that a compose file or a script asks for, and what it stands for today. */
interface Entry {
  readonly platform: string;
  readonly base: string;
  /** The base, or the copy's own name for a version that only a pinned consumer reads. */
  readonly key: string;
  /** Null: no copy of this version is recorded on this platform. */
  readonly copy: string | null;
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal | null;
}

export interface OutputOrder {
  readonly declared: Declared;
  readonly recorded: Recorded;
  readonly format: 'env' | 'compose';
  /** Only this platform's names; absent: all of them. */
  readonly platform?: string;
}

/**
 * The platform's current external names, never a value; files on hosts have none. `env` gives `BUSFLOW_DB_WRITER=busflow_db_writer_v4`,
 * `compose` a `secrets:` fragment whose keys are the bases, to be merged by `docker stack deploy -c base.yml -c
 * keyturn.yml`. No newline at the end.
 *
 * A version that a consumer pins while others read the current one stands under its full name as well. What was
 * never delivered is a comment. Where one key would mean two names, as on two platforms, nothing is given and
 * all such keys are listed in a `bad-usage` fault.
 */
export function renderOutput(order: OutputOrder): string {
  const entries = entriesOf(order);
  const keyOf = (entry: Entry): string => (order.format === 'env' ? variableOf(entry.key) : entry.key);
  const refused = ambiguities(entries, keyOf);
  if (refused.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `one name would stand for two secrets in the ${order.format} output`,
      where: order.declared.stack,
      next: 'name one platform with --platform, or give the mounts different bases',
      problems: refused,
    });
  }
  const once = [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()];
  const known = once.flatMap((entry) =>
    entry.copy === null ? [] : [{ key: keyOf(entry), copy: entry.copy }],
  );
  const missing = once.filter((entry) => entry.copy === null);
  return [
    `# ${order.declared.stack}: external names of secrets, record ${order.recorded.serial}; made by keyturn output`,
    ...(order.format === 'env' ? envLines(known) : composeLines(known)),
    ...missing.map(missingLine),
  ].join('\n');
}

interface Known {
  readonly key: string;
  readonly copy: string;
}

function envLines(known: readonly Known[]): string[] {
  return known.map(({ key, copy }) => `${key}=${copy}`);
}

function composeLines(known: readonly Known[]): string[] {
  if (known.length === 0) return ['secrets: {}'];
  return [
    'secrets:',
    ...known.flatMap(({ key, copy }) => [`  ${key}:`, '    external: true', `    name: ${copy}`]),
  ];
}

function missingLine(entry: Entry): string {
  const what =
    entry.ordinal === null
      ? 'has no version yet'
      : `${versionText(entry.ordinal)} is not on ${entry.platform}`;
  return `# ${entry.key}: ${what} (${entry.secret}), run keyturn apply`;
}

function entriesOf({ declared, recorded, platform }: OutputOrder): Entry[] {
  const entries = declared.consumers
    .filter(({ kind }) => kind === 'swarm-service')
    .filter((consumer) => platform === undefined || consumer.platform === platform)
    .flatMap((consumer) =>
      consumer.mounts.map((mount): Entry & { pinned: boolean } => {
        const secret = recorded.secrets[mount.secret];
        const ordinal = mount.version ?? secret?.current ?? null;
        const name = copyFor(recordedVersion(secret, ordinal), consumer.platform, mount.base)?.name ?? null;
        const { base } = mount;
        const pinned = mount.version !== null;
        return {
          platform: consumer.platform,
          base,
          key: base,
          copy: name,
          secret: mount.secret,
          ordinal,
          pinned,
        };
      }),
    );
  const moving = new Set(
    entries.filter((entry) => !entry.pinned).map((entry) => `${entry.platform} ${entry.base}`),
  );
  return entries
    .map(({ pinned, ...entry }) => {
      const own = pinned && moving.has(`${entry.platform} ${entry.base}`);
      return own ? { ...entry, key: `${entry.base}_v${entry.ordinal}` } : entry;
    })
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function ambiguities(entries: readonly Entry[], keyOf: (entry: Entry) => string): Problem[] {
  return [...new Set(entries.map(keyOf))].flatMap((key) => {
    const same = entries.filter((entry) => keyOf(entry) === key);
    const names = [...new Set(same.map((entry) => `${entry.copy ?? 'nothing yet'} on ${entry.platform}`))];
    const distinct = new Set(same.map((entry) => `${entry.secret} ${entry.copy}`));
    return distinct.size < 2
      ? []
      : [{ what: `"${key}" would be ${names.join(' and ')}`, where: same.map(placeOf).join(', ') }];
  });
}

function placeOf(entry: Entry): string {
  return `${entry.secret} as ${entry.base} on ${entry.platform}`;
}
