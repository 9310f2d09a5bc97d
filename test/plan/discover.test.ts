import fc from 'fast-check';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import type { Discovery, FoundMount, FoundSwarm } from '../../src/model/discovery.ts';
import type { ObservedSecret } from '../../src/model/observed.ts';
import { discover } from '../../src/plan/discover.ts';
import { renderStack } from '../../src/report/stack-source.ts';

const SWARM = { name: 'lab', endpoint: null };

function mountOf(copyName: string, given: Partial<FoundMount> = {}): FoundMount {
  return { target: copyName, copyId: copyName, copyName, uid: 0, gid: 0, mode: 0o444, ...given };
}

/** service → what it reads, each as `copy` or `copy@target`. */
function swarmWith(
  services: Readonly<Record<string, readonly string[]>>,
  owners: Readonly<Record<string, string>> = {},
): FoundSwarm {
  const mounts = (reads: readonly string[]): FoundMount[] =>
    reads.map((read) => {
      const [copy = '', target = copy] = read.split('@');
      return mountOf(copy, { target });
    });
  const found = Object.entries(services).map(([name, reads]) => ({
    name,
    namespace: name.includes('_') ? name.slice(0, name.indexOf('_')) : null,
    isJob: false,
    mounts: mounts(reads),
  }));
  const names = new Set(found.flatMap((each) => each.mounts.map(({ copyName }) => copyName)));
  const copies = [...names].map((name) => ({ id: name, name, owner: owners[name] ?? null }));
  return { services: found, copies };
}

function item(name: string, given: Partial<ObservedSecret> = {}): ObservedSecret {
  const facts = { enabled: true, created: 1, updated: 1, tags: {}, fingerprint: name };
  return { name, ...facts, ordinal: null, operation: null, stack: null, versions: null, ...given };
}

function found(swarm: FoundSwarm, items: readonly ObservedSecret[] = []): Discovery {
  return discover({
    stack: 'shop',
    vault: { name: 'shop-prod', items },
    swarm: SWARM,
    found: swarm,
    namespace: null,
  });
}

function pairsOf({ secrets }: Discovery): Record<string, string | null> {
  return Object.fromEntries(secrets.map(({ name, base, found: where }) => [`${name} ${where}`, base]));
}

describe('a discovery', () => {
  it('matches names but for separators, case and the name of a stack, one to one', () => {
    const swarm = swarmWith({
      busflow_api: ['busflow_db_writer_v3@db', 'busflow_DB_Reader_v2', 'slack_v1', 'nowhere_v9'],
    });
    const items = ['busflow-db-writer', 'db-reader', 'busflow-slack', 'alone'].map((name) => item(name));
    expect(pairsOf(found(swarm, items))).toEqual({
      'busflow-db-writer both': 'busflow_db_writer',
      'db-reader both': 'busflow_DB_Reader',
      'busflow-slack both': 'slack',
      'nowhere swarm': 'nowhere',
      'alone vault': null,
    });
  });

  it('leaves apart what could be several, and says so', () => {
    const swarm = swarmWith({ busflow_api: ['a_key_v1', 'a.key_v1', 'busflow_token_v1', 'token_v1'] });
    const result = found(swarm, [item('a-key'), item('token')]);
    expect(pairsOf(result)).toEqual({
      'a-key vault': null,
      'a-key-2 swarm': 'a.key',
      'a-key-3 swarm': 'a_key',
      'busflow-token swarm': 'busflow_token',
      'token both': 'token',
    });
    expect(result.said.join('\n')).toContain('a.key could be a-key, and so could a_key: they are left apart');
  });

  it('pins who reads an older version than the others', () => {
    const { consumers, said } = found(
      swarmWith({ api: ['key_v7@key'], worker: ['key_v6@key'], old: ['key@key'] }),
    );
    expect(consumers.map(({ service, mounts }) => [service, mounts[0]?.version])).toEqual([
      ['api', null],
      ['old', 1],
      ['worker', 6],
    ]);
    expect(said).toContain('worker reads key_v6, and others v7 of it: it is pinned to v6');
  });

  it('leaves out what keyturn owns, jobs, services without secrets and copies that nobody reads', () => {
    const swarm = swarmWith({ web: ['ours_v1', 'key_v1'], idle: [] }, { ours_v1: 'other' });
    const job = { name: 'job', namespace: null, isJob: true, mounts: [mountOf('key_v1')] };
    const copies = [...swarm.copies, { id: 'spare', name: 'spare', owner: null }];
    const items = [item('theirs', { stack: 'other' }), item('keyturn-anchor-other')];
    const result = found({ services: [...swarm.services, job], copies }, items);
    expect(result.consumers.map(({ service }) => service)).toEqual(['web']);
    expect(result.secrets.map(({ name }) => name)).toEqual(['key']);
    expect(result.said).toEqual([
      "web reads ours_v1, which belongs to stack 'other' of keyturn: left out",
      'job is a job, which any update runs again: it is left out',
      'no service reads spare: left out',
      "theirs in shop-prod belongs to stack 'other' of keyturn: left out",
    ]);
  });
});

describe('the stack that is written', () => {
  it('declares what was found, with owners, files and pins, and nothing else', () => {
    const swarm: FoundSwarm = {
      services: [
        {
          name: 'shop_api',
          namespace: 'shop',
          isJob: false,
          mounts: [
            mountOf('shop_key_v7', { target: '/etc/app/key.pem', uid: 1000, gid: 1000, mode: 0o400 }),
            mountOf('class_v2', { target: 'class' }),
          ],
        },
        {
          name: 'shop_worker',
          namespace: 'shop',
          isJob: false,
          mounts: [mountOf('shop_key_v6', { target: 'shop_key' })],
        },
      ],
      copies: [],
    };
    const text = renderStack(found(swarm, [item('key'), item('7-eleven')]));
    expect(text).toMatchInlineSnapshot(`
      "import { TerraformStack } from 'cdktf';
      import type { Construct } from 'constructs';
      import { Cadence, KeyVault, Secret, Source, Swarm, SwarmService } from 'keyturn';

      /** What was there before keyturn, as \`keyturn import --discover\` found it. From now on it is yours to change. */
      export class ShopStack extends TerraformStack {
        constructor(scope: Construct, id: string) {
          super(scope, id);
          // The vault is there already: keyturn declares no Terraform resource for it.
          const vault = new KeyVault(this, 'vault', { name: 'shop-prod', terraform: false });
          const swarm = new Swarm(this, 'swarm', { name: 'lab' });

          // TODO: give each its owner, what makes its values (source) and when (cadence). Until then a secret rotates when
          // somebody orders it, and with a value that a person brings.
          const asFound = { vault, source: Source.manual(), cadence: Cadence.userManaged() };

          // Only in the vault: no service of this swarm reads it.
          new Secret(this, '7-eleven', asFound);

          // Only on the swarm, as class_v2: no vault has its value.
          const classSecret = new Secret(this, 'class', asFound);

          const key = new Secret(this, 'key', asFound);

          new SwarmService(this, 'shop_api', {
            swarm,
            service: 'shop_api',
            mounts: [
              key.at('/etc/app/key.pem', { base: 'shop_key', uid: 1000, gid: 1000, mode: 0o400 }),
              classSecret.at('class'),
            ],
          });

          new SwarmService(this, 'shop_worker', {
            swarm,
            service: 'shop_worker',
            mounts: [
              // It reads an older version than the others: deploy it, then take the pin out.
              key.at('shop_key', { version: 6 }),
            ],
          });
        }
      }
      "
    `);
  });

  it('is as prettier writes it, with valid and distinct names, whatever things are called', async () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.'-]{0,60}[a-zA-Z0-9]$/);
    const named = fc.oneof(
      name,
      fc.constantFrom('class', 'vault', 'new-secret', 'Secret', '1st', 'a-b', 'a_b', 'scope'),
    );
    const copies = fc.array(fc.tuple(named, fc.nat(12)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(copies, fc.array(named, { maxLength: 4 }), named, async (reads, items, service) => {
        const list = reads.map(([base, number]) => (number === 0 ? base : `${base}_v${number}`));
        const result = found(
          swarmWith({ [service]: [...new Set(list)] }),
          [...new Set(items)].map((each) => item(each.replaceAll(/[^0-9a-zA-Z]/g, '-'))),
        );
        const text = renderStack(result);
        const config = {
          parser: 'typescript',
          printWidth: 110,
          singleQuote: true,
          quoteProps: 'consistent',
        } as const;
        expect(await format(text, config)).toBe(text);
        const variables = [...text.matchAll(/const (\w+) = new Secret/g)].map(([, variable]) => variable);
        expect(new Set(variables).size).toBe(variables.length);
      }),
      { numRuns: 100 },
    );
  });
});
