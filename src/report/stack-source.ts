import type { DiscoveredMount, DiscoveredSecret, Discovery } from '../model/discovery.ts';

/** The page that this repository, and so what it writes, is set to. */
const WIDTH = 110;

/** Words that name nothing of one's own: those of the language, and what the file itself uses. */
const TAKEN: readonly string[] = [
  ...'arguments await break case catch class const continue debugger default delete do else enum eval export extends'.split(
    ' ',
  ),
  ...'false finally for function if implements import in instanceof interface let new null package private'.split(
    ' ',
  ),
  ...'protected public return static super switch this throw true try typeof undefined var void while with yield'.split(
    ' ',
  ),
  ...'Cadence Construct KeyVault Secret Source Swarm SwarmService TerraformStack'.split(' '),
  ...'scope id vault swarm asFound'.split(' '),
];

/** What stands for a vault that nobody named. */
const NO_VAULT = 'change-me';

/**
 * A first stack in TypeScript: what was found, declared as it is, every date and owner left to a person. Formatted as
 * prettier would at 110 columns with single quotes; the same discovery gives the same text. A newline at the end.
 */
export function renderStack(discovery: Discovery): string {
  const { vault, swarm, consumers, secrets } = discovery;
  const names = variableNames(secrets);
  const read = new Set(consumers.flatMap(({ mounts }) => mounts.map(({ secret }) => secret)));
  const parts = ['KeyVault', ...(secrets.length === 0 ? [] : ['Secret', 'Source']), 'Swarm'];
  const imported = [
    ...(secrets.length === 0 ? [] : ['Cadence']),
    ...parts,
    ...(consumers.length === 0 ? [] : ['SwarmService']),
  ];
  const isUsed = { vault: secrets.length > 0, swarm: consumers.length > 0 };
  const ids = new Set(['vault', 'swarm', ...secrets.map(({ name }) => name)]);
  return [
    "import { TerraformStack } from 'cdktf';",
    "import type { Construct } from 'constructs';",
    ...importLines(imported),
    '',
    '/** What was there before keyturn, as `keyturn import --discover` found it. From now on it is yours to change. */',
    `export class ${className(discovery.stack)} extends TerraformStack {`,
    '  constructor(scope: Construct, id: string) {',
    '    super(scope, id);',
    vault === null
      ? '    // TODO: the key vault that shall keep the values.'
      : '    // The vault is there already: keyturn declares no Terraform resource for it.',
    `    ${isUsed.vault ? 'const vault = ' : ''}new KeyVault(this, 'vault', { name: ${quoted(vault ?? NO_VAULT)}, terraform: false });`,
    ...swarmLines(swarm, isUsed.swarm),
    ...(secrets.length === 0 ? [] : ['', ...COMMON]),
    ...secrets.flatMap((secret) => ['', ...secretLines(secret, read.has(secret.name), names)]),
    ...consumers.flatMap(({ service, mounts }) => ['', ...consumerLines(service, mounts, names, ids)]),
    '  }',
    '}',
    '',
  ].join('\n');
}

const COMMON = [
  '    // TODO: give each its owner, what makes its values (source) and when (cadence). Until then a secret rotates when',
  '    // somebody orders it, and with a value that a person brings.',
  '    const asFound = { vault, source: Source.manual(), cadence: Cadence.userManaged() };',
];

/** `busflow-prod` → `BusflowProdStack`. */
export function className(stack: string): string {
  const words = stack.split(/[^0-9a-zA-Z]+/).filter((word) => word !== '');
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^[0-9]|^$/.test(name) ? `Stack${name}` : name.endsWith('Stack') ? name : `${name}Stack`;
}

function importLines(names: readonly string[]): string[] {
  const line = `import { ${names.join(', ')} } from 'keyturn';`;
  return line.length <= WIDTH
    ? [line]
    : ['import {', ...names.map((name) => `  ${name},`), "} from 'keyturn';"];
}

function swarmLines({ name, endpoint }: Discovery['swarm'], isUsed: boolean): string[] {
  const lead = `    ${isUsed ? 'const swarm = ' : ''}new Swarm(this, 'swarm', {`;
  const fields = [`name: ${quoted(name)}`, ...(endpoint === null ? [] : [`endpoint: ${quoted(endpoint)}`])];
  const line = `${lead} ${fields.join(', ')} });`;
  if (line.length <= WIDTH) return [line];
  return [lead, ...fields.map((field) => `      ${field},`), '    });'];
}

function secretLines(
  { name, found, copies }: DiscoveredSecret,
  isRead: boolean,
  names: ReadonlyMap<string, string>,
): string[] {
  const why = {
    both: [],
    swarm: [`    // Only on the swarm, as ${copies.join(' and ')}: no vault has its value.`],
    vault: ['    // Only in the vault: no service of this swarm reads it.'],
  };
  return [...why[found], ...assigned(isRead ? (names.get(name) ?? null) : null, quoted(name))];
}

/** What does not fit goes on lines of its own. */
function assigned(name: string | null, secret: string): string[] {
  const lead = name === null ? 'new Secret(' : `const ${name} = new Secret(`;
  const line = `    ${lead}this, ${secret}, asFound);`;
  if (line.length <= WIDTH) return [line];
  return [`    ${lead}`, '      this,', `      ${secret},`, '      asFound,', '    );'];
}

function consumerLines(
  service: string,
  mounts: readonly DiscoveredMount[],
  names: ReadonlyMap<string, string>,
  ids: Set<string>,
): string[] {
  let id = service;
  while (ids.has(id)) id = `${id}-service`;
  ids.add(id);
  return [
    `    new SwarmService(this, ${quoted(id)}, {`,
    '      swarm,',
    `      service: ${quoted(service)},`,
    ...mountLines(mounts.map((mount) => mountText(mount, names))),
    '    });',
  ];
}

interface MountText {
  readonly head: string;
  /** Of the second argument; empty: there is none. */
  readonly fields: readonly string[];
  readonly comment: string | null;
}

function mountText(mount: DiscoveredMount, names: ReadonlyMap<string, string>): MountText {
  const { secret, target, base, version, uid, gid, mode } = mount;
  const fields = [
    ...(base === target.slice(target.lastIndexOf('/') + 1) ? [] : [`base: ${quoted(base)}`]),
    ...(version === null ? [] : [`version: ${version}`]),
    ...(uid === 0 ? [] : [`uid: ${uid}`]),
    ...(gid === 0 ? [] : [`gid: ${gid}`]),
    ...(mode === 0o444 ? [] : [`mode: 0o${mode.toString(8).padStart(3, '0')}`]),
  ];
  return {
    head: `${names.get(secret) ?? secret}.at(${quoted(target)}`,
    fields,
    comment:
      version === null
        ? null
        : '// It reads an older version than the others: deploy it, then take the pin out.',
  };
}

function mountLines(mounts: readonly MountText[]): string[] {
  const short = ({ head, fields }: MountText): string =>
    fields.length === 0 ? `${head})` : `${head}, { ${fields.join(', ')} })`;
  const line = `      mounts: [${mounts.map(short).join(', ')}],`;
  if (line.length <= WIDTH && mounts.every(({ comment }) => comment === null)) return [line];
  return [
    '      mounts: [',
    ...mounts.flatMap((mount) => {
      const own = `        ${short(mount)},`;
      const comment = mount.comment === null ? [] : [`        ${mount.comment}`];
      if (own.length <= WIDTH || mount.fields.length === 0) return [...comment, own];
      const fields = mount.fields.map((field) => `          ${field},`);
      return [...comment, `        ${mount.head}, {`, ...fields, '        }),'];
    }),
    '      ],',
  ];
}

/** Secret's name → a variable: `db-writer` → `dbWriter`, each once and none that means something else. */
function variableNames(secrets: readonly DiscoveredSecret[]): ReadonlyMap<string, string> {
  const used = new Set(TAKEN);
  const names = new Map<string, string>();
  for (const { name } of secrets) {
    const words = name.split(/[^0-9a-zA-Z]+/).filter((word) => word !== '');
    const camel = words
      .map(
        (word, index) =>
          (index === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1),
      )
      .join('');
    const start = /^[0-9]|^$/.test(camel) ? `secret${camel}` : camel;
    let own = used.has(start) ? `${start}Secret` : start;
    for (let count = 2; used.has(own); count += 1) own = `${start}${count}`;
    used.add(own);
    names.set(name, own);
  }
  return names;
}

/** A string as prettier writes it: with single quotes, unless that takes more escapes. */
function quoted(text: string): string {
  const json = JSON.stringify(text).slice(1, -1);
  const inner = json.replaceAll('\\"', '"');
  const singles = inner.split("'").length;
  const doubles = inner.split('"').length;
  return singles > doubles ? `"${json}"` : `'${inner.replaceAll("'", "\\'")}'`;
}
