import type { Ordinal } from '../model/address.ts';
import { copyName, ordinalOfCopy } from '../model/address.ts';
import type { ComposeFile, ComposeMount, ComposeSecret } from '../model/compose.ts';
import { variableOf, variablesIn, withNames } from '../model/compose-variables.ts';
import type { Mount } from '../model/declared.ts';

/** A declared secret that a name in a compose file stands for. */
export interface Known {
  readonly base: string;
  /** The version that the file names itself; null: it leaves that to `keyturn output`. */
  readonly ordinal: Ordinal | null;
}

/** What names in compose files stand for. */
export class Names {
  private readonly bases: readonly string[];
  private readonly variables = new Map<string, Known>();
  private readonly secrets = new Map<string, ComposeSecret>();

  constructor(mounts: readonly Mount[], files: readonly ComposeFile[]) {
    this.bases = [...new Set(mounts.map(({ base }) => base))];
    for (const { base, version } of mounts) {
      this.variables.set(variableOf(base), { base, ordinal: null });
      if (version !== null) this.variables.set(variableOf(copyName(base, version)), { base, ordinal: null });
    }
    for (const secret of files.flatMap(({ secrets }) => secrets)) {
      this.secrets.set(secret.key, secret);
      this.secrets.set(`${secret.place.file}:${secret.key}`, secret);
    }
  }

  /** That of the mount's own file, else of the last file that has one. */
  secretOf({ source, place }: ComposeMount): ComposeSecret | null {
    return this.secrets.get(`${place.file}:${source}`) ?? this.secrets.get(source) ?? null;
  }

  /** What a secret of the files is, by its name on the platform; null where no stack declares it. */
  knownAs(key: string, secret: ComposeSecret | null): Known | null {
    if (secret === null) return this.bases.includes(key) ? { base: key, ordinal: null } : null;
    if (secret.external === null) return null;
    const [variable, ...more] = variablesIn(secret.external);
    const named = variable === undefined || more.length > 0 ? undefined : this.variables.get(variable.name);
    if (named !== undefined) return named;
    const name = withNames(secret.external, {});
    for (const base of this.bases) {
      const ordinal = ordinalOfCopy(base, name);
      if (ordinal !== null) return { base, ordinal };
      if (name === base && key === base) return { base, ordinal: null };
    }
    return null;
  }
}
