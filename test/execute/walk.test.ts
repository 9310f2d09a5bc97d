import { describe, expect, it } from 'vitest';
import type { Node } from '../../src/execute/walk.ts';
import { walk } from '../../src/execute/walk.ts';

/** Runs them, and says in which order they began; those that are named fail. */
async function began(
  nodes: readonly Node[],
  failing: readonly string[] = [],
  isolated = false,
): Promise<{ readonly begun: string[]; readonly done: string[] }> {
  const begun: string[] = [];
  const run = ({ id }: Node): Promise<boolean> => {
    begun.push(id);
    return Promise.resolve(!failing.includes(id));
  };
  return { done: [...(await walk(nodes, run, { isolated }))], begun };
}

describe('what is walked', () => {
  it('begins when all that it needs is done, in the order of the plan', async () => {
    const nodes = [
      { id: 'last', needs: ['left', 'right'] },
      { id: 'right', needs: ['first', 'of another walk'] },
      { id: 'left', needs: ['first'] },
      { id: 'first', needs: [] },
    ];
    expect(await began(nodes)).toEqual({
      begun: ['first', 'right', 'left', 'last'],
      done: ['first', 'right', 'left', 'last'],
    });
  });

  it('begins nothing more after a failure', async () => {
    const nodes = [
      { id: 'bad', needs: [] },
      { id: 'beside', needs: [] },
      { id: 'behind', needs: ['beside'] },
    ];
    expect((await began(nodes, ['bad'])).begun).toEqual(['bad', 'beside']);
  });

  it('leaves out, where it is isolated, only what needs what failed, and frees what comes after that', async () => {
    const nodes = [
      { id: 'bad', needs: [] },
      { id: 'lost', needs: ['bad'] },
      { id: 'lost too', needs: ['lost', 'slow'] },
      { id: 'after', needs: [], after: ['lost too'] },
      { id: 'slow', needs: [] },
      { id: 'behind', needs: ['slow'] },
    ];
    expect((await began(nodes, ['bad'], true)).begun).toEqual(['bad', 'slow', 'after', 'behind']);
  });

  it('waits for what runs before it tells what was thrown', async () => {
    const ends: string[] = [];
    const run = async ({ id }: Node): Promise<boolean> => {
      if (id === 'thrower') throw new Error('the disk is full');
      await new Promise((resolve) => setImmediate(resolve));
      ends.push(id);
      return true;
    };
    const nodes = ['thrower', 'slow'].map((id) => ({ id, needs: [] }));
    await expect(walk([...nodes, { id: 'behind', needs: ['slow'] }], run)).rejects.toThrow(
      'the disk is full',
    );
    expect(ends).toEqual(['slow']);
  });

  it('is looked at once each, however many wait', async () => {
    let looks = 0;
    const nodes = Array.from({ length: 200 }, (_, index) => ({
      id: String(index),
      get needs() {
        looks += 1;
        return index === 0 ? [] : [String(index - 1)];
      },
    }));
    expect((await began(nodes)).begun).toHaveLength(200);
    expect(looks).toBe(200);
  });
});
