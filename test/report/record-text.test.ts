import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { emptyRecord } from '../../src/model/recorded.ts';
import { renderHistoryEntry, renderHistoryList } from '../../src/report/history-text.ts';
import { renderStateList, renderStateShow } from '../../src/report/state-text.ts';
import { api, page, writer } from './fixture.ts';
import { failure, returned, rotated, success } from './record-fixture.ts';

describe('the history as text', () => {
  it.each([80, 120])('lists its entries newest first, as its golden file at %i columns', async (width) => {
    const text = renderHistoryList([{ ...success, entry: 41 }, failure], page(width));
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/history-${width}.txt`);
  });

  it.each([80, 120])('shows one entry as its golden file at %i columns', async (width) => {
    await expect(`${renderHistoryEntry(failure, page(width))}\n`).toMatchFileSnapshot(
      `golden/entry-${width}.txt`,
    );
  });

  it('shows the evidence of a verification', () => {
    expect(renderHistoryEntry(success, page(120))).toContain(
      'GET :8080/healthz answered 200 on 3 of 3 tasks',
    );
  });

  it('differs with colour in nothing but escape codes', () => {
    const coloured = renderHistoryEntry(failure, page(80, true));
    expect(stripVTControlCharacters(coloured)).toBe(renderHistoryEntry(failure, page(80)));
  });
});

describe('the record as text', () => {
  it.each([80, 120])('lists what is on record as its golden file at %i columns', async (width) => {
    await expect(`${renderStateList(rotated, page(width))}\n`).toMatchFileSnapshot(
      `golden/state-${width}.txt`,
    );
  });

  it('shows a secret that is held, with its versions newest first', async () => {
    const text = renderStateShow(returned, writer, page(80));
    await expect(`${text}\n`).toMatchFileSnapshot('golden/state-secret-80.txt');
  });

  it('shows a consumer with what it reads and what settle will put back', async () => {
    await expect(`${renderStateShow(rotated, api, page(80))}\n`).toMatchFileSnapshot(
      'golden/state-consumer-80.txt',
    );
  });

  it('says so when nothing is recorded', () => {
    expect(renderStateList(emptyRecord('busflow', 'l'), page(80))).toContain('Nothing is recorded yet.');
  });

  it('refuses an address that is not on record', () => {
    expect(() => renderStateShow(rotated, 'vault://busflow-prod/none', page(80))).toThrow(
      '"vault://busflow-prod/none" is not on record',
    );
  });
});
