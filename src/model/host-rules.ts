import type { DeclaredEnvFile, DeclaredHost, DeclaredSecret, DeclaredSmokeTest, Mount } from './declared.ts';
import { programProblems } from './hook-rules.ts';
import type { EnvFile } from './host.ts';
import { MARKER_SUFFIX } from './host.ts';
import { pathProblem } from './path-rules.ts';
import { buildProblems, restartProblems } from './restart-rules.ts';
import type { SettingProblem } from './setting.ts';

/*
 * What may be declared of hosts. One rule for the synth and for the reader of a manifest, which may come from a pull
 * request. Durations that are none are not its matter.
 */

/** A file's name has room behind it for what stands beside it while it is written: `.web.env.keyturn-…`. */
const MAX_FILE_NAME = 200;
const MAX_PATH = 1_024;
const OTHERS = 0o007;
const EXECUTABLE = 0o111;
/** No name begins with a hyphen: ssh and sudo would read it as an option. */
const USER = '[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,31}';
const OWNER = new RegExp(`^(${USER}|${USER}:${USER}|:${USER})$`);
const ENDPOINT = new RegExp(
  `^ssh://(${USER}@)?([a-zA-Z0-9][a-zA-Z0-9._-]{0,252}|\\[[0-9a-fA-F:]{2,45}\\])(:(?<port>\\d{1,5}))?/?$`,
);

export function hostProblems({ endpoint }: Pick<DeclaredHost, 'endpoint'>): SettingProblem[] {
  if (endpoint === null) return [];
  const port = Number(ENDPOINT.exec(endpoint)?.groups?.['port'] ?? 22);
  if (ENDPOINT.test(endpoint) && port >= 1 && port <= 65_535) return [];
  return [
    {
      what: `"${endpoint}" is no endpoint of a host`,
      next: 'write ssh://user@host or ssh://user@host:port, or leave it out for the machine that runs keyturn',
    },
  ];
}

export function envFileProblems(consumer: Pick<DeclaredEnvFile, 'file' | 'mounts'>): SettingProblem[] {
  const { file, mounts } = consumer;
  return [
    ...filePathProblems(file.path),
    ...ownershipProblems(file),
    ...mounts.flatMap((mount) => variableProblems(mount.target, mount.build !== undefined)),
    ...file.builds.flatMap(({ variable }) => variableProblems(variable, false)),
    ...repeatedVariables(consumer),
    ...restartProblems(file.restarts),
    ...buildProblems(file.builds, mounts),
  ];
}

function filePathProblems(path: string): SettingProblem[] {
  const problem = pathProblem(path);
  if (problem !== null) return [{ what: `the file ${problem.what}`, next: problem.next }];
  if (path.endsWith(MARKER_SUFFIX)) {
    return [
      {
        what: `the file "${path}" is called like what keyturn writes beside a file`,
        next: `name the file itself: "${path.slice(0, -MARKER_SUFFIX.length)}"`,
      },
    ];
  }
  if (path.length <= MAX_PATH && path.slice(path.lastIndexOf('/') + 1).length <= MAX_FILE_NAME) return [];
  return [
    {
      what: `the path "${path.slice(0, 40)}…" is too long`,
      next: `give at most ${MAX_PATH} characters, ${MAX_FILE_NAME} of them for the file's name`,
    },
  ];
}

function ownershipProblems({ mode, owner }: EnvFile): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (mode !== null) {
    const next = 'write it in octal: 0o600, or 0o640 where a group reads it';
    const octal = `0o${mode.toString(8)}`;
    if (!Number.isSafeInteger(mode) || mode < 0 || mode > 0o777)
      problems.push({ what: `${mode} is no file mode`, next });
    else if ((mode & OTHERS) !== 0)
      problems.push({ what: `mode ${octal} lets everybody on the host at the values`, next });
    else if ((mode & EXECUTABLE) !== 0 || (mode & 0o400) === 0)
      problems.push({ what: `mode ${octal} is none of a file that its owner reads`, next });
  }
  if (owner !== null && !OWNER.test(owner))
    problems.push({
      what: `"${owner}" is no owner of a file`,
      next: "write 'user', 'user:group' or ':group'",
    });
  return problems;
}

function variableProblems(name: string, isArgument: boolean): SettingProblem[] {
  const what = isArgument ? 'build argument' : 'variable';
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name)) {
    return [
      {
        what: `"${name}" is no name of a ${what}`,
        next: 'use letters, digits and underscores, no digit first: JWT_SECRET',
      },
    ];
  }
  if (!/^KEYTURN_/i.test(name)) return [];
  return [
    { what: `the ${what} "${name}" is reserved`, next: 'keyturn writes its own ones; use another name' },
  ];
}

/** A build argument counts as well: what is recorded and what the marker says is by name. */
function repeatedVariables({ file, mounts }: Pick<DeclaredEnvFile, 'file' | 'mounts'>): SettingProblem[] {
  const uses = [
    ...mounts.map(({ target, secret }) => ({ name: target, what: secret as string })),
    ...file.builds.map(({ variable, image }) => ({ name: variable, what: `the image "${image}"` })),
  ];
  const seen = new Map<string, string>();
  return uses.flatMap(({ name, what }) => {
    const first = seen.get(name);
    seen.set(name, first ?? what);
    if (first === undefined) return [];
    return [
      {
        what: `"${name}" is declared twice in "${file.path}": for ${first} and for ${what}`,
        next: 'keep one: a file holds one text of a name',
      },
    ];
  });
}

/** What is baked into an image can be read by whoever gets it: in an image of a web page by whoever opens the page. */
export function bakedProblem(
  { target, build }: Pick<Mount, 'target' | 'build'>,
  secret: Pick<DeclaredSecret, 'address' | 'classification'>,
): SettingProblem | null {
  if (build === undefined || secret.classification === 'public') return null;
  const is = secret.classification === null ? 'not classified' : `classified "${secret.classification}"`;
  return {
    what: `"${target}" bakes ${secret.address} into the image of ${build}, and that secret is ${is}: whoever gets the image, or opens the page that is built into it, can read the value`,
    next: `say classification: 'public' where everybody may know it; else let it be read at the start, by as('${target}')`,
  };
}

export function smokeTestProblems(test: Omit<DeclaredSmokeTest, 'path' | 'position'>): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const { name, directory, consumers } = test;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._ -]{0,62}$/.test(name)) {
    problems.push({
      what: `"${name}" cannot name a smoke test`,
      next: 'use at most 63 letters, digits, blanks, dots, hyphens and underscores, a letter or digit first',
    });
  }
  problems.push(...programProblems('the smoke test', test, "['pnpm', 'run', 'smoke:local']"));
  if (directory !== null && (directory === '' || /\p{C}/u.test(directory))) {
    problems.push({
      what: `"${directory}" is no directory`,
      next: 'name the one in which the smoke test runs, or leave it out',
    });
  }
  if (consumers.length === 0) {
    problems.push({
      what: 'the smoke test tries nobody',
      next: 'name the consumers after whose move it is run',
    });
  }
  return problems;
}
