import type { ComposeFile, ComposeSecret } from '../model/compose.ts';
import { variableOf, variablesIn } from '../model/compose-variables.ts';
import type { Discovery, FoundSwarm } from '../model/discovery.ts';

/** One line of a compose file that shall take a secret's name from `keyturn output --format env`. */
export interface WiredSecret {
  readonly where: string;
  readonly key: string;
  /** What the file says now. */
  readonly was: string;
  /** `name: '${BUSFLOW_DB_WRITER:?keyturn_output}'`: no deploy without it; `external: true` before it where the file makes the secret. */
  readonly shall: string;
}

export interface Wiring {
  readonly lines: readonly WiredSecret[];
  /** Where a file and the swarm do not fit together. */
  readonly said: readonly string[];
}

/** How compose files that were deployed to this swarm take their names from the record, so that no deploy undoes a rotation. */
export function wiringOf(files: readonly ComposeFile[], discovery: Discovery, found: FoundSwarm): Wiring {
  const variables = variablesOf(discovery);
  const named = found.services.flatMap(({ namespace }) => namespace ?? []);
  const spaces = [...new Set([...named, discovery.stack])].sort();
  const lines: WiredSecret[] = [];
  const said: string[] = [];
  for (const { services, secrets, notFollowed = [] } of files) {
    for (const { kind, place } of notFollowed)
      said.push(`${placeText(place)} goes on in another file (${kind}): name that one with --compose too`);
    for (const secret of secrets) {
      const variable = variableFor(secret, spaces, variables);
      const where = placeText(secret.place);
      const was = secret.external ?? secret.named ?? `made from a ${secret.from ?? 'file'}`;
      if (variable === null) said.push(`${where}: no service reads "${secret.key}" (${was}) on the swarm`);
      else if (!variablesIn(was).some(({ name }) => name === variable)) {
        // No hyphen: docker stack deploy would take what is behind it for a default.
        const external = secret.external === null ? 'external: true, ' : '';
        lines.push({
          where,
          key: secret.key,
          was,
          shall: `${external}name: '\${${variable}:?keyturn_output}'`,
        });
      }
    }
    for (const { key, place, mounts } of services) {
      const there = found.services.some(({ name }) => spaces.some((space) => name === `${space}_${key}`));
      if (!there && mounts.length > 0)
        said.push(`${placeText(place)}: service "${key}" reads secrets and is not on the swarm`);
    }
  }
  return { lines, said };
}

/** copy → the variable that `keyturn output` gives for it. */
function variablesOf({ secrets, consumers }: Discovery): ReadonlyMap<string, string> {
  const mounts = consumers.flatMap((consumer) => consumer.mounts);
  return new Map(
    secrets.flatMap(({ base, copies }) => {
      const pins = mounts.filter((mount) => mount.base === base).map(({ version }) => version);
      const isMoving = pins.includes(null);
      return copies.map((copy): [string, string] => {
        const pinned = pins.find((version) => version !== null && copy === `${base ?? ''}_v${version}`);
        return [copy, variableOf(pinned != null && isMoving ? copy : (base ?? copy))];
      });
    }),
  );
}

function variableFor(
  { key, external, named }: ComposeSecret,
  spaces: readonly string[],
  variables: ReadonlyMap<string, string>,
): string | null {
  const said = external ?? named;
  const names = said === undefined ? spaces.map((space) => `${space}_${key}`) : [said];
  const own = names.flatMap((name) => variables.get(name) ?? []);
  if (own.length === 1) return own[0] ?? null;
  // A name with a variable of its own: by the key, with the stack's name before it or without.
  const alike = [...new Set(variables.values())].filter((variable) =>
    [key, ...spaces.map((space) => `${space}_${key}`)].some((name) => variableOf(name) === variable),
  );
  return said?.includes('$') === true && alike.length === 1 ? (alike[0] ?? null) : null;
}

function placeText({ file, line }: { readonly file: string; readonly line: number }): string {
  return `${file}:${line}`;
}
