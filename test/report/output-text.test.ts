import { describe, expect, it } from 'vitest';
import type { Recorded } from '../../src/model/recorded.ts';
import { renderOutput } from '../../src/report/output-text.ts';
import { cache, reader, writer } from './fixture.ts';
import { consumer, declaredWith, mount, rotated } from './record-fixture.ts';

const declared = declaredWith(
  consumer('prod', 'busflow_api', [mount(writer, 'busflow_db_writer'), mount(reader, 'busflow_db_reader')]),
  consumer('prod', 'busflow_worker', [
    mount(writer, 'busflow_db_writer'),
    mount(cache, 'busflow_cache_password'),
  ]),
);

/** The same copies on a second platform, where writer is still at v3 under the same base. */
const elsewhere: Recorded = {
  ...rotated,
  secrets: {
    ...rotated.secrets,
    [cache]: {
      highest: 1,
      current: 1,
      generation: 1,
      fingerprint: null,
      held: null,
      versions: (rotated.secrets[cache]?.versions ?? []).map((version) => ({
        ...version,
        copies: [{ platform: 'staging', name: 'busflow_db_writer_v1', id: 'x' }],
      })),
    },
  },
};

describe('the external names', () => {
  it('are variables for a shell', () => {
    expect(renderOutput({ declared, recorded: rotated, format: 'env' })).toBe(
      [
        '# busflow: external names of secrets, record 42; made by keyturn output',
        'BUSFLOW_CACHE_PASSWORD=busflow_cache_password_v1',
        'BUSFLOW_DB_READER=busflow_db_reader_v4',
        'BUSFLOW_DB_WRITER=busflow_db_writer_v4',
      ].join('\n'),
    );
  });

  it('are a fragment that docker stack deploy merges', () => {
    const text = renderOutput({ declared, recorded: rotated, format: 'compose' });
    expect(text.split('\n').slice(1, 5)).toEqual([
      'secrets:',
      '  busflow_cache_password:',
      '    external: true',
      '    name: busflow_cache_password_v1',
    ]);
  });

  it('give a pinned version its own key beside the current one', () => {
    const pinned = declaredWith(
      ...declared.consumers,
      consumer('prod', 'busflow_old', [mount(writer, 'busflow_db_writer', 3)]),
    );
    const text = renderOutput({ declared: pinned, recorded: rotated, format: 'env' });
    expect(text).toContain('BUSFLOW_DB_WRITER=busflow_db_writer_v4');
    expect(text).toContain('BUSFLOW_DB_WRITER_V3=busflow_db_writer_v3');
  });

  it('say in a comment what was never delivered', () => {
    const early = declaredWith(consumer('prod', 'a', [mount('vault://kv/new', 'fresh')]));
    const lines = renderOutput({ declared: early, recorded: rotated, format: 'compose' }).split('\n');
    expect(lines.slice(1)).toEqual([
      'secrets: {}',
      '# fresh: has no version yet (vault://kv/new), run keyturn apply',
    ]);
  });

  it.each(['env', 'compose'] as const)('are refused in %s where one key would be two names', (format) => {
    const both = declaredWith(
      ...declared.consumers,
      consumer('staging', 'busflow_api', [mount(cache, 'busflow_db_writer')]),
    );
    const order = { declared: both, recorded: elsewhere, format };
    expect(() => renderOutput(order)).toThrow('one name would stand for two secrets');
    expect(renderOutput({ ...order, platform: 'staging' })).toContain('busflow_db_writer_v1');
  });

  it('are refused where two bases make one variable, and fine in compose', () => {
    const alike = declaredWith(
      consumer('prod', 'a', [mount(writer, 'busflow_db_writer'), mount(reader, 'busflow_db-writer')]),
    );
    expect(() => renderOutput({ declared: alike, recorded: rotated, format: 'env' })).toThrow('two secrets');
    expect(() => renderOutput({ declared: alike, recorded: rotated, format: 'compose' })).not.toThrow();
  });
});
