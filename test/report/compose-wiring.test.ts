import { describe, expect, it } from 'vitest';
import type { FoundSwarm } from '../../src/model/discovery.ts';
import { discover } from '../../src/plan/discover.ts';
import { parseCompose } from '../../src/providers/compose.ts';
import type { Wiring } from '../../src/report/compose-wiring.ts';
import { wiringOf } from '../../src/report/compose-wiring.ts';

/** service of the stack `shop` → the copies that it reads. */
function swarmWith(services: Readonly<Record<string, readonly string[]>>): FoundSwarm {
  return {
    services: Object.entries(services).map(([name, copies]) => ({
      name: `shop_${name}`,
      namespace: 'shop',
      isJob: false,
      mounts: copies.map((copy) => ({
        target: copy.replace(/_v\d+$/, ''),
        copyId: copy,
        copyName: copy,
        uid: 0,
        gid: 0,
        mode: 0o444,
      })),
    })),
    copies: [],
  };
}

function wired(text: string, found: FoundSwarm): Wiring {
  const swarm = { name: 'lab', endpoint: null };
  const discovery = discover({ stack: 'shop', vault: null, swarm, found, namespace: null });
  return wiringOf([parseCompose(text, 'compose.yml')], discovery, found);
}

describe('the lines of a compose file that keyturn output shall name', () => {
  it('are those of external names, and of secrets that the file makes itself, which become external', () => {
    const text = `services:
  api: { image: a, secrets: [key, token] }
secrets:
  key: { external: true, name: shop_key_v7 }
  token: { file: ./token.txt }
`;
    expect(wired(text, swarmWith({ api: ['shop_key_v7', 'shop_token'] }))).toEqual({
      lines: [
        {
          where: 'compose.yml:4',
          key: 'key',
          was: 'shop_key_v7',
          shall: "name: '${SHOP_KEY:?keyturn_output}'",
        },
        {
          where: 'compose.yml:5',
          key: 'token',
          was: 'made from a file',
          shall: "external: true, name: '${SHOP_TOKEN:?keyturn_output}'",
        },
      ],
      said: [],
    });
  });

  it('are none where the file asks for that variable already, and another one where it asks for another', () => {
    const text = `services:
  api: { image: a, secrets: [key, token] }
secrets:
  key: { external: true, name: '\${SHOP_KEY}' }
  token: { external: true, name: 'shop_token_v\${N}' }
`;
    const { lines } = wired(text, swarmWith({ api: ['shop_key_v7', 'shop_token_v1'] }));
    expect(lines).toEqual([
      {
        where: 'compose.yml:5',
        key: 'token',
        was: 'shop_token_v${N}',
        shall: "name: '${SHOP_TOKEN:?keyturn_output}'",
      },
    ]);
  });

  it('name a pinned version by its own variable, as keyturn output gives it', () => {
    const text = `services:
  api: { image: a, secrets: [key] }
  old: { image: a, secrets: [old_key] }
secrets:
  key: { external: true, name: shop_key_v7 }
  old_key: { external: true, name: shop_key_v6 }
`;
    const { lines } = wired(text, swarmWith({ api: ['shop_key_v7'], old: ['shop_key_v6'] }));
    expect(lines.map(({ shall }) => shall)).toEqual([
      "name: '${SHOP_KEY:?keyturn_output}'",
      "name: '${SHOP_KEY_V6:?keyturn_output}'",
    ]);
  });

  it('are said not to fit where the swarm has no such service, or reads another name than the file says', () => {
    const text = `services:
  gone: { image: a, secrets: [key] }
secrets:
  key: { external: true, name: shop_key_v9 }
`;
    expect(wired(text, swarmWith({ api: ['shop_key_v7'] })).said).toEqual([
      'compose.yml:4: no service reads "key" (shop_key_v9) on the swarm',
      'compose.yml:2: service "gone" reads secrets and is not on the swarm',
    ]);
  });
});
