import { describe, expect, it } from 'vitest';
import type { ComposeFile } from '../../src/model/compose.ts';
import type { Declared } from '../../src/model/declared.ts';
import { composeFindings } from '../../src/plan/mounted.ts';
import { parseCompose } from '../../src/providers/compose.ts';
import { declare, secret, service } from '../support/world.ts';

const api = service('busflow_api', ['db', 'mail']);

/** `busflow_api` reads db and mail, the version of mail pinned; `worker` reads db. */
const DECLARED = declare(
  [secret('db'), secret('mail')],
  [
    { ...api, mounts: api.mounts.map((mount) => (mount.base === 'mail' ? { ...mount, version: 2 } : mount)) },
    service('worker', ['db']),
  ],
);

const found = (...texts: string[]): string[] => foundOf([DECLARED], texts);

function foundOf(stacks: readonly Declared[], texts: readonly string[]): string[] {
  const files = texts.map((text, at): ComposeFile => parseCompose(text, `${at}.yml`));
  return composeFindings(stacks, files).map(
    ({ level, rule, subject, place, stack, text }) =>
      `${place?.file}:${place?.line} ${level} ${rule} ${subject} (${stack}): ${text}`,
  );
}

const API = 'api: { secrets: [db, mail] }';
const SECRETS = `secrets:
  db: { external: true, name: "\${DB}" }
  mail: { external: true, name: mail_v2 }`;

describe('a compose file that agrees with what is declared', () => {
  it.each([
    ['names variables of keyturn output', `services: { ${API} }\n${SECRETS}`],
    ['leaves the names to keyturn output --format compose', `services: { ${API} }`],
    [
      'says the same at length',
      `services:
  busflow_api:
    secrets: [{ source: a, target: /run/secrets/db }, { source: b, target: mail }]
secrets: { a: { external: true, name: "\${DB:-db_v1}" }, b: { external: true, name: "\${MAIL_V2}" } }`,
    ],
    [
      'has services and secrets of its own',
      `services: { web: { secrets: [x] } }\nsecrets: { x: { file: x.txt } }`,
    ],
  ])('has no finding where it %s', (_, text) => {
    expect(found(text)).toEqual([]);
  });

  it('may be in parts', () => {
    expect(
      found('services: { api: { secrets: [db] } }', 'services: { api: { secrets: [mail] } }', SECRETS),
    ).toEqual([]);
  });
});

describe('the secrets of several files', () => {
  it('are each its own first', () => {
    const own = `services: { worker: { secrets: [db] } }\nsecrets: { db: { external: true, name: "\${DB}" } }`;
    const other = `services: { web: { secrets: [db] } }\nsecrets: { db: { file: db.txt } }`;
    expect(found(own, other)).toEqual([]);
    expect(found(other, own)).toEqual([]);
    expect(found('services: { worker: { secrets: [db] } }', 'secrets: { db: { file: db.txt } }')).toEqual([
      '0.yml:1 error missing worker (shop): it would read "db" from what a file makes, not what keyturn delivers',
    ]);
  });
});

describe('a compose file that does not', () => {
  it('mounts what no stack declares', () => {
    const text = `services: { web: { secrets: [a, b, c] } }
secrets: { a: { external: true }, b: { external: true, name: "\${B:-db_v1_old}" } }`;
    expect(found(text)).toEqual([
      '0.yml:1 error undeclared-mount web (null): it mounts "a", which no stack declares',
      '0.yml:1 error undeclared-mount web (null): it mounts "${B:-db_v1_old}", which no stack declares',
      '0.yml:1 error undeclared-mount web (null): it mounts "c", which no stack declares, and no file given here says what it is',
    ]);
  });

  it('mounts for a service what is declared for another', () => {
    expect(found(`services: { web: { secrets: [db] }, worker: { secrets: [db, mail] } }`)).toEqual([
      '0.yml:1 error undeclared-mount web (null): it mounts "db", and no stack declares this service: a rotation would not flip it',
      '0.yml:1 error undeclared-mount worker (shop): it mounts "mail" at "mail", where the stack declares nothing: a rotation would not flip it',
    ]);
  });

  it('mounts one secret where another is declared', () => {
    expect(found(`services: { worker: { secrets: [{ source: mail, target: db }] } }`)).toEqual([
      '0.yml:1 error undeclared-mount worker (shop): it mounts "mail" at "db", where the stack declares "db": a rotation would not flip it',
    ]);
  });

  it('leaves out what is declared, or makes it itself', () => {
    const text = `services: { api: { secrets: [db] } }\nsecrets: { db: { file: db.txt } }`;
    expect(found(text)).toEqual([
      '0.yml:1 error missing api (shop): it would read "db" from what a file makes, not what keyturn delivers',
      '0.yml:1 error missing api (shop): its declared mount "mail" of vault://prod-vault/mail is not in the file: a deploy would take it away',
    ]);
  });

  it('names a version itself that is not pinned', () => {
    const text = `services: { ${API} }\nsecrets: { db: { external: true, name: db_v3 }, mail: { external: true, name: mail_v2 } }`;
    expect(found(text)).toEqual([
      '0.yml:1 note superseded api (shop): the file names db_v3 itself: after the next rotation a deploy would go back to it',
    ]);
  });

  it('names what nobody mounts and nobody declares', () => {
    expect(found('secrets: { db: { external: true, name: db_v1 }, old: { external: true } }')).toEqual([
      '0.yml:1 warning undeclared-mount old (null): the file names the secret "old", which no stack declares and no service here mounts',
    ]);
  });

  it('goes on in a file that was not given', () => {
    expect(found('include: [more.yml]')).toEqual([
      '0.yml:1 note unknown 0.yml (null): it goes on in another file, which was not read (include)',
    ]);
  });
});

describe('a service of a compose file', () => {
  it('is the declared one that reads the most of it, where two stacks have one of its name', () => {
    const other: Declared = {
      ...declare([secret('key')], [service('tracker_api', ['key'])]),
      stack: 'tracker',
    };
    expect(foundOf([DECLARED, other], [`services: { api: { secrets: [key] } }`])).toEqual([]);
    expect(foundOf([DECLARED, other], [`services: { ${API} }`])).toEqual([]);
  });
});
