import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fits } from '../../src/audit/about.ts';
import { NODE_FILES } from '../../src/record/files.ts';
import { History } from '../../src/record/history-files.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { temporaryFolder } from '../cli/project.ts';
import { filesOf, longHistory, secretNumber } from '../support/long-history.ts';

const always = (): boolean => true;

/** A history on disk, and how many of its files were read. */
async function onDisk(count: number): Promise<{ history: History; read: () => number }> {
  const folder = await temporaryFolder();
  for (const [name, text] of filesOf(longHistory(count, 5))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const read = new Set<string>();
  const files = {
    ...NODE_FILES,
    readText: (path: string): string => {
      read.add(path);
      return NODE_FILES.readText(path);
    },
  };
  return { history: new History(new LocalStore(folder, 'state/shop', files)), read: () => read.size };
}

describe('a long history', () => {
  it('is read only as far as it is shown', async () => {
    const { history, read } = await onDisk(300);
    const newest = await history.list(20);
    expect(newest.map(({ entry }) => entry)).toEqual(Array.from({ length: 20 }, (_, index) => 300 - index));
    expect(read()).toBe(20);
  });

  it('is walked back only until enough of it is what was asked for', async () => {
    const { history, read } = await onDisk(300);
    const asked = { secret: secretNumber(2) };
    const found = await history.pick(3, (entry) => fits(entry, asked), always);
    const all = (await history.list(300)).filter((entry) => fits(entry, asked));
    expect(found.map(({ entry }) => entry)).toEqual(all.slice(0, 3).map(({ entry }) => entry));
    const again = await onDisk(300);
    await again.history.pick(3, (entry) => fits(entry, asked), always);
    expect(again.read()).toBeLessThan(100);
    expect(read()).toBe(300);
  });

  it('is not walked back beyond what can still be asked for', async () => {
    const { history, read } = await onDisk(300);
    const found = await history.pick(250, always, ({ entry }) => entry > 290);
    expect(found[0]?.entry).toBe(300);
    expect(read()).toBeLessThan(100);
  });

  it('gives every entry up to a number, the oldest first', async () => {
    const { history } = await onDisk(40);
    expect((await history.upTo(18)).map(({ entry }) => entry)).toEqual(
      Array.from({ length: 18 }, (_, index) => index + 1),
    );
  });
});
