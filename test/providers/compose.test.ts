import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ComposeFile } from '../../src/model/compose.ts';
import { Fault } from '../../src/model/fault.ts';
import { parseCompose, readComposeFiles } from '../../src/providers/compose.ts';
import { variablesIn, withNames } from '../../src/model/compose-variables.ts';
import { makeCanary } from '../support/canary.ts';
import { faultOf } from '../support/hook-context.ts';

const FILE = 'docker/compose.yml';
const folder = mkdtempSync(join(tmpdir(), 'keyturn-compose-'));
writeFileSync(join(folder, 'one.yml'), 'secrets: { a: { external: true } }\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string, names?: Record<string, string>): ComposeFile {
  return parseCompose(text, FILE, names);
}

function refused(text: string): string[] {
  try {
    read(text);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.problems.map(({ where, what }) => `${where} ${what}`);
    throw thrown;
  }
  return [];
}

const BUSFLOW = `
services:
  api:
    image: busflow/api
    secrets:
      - busflow_db_writer
      - source: busflow_db_reader
        target: reader
        uid: "103"
        gid: 103
        mode: 0440
  worker: { image: busflow/worker }
secrets:
  busflow_db_writer:
    external: true
    name: \${BUSFLOW_DB_WRITER:-busflow_db_writer_v3}
  busflow_db_reader:
    external: true
`;

describe('a compose file', () => {
  it('says which service mounts which secret, in the short form and in the long one', () => {
    const { services } = read(BUSFLOW);
    expect(services.map(({ key, place }) => `${key} ${place.line}`)).toEqual(['api 3', 'worker 12']);
    expect(services[0]?.mounts).toEqual([
      {
        source: 'busflow_db_writer',
        target: 'busflow_db_writer',
        uid: null,
        gid: null,
        mode: null,
        place: { file: FILE, line: 6, column: 9 },
      },
      {
        source: 'busflow_db_reader',
        target: 'reader',
        uid: '103',
        gid: '103',
        mode: 0o440,
        place: { file: FILE, line: 7, column: 9 },
      },
    ]);
    expect(services[1]?.mounts).toEqual([]);
  });

  it('says what each secret is called on the platform, with variables as they are written', () => {
    expect(read(BUSFLOW).secrets).toEqual([
      {
        key: 'busflow_db_writer',
        external: '${BUSFLOW_DB_WRITER:-busflow_db_writer_v3}',
        from: null,
        place: { file: FILE, line: 14, column: 3 },
      },
      {
        key: 'busflow_db_reader',
        external: 'busflow_db_reader',
        from: null,
        place: { file: FILE, line: 17, column: 3 },
      },
    ]);
  });

  it('puts the names in that keyturn output gives', () => {
    const [writer] = read(BUSFLOW, { BUSFLOW_DB_WRITER: 'busflow_db_writer_v4' }).secrets;
    expect(writer?.external).toBe('busflow_db_writer_v4');
    expect(read(BUSFLOW, {}).secrets[0]?.external).toBe('busflow_db_writer_v3');
  });

  it('knows the older way to say external, and secrets made from a file, a variable or by name', () => {
    const { secrets } = read(`secrets:
  a: { external: { name: a_v1 } }
  b: { file: ./b.txt, name: the_b }
  c: { environment: C }
  d: { external: false, driver: vault }
  e:
  f: { external: "true" }
`);
    expect(secrets.map(({ key, external, from, named }) => [key, external, from, named])).toEqual([
      ['a', 'a_v1', null, undefined],
      ['b', null, 'file', 'the_b'],
      ['c', null, 'environment', undefined],
      ['d', null, null, undefined],
      ['e', null, null, undefined],
      ['f', 'f', null, undefined],
    ]);
  });

  it('follows anchors and merges, and what a map says itself goes before what it merges', () => {
    const { services, secrets } = read(`
x-reader: &reader { secrets: [&db db_reader] }
x-more: &more { secrets: [more], image: more }
services:
  own: { <<: [*reader, *more], secrets: [*db, own] }
  merged: { <<: [*reader, *more] }
  behind: { secrets: [{ <<: { source: db_reader, target: a }, target: b }] }
secrets: { db_reader: &out { external: true, name: db_reader_v1 }, own: *out, more: { <<: *out, name: more_v2 } }
`);
    const told = services.map(({ key, mounts }) => [
      key,
      ...mounts.map(({ source, target }) => `${source}:${target}`),
    ]);
    expect(told).toEqual([
      ['own', 'db_reader:db_reader', 'own:own'],
      ['merged', 'db_reader:db_reader'],
      ['behind', 'db_reader:b'],
    ]);
    expect(secrets.map(({ external }) => external)).toEqual(['db_reader_v1', 'db_reader_v1', 'more_v2']);
  });

  it('reads several documents as one, the later before the earlier', () => {
    const { services, secrets } = read(`services: { api: { secrets: [a, b] } }
secrets: { a: { external: true } }
---
services: { api: { secrets: [{ source: c, target: b }] }, web: !reset null }
secrets: { a: { external: true, name: a_v2 } }
`);
    expect(services[0]?.mounts.map(({ source, target }) => `${source}:${target}`)).toEqual(['a:a', 'c:b']);
    expect(secrets.map(({ external }) => external)).toEqual(['a_v2']);
  });

  it('says what it does not follow', () => {
    const { notFollowed } = read(`include: [other.yml]
services:
  api:
    extends: { file: base.yml, service: api }
`);
    expect(notFollowed?.map(({ kind, place }) => `${kind} ${place.line}`)).toEqual([
      'include 1',
      'extends 4',
    ]);
    expect(read(BUSFLOW).notFollowed).toBeUndefined();
  });

  it('reads a file mode as Docker does', () => {
    const modes = ['0400', '0o400', '"400"', '"0400"', '256', '"${MODE:-0400}"'].map(
      (mode) =>
        read(`services: { a: { secrets: [{ source: s, mode: ${mode} }] } }`).services[0]?.mounts[0]?.mode,
    );
    expect(modes).toEqual([0o400, 0o400, 0o400, 0o400, 0o400, null]);
  });

  it('has nothing in it when it is empty', () => {
    expect(read('# nothing yet\n')).toEqual({ file: FILE, services: [], secrets: [] });
  });
});

describe('a compose file that is not as it should be', () => {
  it('is refused with all its problems at once, each with its line', () => {
    expect(
      refused(`services:
  api:
    secrets: { a: b }
  web:
    secrets:
      - target: x
      - source: y
        mode: "999"
      - [z]
      - *nowhere
secrets:
  a: hidden
  b: { external: true, file: b.txt }
`),
    ).toEqual([
      `${FILE}:3 the secrets of service "api" are no list`,
      `${FILE}:6 a secret of service "web" has no source`,
      `${FILE}:8 a secret of service "web" has a mode that is no file mode`,
      `${FILE}:9 a secret of service "web" is no map of names`,
      `${FILE}:10 an alias of an anchor that is not there`,
      `${FILE}:12 secret "a" is no map of names`,
      `${FILE}:13 secret "b" is external and has a file too`,
    ]);
  });

  it('is refused where it is no YAML, and where it is no compose file', () => {
    expect(refused('services:\n\tapi: {}\n')[0]).toBe(`${FILE}:2 a tab where YAML wants spaces`);
    expect(refused('services: {}\nservices: {}\n')).toEqual([`${FILE}:2 a key that stands there twice`]);
    expect(refused('- a\n- b\n')).toEqual([`${FILE}:1 the file is no map of names`]);
    expect(refused('kind: Deployment\n')[0]).toContain('is it a compose file?');
    expect(refused('services: &s { <<: *s }\n')).toEqual([`${FILE}:1 an anchor that merges itself`]);
  });

  it('is told without a word of what is written in it', () => {
    const canary = makeCanary();
    const value = canary.value('inline');
    const texts = [
      `services:\n  api:\n    environment: { PASSWORD: ${value} }\n    secrets: ${value}\n`,
      `services:\n  api:\n    environment:\n      PASSWORD: "${value}\n`,
      `services:\n  api: "${value}" ${value}\n`,
      `secrets:\n  a: ${value}: ${value}\n`,
      `a: |${value}\n  b`,
      `services: { api: { secrets: [{ source: a, mode: ${value} }] } }`,
      `secrets: { a: { external: [${value}] } }`,
      `services: !${value}\n  a: *${value}\n${value}`,
    ];
    for (const text of texts) {
      const told = refused(text);
      expect(told.length).toBeGreaterThan(0);
      expect(told.join('\n')).not.toContain(value);
    }
  });
});

describe('compose files on disk', () => {
  it('are read in their order, with places relative to the project', async () => {
    writeFileSync(join(folder, 'two.yml'), 'services: { web: { secrets: [a] } }\n');
    const files = await readComposeFiles({ folder, files: ['two.yml', join(folder, 'one.yml')] });
    expect(files.map(({ file }) => file)).toEqual(['two.yml', 'one.yml']);
    expect(files[1]?.secrets[0]?.place.file).toBe('one.yml');
  });

  it('are refused together, whichever of them is wrong', async () => {
    writeFileSync(join(folder, 'list.yml'), '- a\n');
    const { code, problems } = await faultOf(
      readComposeFiles({ folder, files: ['list.yml', 'absent.yml', 'one.yml', '.'] }),
    );
    expect(code).toBe('bad-file');
    expect(problems).toEqual([
      { what: 'the file is no map of names', where: 'list.yml:1' },
      { what: 'there is no such file', where: 'absent.yml' },
      { what: 'it cannot be read (EISDIR)', where: '' },
    ]);
  });
});

describe('a variable in a compose file', () => {
  const names = { SET: 'set', EMPTY: '' };
  it.each([
    ['$SET-${SET}', 'set-set'],
    ['${EMPTY:-none}/${EMPTY-none}/${GONE-none}', 'none//none'],
    ['${GONE:-${SET}_v1}', 'set_v1'],
    ['${SET:+yes}${GONE:+yes}${EMPTY+yes}', 'yesyes'],
    ['${GONE}, $GONE, ${GONE:?it must be set}', '${GONE}, $GONE, ${GONE:?it must be set}'],
    ['$${SET} costs $$5 or $5, ${SET ${', '${SET} costs $5 or $5, ${SET ${'],
    ['${__proto__:-kept}', 'kept'],
  ])('is put in as compose does: %s', (written, meant) => {
    expect(withNames(written, names)).toBe(meant);
  });

  it('is told with its default', () => {
    expect(variablesIn('${A:-a_v3}_$B${C:?no}')).toEqual([
      { name: 'A', fallback: 'a_v3' },
      { name: 'B', fallback: null },
      { name: 'C', fallback: null },
    ]);
  });
});
