import { describe, expect, it } from 'vitest';
import { renderFault } from '../../src/report/fault-text.ts';
import { page } from './fixture.ts';
import { refused } from './record-fixture.ts';

describe('a fault as text', () => {
  it('says what, where, what is live and what to do next', async () => {
    await expect(`${renderFault(refused, page(80))}\n`).toMatchFileSnapshot('golden/fault-80.txt');
  });

  it('lists all problems at once, each with its place and what to change', async () => {
    const text = renderFault(
      {
        code: 'bad-declaration',
        what: 'the stack "busflow" declares 2 things that cannot be',
        where: 'stacks/busflow.ts',
        problems: [
          {
            what: 'the copy name "busflow_a_very_long_name_v1" would be over 64 characters long on the platform',
            where: 'busflow/api',
            next: 'shorten the base',
          },
          { what: 'two secrets at one mount "db"', where: 'busflow/worker (stacks/busflow.ts:41)' },
        ],
      },
      page(80),
    );
    await expect(`${text}\n`).toMatchFileSnapshot('golden/fault-problems-80.txt');
  });

  it('leaves out what is not known', () => {
    expect(renderFault({ code: 'unexpected', what: 'boom' }, page(80))).toBe('error: boom (unexpected)');
  });
});
