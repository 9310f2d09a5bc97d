import { describe, expect, it } from 'vitest';
import type { Declaration } from '../../src/declare/declaration.ts';
import { problemsOf } from '../../src/declare/validate.ts';
import type { DeclaredEnvFile, Mount } from '../../src/model/declared.ts';
import type { EnvFile, ImageBuild, Restart } from '../../src/model/host.ts';
import { VERSIONS_VARIABLE } from '../../src/model/host.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import { envFile, fleet, host, said, secret, service, smokeTest, swarm, variable } from './declarations.ts';

const BUILD: ImageBuild = {
  variable: 'WEB_IMAGE',
  image: 'shop/web',
  argv: ['./build'],
  directory: '/srv/shop',
  timeout: 'PT15M',
};
const COMPOSE: Extract<Restart, { kind: 'compose-service' }> = {
  kind: 'compose-service',
  service: 'web',
  directory: '/srv/shop',
  files: [],
  project: null,
  program: ['docker', 'compose'],
  rolling: false,
};

function on(file: Partial<EnvFile>, mounts: readonly Mount[] = []): Declaration {
  return envFile('/etc/shop.env', { mounts }, file);
}

function at(path: string): Declaration {
  return envFile(path);
}

function unit(name: string): Declaration {
  return on({ restarts: [{ kind: 'systemd-unit', unit: name, action: 'restart' }] });
}

function compose(more: Partial<typeof COMPOSE>): Declaration {
  return on({ restarts: [{ ...COMPOSE, ...more }] });
}

function built(more: Partial<ImageBuild>): Declaration {
  return on({ builds: [{ ...BUILD, ...more }] }, [
    variable('key', 'NEXT_PUBLIC_KEY', { build: more.variable ?? BUILD.variable }),
  ]);
}

describe('what may be declared of a host', () => {
  it.each<[string, Declaration, RegExp]>([
    ['a host with a slash', host('a/b'), /"a\/b" cannot name a host/],
    ['an engine as a host', host('a', { endpoint: 'unix:///var/run/docker.sock' }), /no endpoint of a host/],
    ['a password in it', host('a', { endpoint: 'ssh://deploy:pw@web-1' }), /no endpoint of a host/],
    [
      'an option of ssh as its name',
      host('a', { endpoint: 'ssh://-oProxyCommand=x' }),
      /no endpoint of a host/,
    ],
    ['an option of ssh as its user', host('a', { endpoint: 'ssh://-x@web-1' }), /no endpoint of a host/],
    ['port 0', host('a', { endpoint: 'ssh://web-1:0' }), /no endpoint of a host/],
    ['port 65536', host('a', { endpoint: 'ssh://web-1:65536' }), /no endpoint of a host/],
    ['a path behind it', host('a', { endpoint: 'ssh://web-1/etc' }), /no endpoint of a host/],
    ['no restart at once', host('a', { restarts: { atOnce: 0, pause: 'PT0S' } }), /0 restarts at once/],
    ['a fleet with a blank', fleet('a b', ['web-1']), /"a b" cannot name a fleet/],
    ['a fleet of nobody', fleet('web', []), /a fleet without a host/],
    ['a relative file', at('etc/shop.env'), /the file "etc\/shop.env" is no absolute path/],
    [
      'a path that climbs',
      at('/etc/../root/.env'),
      /the file "\/etc\/..\/root\/.env" is not written plainly/,
    ],
    ['two slashes', at('/etc//shop.env'), /not written plainly/],
    ['a directory', at('/etc/shop/'), /not written plainly/],
    ['the root', at('/'), /not written plainly/],
    ['a line break', at('/etc/a\nb'), /"\/etc\/a\?b" has characters that cannot be shown/],
    ['our own file', at('/etc/shop.env.keyturn'), /is called like what keyturn writes beside a file/],
    ['a name that is too long', at(`/etc/${'x'.repeat(201)}`), /is too long/],
    ['a mode for everybody', on({ mode: 0o644 }), /mode 0o644 lets everybody on the host at the values/],
    ['a mode in decimal', on({ mode: 600 }), /600 is no file mode/],
    ['a program', on({ mode: 0o700 }), /mode 0o700 is none of a file that its owner reads/],
    ['a file that its owner cannot read', on({ mode: 0o040 }), /mode 0o40 is none/],
    ['an owner with a blank', on({ owner: 'a b' }), /"a b" is no owner/],
    ['an option of chown', on({ owner: '--reference=/etc/shadow' }), /is no owner/],
    ['an owner of nothing', on({ owner: ':' }), /":" is no owner/],
    ['a variable with a hyphen', on({}, [variable('key', 'API-KEY')]), /"API-KEY" is no name of a variable/],
    ['a variable with a digit first', on({}, [variable('key', '1KEY')]), /"1KEY" is no name of a variable/],
    ['a variable of ours', on({}, [variable('key', VERSIONS_VARIABLE)]), /"KEYTURN_VERSIONS" is reserved/],
    ['version 0', on({}, [variable('key', 'KEY', { version: 0 })]), /"KEY" is pinned to version 0/],
    ['a unit without its suffix', unit('tracker'), /"tracker" is no name of a systemd service/],
    ['a target', unit('tracker.target'), /no name of a systemd service/],
    ['an option of systemctl', unit('--now.service'), /no name of a systemd service/],
    ['a service of compose with a slash', compose({ service: 'a/b' }), /no name of a compose service/],
    ['a relative project', compose({ directory: 'srv' }), /compose project "srv" is no absolute path/],
    ['standard input as its file', compose({ files: ['-'] }), /"-" is no compose file/],
    ['a project in capitals', compose({ project: 'Shop' }), /no name of a compose project/],
    ['no program of compose', compose({ program: [] }), /without the program of compose/],
    [
      'a restart by nothing',
      on({ restarts: [{ kind: 'command', argv: [], timeout: 'PT1M' }] }),
      /the command that restarts has no command/,
    ],
    [
      'a restart without an end',
      on({ restarts: [{ kind: 'command', argv: ['x'], timeout: 'PT2H' }] }),
      /timeout "PT2H" of the command that restarts/,
    ],
    [
      'an image with a tag',
      built({ image: 'shop/web:latest' }),
      /"shop\/web:latest" is no image without a tag/,
    ],
    ['an image in capitals', built({ image: 'Shop' }), /is no image without a tag/],
    [
      'a build in a relative place',
      built({ directory: './web' }),
      /the directory of the build "\.\/web" is no/,
    ],
    ['a build by nothing', built({ argv: [''] }), /the build has no command/],
    ['a build of months', built({ timeout: 'P1M' }), /timeout of the build "P1M" has no fixed length/],
    [
      'a tag that is longer than docker takes',
      on({ builds: [BUILD] }, [
        variable('k'.repeat(64), 'NEXT_PUBLIC_A', { build: 'WEB_IMAGE' }),
        variable('l'.repeat(64), 'NEXT_PUBLIC_B', { build: 'WEB_IMAGE' }),
      ]),
      /is no tag of the image "shop\/web"/,
    ],
    [
      'a tag with a hyphen first',
      on({ builds: [BUILD] }, [variable('-key', 'NEXT_PUBLIC_A', { build: 'WEB_IMAGE' })]),
      /"-key_v9999" is no tag/,
    ],
    ['an image variable of ours', built({ variable: 'KEYTURN_IMAGE' }), /"KEYTURN_IMAGE" is reserved/],
    ['a build into which nothing is baked', on({ builds: [BUILD] }), /nothing is baked into "shop\/web"/],
    [
      'an argument of a build that there is not',
      on({}, [variable('key', 'NEXT_PUBLIC_KEY', { build: 'WEB_IMAGE' })]),
      /baked into the image of "WEB_IMAGE", which is not built here/,
    ],
    ['a smoke test of nothing', smokeTest('smoke', { argv: [] }), /the smoke test has no command/],
    ['a smoke test of nobody', smokeTest('smoke', { consumers: [] }), /the smoke test tries nobody/],
    [
      'a smoke test without an end',
      smokeTest('smoke', { timeout: 'PT0S' }),
      /timeout "PT0S" of the smoke test/,
    ],
    ['a smoke test in no directory', smokeTest('smoke', { directory: '' }), /"" is no directory/],
    ['a smoke test without a name', smokeTest('\u{202e}'), /cannot name a smoke test/],
  ])('is not %s', (_, declaration, expected) => {
    const problems = problemsOf([declaration]);
    expect(problems.map(({ what }) => what)).toEqual([expect.stringMatching(expected)]);
    expect(problems[0]?.next).toMatch(/\w/);
  });

  it.each([null, 'ssh://web-1', 'ssh://deploy@10.0.0.7:2222/', 'ssh://root@[fd00::1]:22'])(
    'may be an endpoint %s',
    (endpoint) => expect(said(host('a', { endpoint }))).toEqual([]),
  );

  it('may be modes that keep others out, owners by name and number, and units of a template', () => {
    const modes = [0o600, 0o400, 0o640, 0o660, 0o440].map((mode) => on({ mode }));
    const owners = ['root', '1000:1000', ':shop', 'deploy:www-data'].map((owner) => on({ owner }));
    for (const each of [...modes, ...owners, unit('tracker@eu-1.service')]) expect(said(each)).toEqual([]);
  });

  it('tells the way out: the plain path, the unit with its suffix, the image without its tag', () => {
    const next = (each: Declaration): string | undefined => problemsOf([each])[0]?.next;
    expect(next(at('/etc/./a/../shop.env'))).toBe('write "/etc/shop.env"');
    expect(next(unit('tracker'))).toBe('write it whole: tracker.service');
    expect(next(built({ image: 'registry:5000/shop/web:v3' }))).toMatch(/registry:5000\/shop\/web:/);
  });

  it('is a secret of any length: a host has no names of 64 characters', () => {
    expect(said(on({}, [variable('k'.repeat(127), 'KEY')]))).toEqual([]);
  });
});

describe('what two things on hosts may not share', () => {
  const image = { builds: [BUILD] };
  const argument = variable('public', 'NEXT_PUBLIC_KEY', { build: 'WEB_IMAGE' });

  it('is a variable of one file: two secrets, an image and a secret, an argument and a variable', () => {
    const twice = (...mounts: Mount[]): string[] => said(on({ builds: [] }, mounts));
    expect(twice(variable('a', 'KEY'), variable('b', 'KEY'))).toEqual([
      'prod/file: "KEY" is declared twice in "/etc/shop.env": for vault://shop/a and for vault://shop/b',
    ]);
    expect(twice(variable('a', 'KEY'), variable('a', 'OTHER'))).toEqual([]);
    expect(said(on(image, [variable('a', 'WEB_IMAGE'), argument]))).toEqual([
      expect.stringMatching(
        /"WEB_IMAGE" is declared twice .* for vault:\/\/shop\/a and for the image "shop\/web"/,
      ),
    ]);
    expect(said(on(image, [variable('a', 'NEXT_PUBLIC_KEY'), argument]))).toEqual([
      expect.stringMatching(/"NEXT_PUBLIC_KEY" is declared twice/),
    ]);
  });

  it('is a file of one host; on two hosts and in two places it is two', () => {
    expect(said(at('/etc/a'), at('/etc/a'))).toEqual([
      'prod/file: file "host://web-1/etc/a" is declared twice, first as prod/file',
    ]);
    expect(said(at('/etc/a'), at('/etc/b'), envFile('/etc/a', { platform: 'web-2' }))).toEqual([]);
  });

  it('is a name: of two hosts, of a host and a swarm, of two fleets, of two smoke tests', () => {
    expect(said(host('web'), host('web'))).toEqual([
      'prod/web: host "web" is declared twice, first as prod/web',
    ]);
    expect(said(host('web'), swarm('web'))).toEqual([
      'prod/web: "web" names a swarm here and a host in prod/web',
    ]);
    expect(said(fleet('web', ['a']), fleet('web', ['b']))).toEqual([
      'prod/web: fleet "web" is declared twice, first as prod/web',
    ]);
    expect(said(smokeTest('smoke'), smokeTest('smoke'))).toEqual([
      'prod/smoke: two smoke tests of the stack have one id, the first is prod/smoke',
    ]);
  });

  it('is a machine under two names, in two stacks too; one name of it is taken in both', () => {
    const first = host('web-1', { endpoint: 'ssh://deploy@web-1' });
    expect(said(first, host('one', { endpoint: 'ssh://deploy@web-1/' }, 'staging'))).toEqual([
      'staging/one: "ssh://deploy@web-1" is host "one" here and "web-1" in prod/web-1',
    ]);
    expect(said(first, host('web-1', { endpoint: 'ssh://deploy@web-1' }, 'staging'))).toEqual([]);
    expect(said(first, host('web-1', { endpoint: 'ssh://deploy@web-9' }, 'staging'))).toEqual([
      'staging/web-1: host "web-1" has another endpoint than in prod/web-1',
    ]);
    expect(said(host('here'), host('local'))).toEqual([
      'prod/local: the machine that runs keyturn is host "local" here and "here" in prod/here',
    ]);
    expect(said(first, host('eu', { endpoint: 'ssh://deploy@web-1:2222' }))).toEqual([]);
  });

  it('is the name of two secrets on one host: versions are told by it alone', () => {
    const other = { secret: secretAddress('other', 'jwt') };
    const one = envFile('/etc/a', { mounts: [variable('jwt', 'JWT')] });
    expect(said(one, envFile('/etc/b', { mounts: [variable('jwt', 'JWT', other)] }))).toEqual([
      'prod/file: "jwt" names versions of vault://other/jwt here and of vault://shop/jwt in prod/file',
    ]);
    const elsewhere: Partial<DeclaredEnvFile> = {
      platform: 'web-2',
      mounts: [variable('jwt', 'JWT', other)],
    };
    expect(said(one, envFile('/etc/b', elsewhere))).toEqual([]);
  });
});

describe('what is baked into an image', () => {
  const baked = (props: { readonly classification?: string | null }): string[] =>
    said(
      secret('key', props),
      on({ builds: [BUILD] }, [variable('key', 'NEXT_PUBLIC_KEY', { build: 'WEB_IMAGE' })]),
    );

  it('must be classified public, and says why', () => {
    expect(baked({ classification: 'public' })).toEqual([]);
    expect(baked({ classification: 'restricted' })).toEqual([
      'prod/file: "NEXT_PUBLIC_KEY" bakes vault://shop/key into the image of WEB_IMAGE, and that secret is ' +
        'classified "restricted": whoever gets the image, or opens the page that is built into it, can read the value',
    ]);
    expect(baked({})).toEqual([expect.stringMatching(/that secret is not classified/)]);
  });

  it('is no matter of a variable that is read at the start', () => {
    expect(said(secret('key', { classification: 'restricted' }), on({}, [variable('key', 'KEY')]))).toEqual(
      [],
    );
  });
});

describe('what means nothing on a host', () => {
  const file = envFile('/etc/a', { mounts: [variable('key', 'KEY')] });

  it('is keep, where only files hold the secret', () => {
    expect(said(secret('key', { keep: 1 }), file)).toEqual([
      'prod/key: keep 1, and only files on hosts hold it: a host keeps no copies',
    ]);
    const read = service('api', { mounts: [{ ...variable('key', 'key'), base: 'key_copy' }] });
    expect(said(secret('key', { keep: 1 }), file, read)).toEqual([]);
    expect(said(secret('key', { keep: 1 }))).toEqual([]);
  });
});

describe('a canary that is named', () => {
  it('is one of the hosts of its file', () => {
    const named = (canary: string): string[] =>
      said(
        envFile('/etc/a', { platform: 'web-1' }, {}, canary),
        envFile('/etc/a', { platform: 'web-2' }, {}, canary),
      );
    expect(named('web-2')).toEqual([]);
    expect(named('web-3')).toEqual(['prod/file: its canary "web-3" is none of its hosts']);
  });
});

describe('an order of files and services', () => {
  it('has no cycle', () => {
    const api = service('api', { dependsOn: [consumerAddress('web-1', '/etc/a')] });
    expect(said(api, envFile('/etc/a', { dependsOn: [consumerAddress('main', 'api')] }))).toEqual([
      'prod/api: a cycle: prod/api → prod/file → prod/api',
    ]);
  });
});
