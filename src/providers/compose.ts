import { readFile, stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { Document, Node } from 'yaml';
import type {
  ComposeFile,
  ComposeLink,
  ComposeMount,
  ComposeSecret,
  ComposeService,
} from '../model/compose.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { Place } from '../model/finding.ts';
import type { Entry } from './compose-tree.ts';
import { ComposeTree } from './compose-tree.ts';
import { withNames } from '../model/compose-variables.ts';

export interface ComposeOrder {
  /** The folder of the project: places are told relative to it. */
  readonly folder: string;
  /** As the person wrote them: absolute, or relative to `folder`. */
  readonly files: readonly string[];
  /** What variables stand for, as `keyturn output --format env` says it; absent: `${…}` stays as written. */
  readonly names?: Readonly<Record<string, string>>;
}

/** A compose file is pages long, not megabytes. */
const LARGEST_BYTES = 2_000_000;

/** One of these is in every compose file. */
const TOP_LEVEL = ['services', 'secrets', 'include', 'configs', 'networks', 'volumes', 'name', 'version'];

/**
 * What the files say of secrets, each for itself, in the order given; `extends` and `include` are told, not followed.
 * Reads nothing else. Fails with one `bad-file` fault that lists the problems of all of them as `file:line`; no word of
 * it is from a file's text but names of services and secrets.
 */
export async function readComposeFiles(order: ComposeOrder): Promise<ComposeFile[]> {
  const problems: Problem[] = [];
  const read: ComposeFile[] = [];
  for (const file of order.files) {
    const path = resolve(order.folder, file);
    const told = relative(order.folder, path).replaceAll(sep, '/');
    try {
      read.push(parseCompose(await textOf(path, told), told, order.names));
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  if (problems.length > 0) throw unreadable(problems);
  return read;
}

/** The same of one file's text. `file` is what its places are told as. */
export function parseCompose(
  text: string,
  file: string,
  names?: Readonly<Record<string, string>>,
): ComposeFile {
  const reading = new Reading(text, file, names);
  const read = reading.whole();
  if (reading.problems.length > 0) throw unreadable(reading.inOrder());
  return read;
}

function unreadable(problems: readonly Problem[]): Fault {
  return new Fault({
    code: 'bad-file',
    what: 'not all compose files can be read',
    next: 'mend what is listed; docker compose -f FILE config -q tells what else Docker finds',
    problems,
  });
}

async function textOf(path: string, told: string): Promise<string> {
  const { size } = await stat(path).catch((thrown: unknown) => {
    throw unreadable([{ what: withoutPath(thrown), where: told }]);
  });
  if (size > LARGEST_BYTES) {
    throw unreadable([{ what: `larger than ${LARGEST_BYTES / 1e6} MB: no compose file is`, where: told }]);
  }
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    throw unreadable([{ what: withoutPath(thrown), where: told }]);
  });
}

function withoutPath(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  return code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
}

class Reading {
  readonly problems: Problem[] = [];
  private readonly file: string;
  private readonly names: Readonly<Record<string, string>> | undefined;
  private readonly tree: ComposeTree;
  private readonly services = new Map<string, ComposeService>();
  private readonly secrets = new Map<string, ComposeSecret>();
  private readonly links: ComposeLink[] = [];

  constructor(text: string, file: string, names: Readonly<Record<string, string>> | undefined) {
    this.file = file;
    this.names = names;
    this.tree = new ComposeTree(text, file, (what, place) => this.tell(what, place));
  }

  /** All documents as one: what a later one says of a key goes before, and its mounts come to those of the earlier. */
  whole(): ComposeFile {
    if (this.problems.length === 0) for (const document of this.tree.documents) this.document(document);
    const { file, links } = this;
    return {
      file,
      services: [...this.services.values()],
      secrets: [...this.secrets.values()],
      ...(links.length === 0 ? {} : { notFollowed: links }),
    };
  }

  /** By their lines. */
  inOrder(): Problem[] {
    const line = ({ where }: Problem): number => Number(where.slice(where.lastIndexOf(':') + 1));
    return this.problems.toSorted((a, b) => line(a) - line(b));
  }

  private document(document: Document): void {
    const top = this.tree.entries(document.contents, document, 'the file');
    const isNone = top.length > 0 && !top.some(({ key }) => TOP_LEVEL.includes(key) || key.startsWith('x-'));
    if (isNone)
      this.tell('it has neither services nor secrets: is it a compose file?', { file: this.file, line: 1 });
    for (const { key, value, place } of top) {
      if (key === 'include' && value !== null) this.links.push({ kind: 'include', place });
      if (key === 'services') this.allServices(value, document);
      if (key === 'secrets') this.allSecrets(value, document);
    }
  }

  private allServices(node: Node | null, document: Document): void {
    for (const { key, value, place } of this.tree.entries(node, document, '"services"')) {
      const parts = this.tree.entries(value, document, `service "${key}"`);
      for (const part of parts)
        if (part.key === 'extends') this.links.push({ kind: 'extends', place: part.place });
      const mounts = this.mounts(partOf(parts, 'secrets'), document, key);
      const before = this.services.get(key)?.mounts ?? [];
      const kept = before.filter(({ target }) => !mounts.some((mount) => mount.target === target));
      this.services.set(key, { key, mounts: [...kept, ...mounts], place });
    }
  }

  private mounts(node: Node | null, document: Document, service: string): ComposeMount[] {
    if (this.tree.resolved(node, document) === null) return [];
    const items = this.tree.items(node, document);
    if (items === null) this.tell(`the secrets of service "${service}" are no list`, this.tree.placeOf(node));
    return (items ?? []).flatMap((item) => {
      const mount = this.mount(item, document, service);
      return mount === null ? [] : [mount];
    });
  }

  private mount(item: Node, document: Document, service: string): ComposeMount | null {
    const place = this.tree.placeOf(item);
    const short = this.name(item, document);
    if (short !== null) return { source: short, target: short, uid: null, gid: null, mode: null, place };
    const what = `a secret of service "${service}"`;
    const parts = this.tree.entries(item, document, what);
    const source = this.name(partOf(parts, 'source'), document);
    if (source === null) {
      if (parts.length > 0) this.tell(`${what} has no source`, place);
      return null;
    }
    const own = (key: string): string | null => this.name(partOf(parts, key), document);
    const mode = this.mode(partOf(parts, 'mode'), document, what);
    return { source, target: own('target') ?? source, uid: own('uid'), gid: own('gid'), mode, place };
  }

  /** Docker reads `0440` and any text in quotes as octal, `288` as it is. One behind a variable is not known. */
  private mode(node: Node | null, document: Document, of: string): number | null {
    const text = this.name(node, document);
    if (text === null || text.includes('$')) return null;
    const isOctal = /^0o?[0-7]/.test(text) || this.tree.isQuoted(node, document);
    const digits = isOctal ? /^(?:0o)?([0-7]{1,5})$/.exec(text)?.[1] : /^[0-9]{1,4}$/.exec(text)?.[0];
    const mode = Number.parseInt(digits ?? '', isOctal ? 8 : 10);
    if (mode <= 0o7777) return mode;
    this.tell(`${of} has a mode that is no file mode`, this.tree.placeOf(node));
    return null;
  }

  private allSecrets(node: Node | null, document: Document): void {
    for (const { key, value, place } of this.tree.entries(node, document, 'the top-level "secrets"')) {
      const parts = this.tree.entries(value, document, `secret "${key}"`);
      const name = this.name(partOf(parts, 'name'), document);
      const from = (['file', 'environment'] as const).find((kind) => partOf(parts, kind) !== null) ?? null;
      const external = this.external(partOf(parts, 'external'), document, name ?? key);
      if (external !== null && from !== null)
        this.tell(`secret "${key}" is external and has a ${from} too`, place);
      const named = external === null && name !== null ? { named: name } : {};
      this.secrets.set(key, { key, external, from, ...named, place });
    }
  }

  /** `external: true`, or the older `external: {name: …}`. */
  private external(node: Node | null, document: Document, name: string): string | null {
    const said = this.name(node, document);
    if (said !== null) return /^(false|no|off)$/i.test(said) ? null : name;
    if (node === null) return null;
    const parts = this.tree.entries(node, document, '"external" of a secret');
    return this.name(partOf(parts, 'name'), document) ?? name;
  }

  private name(node: Node | null, document: Document): string | null {
    const text = this.tree.text(node, document);
    return text === null || this.names === undefined ? text : withNames(text, this.names);
  }

  /** Once, however often an anchor leads there. */
  private tell(what: string, { file, line }: Place): void {
    const where = `${file}:${line}`;
    if (this.problems.some((problem) => problem.what === what && problem.where === where)) return;
    this.problems.push({ what, where });
  }
}

function partOf(parts: readonly Entry[], key: string): Node | null {
  return parts.find((part) => part.key === key)?.value ?? null;
}
