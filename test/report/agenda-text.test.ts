import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AgendaEntry } from '../../src/model/agenda.ts';
import { agendaJson, renderAgenda } from '../../src/report/agenda-text.ts';
import { NOW, api, cache, page, reader, writer } from './fixture.ts';

const UNTIL = '2027-01-06T03:12:00Z';
const agendaPage = (width: number, colour = false) => ({ ...page(width, colour), until: UNTIL });

const rotate: AgendaEntry = {
  at: '2027-01-04T02:00:00Z',
  kind: 'rotate',
  stack: 'busflow',
  address: writer,
  ordinal: null,
  copy: null,
  text: 'rotate db-writer',
  state: 'ahead',
  opens: null,
  waitsFor: null,
  overdueAt: '2027-01-05T02:00:00Z',
  awaiting: false,
  notes: [],
};
const dated: AgendaEntry = { ...rotate, at: '2026-11-25T03:13:00Z', overdueAt: null };
const frozen: AgendaEntry = {
  ...dated,
  address: null,
  notes: ['12-18 to 01-03 (year end) holds every secret'],
};

const entries: readonly AgendaEntry[] = [
  {
    ...rotate,
    at: '2026-10-05T03:00:00Z',
    address: reader,
    state: 'overdue',
    overdueAt: '2026-10-06T03:00:00Z',
    notes: [`held, so that no date rotates it until \`keyturn apply --rotate ${reader}\``],
  },
  {
    ...rotate,
    at: '2026-11-22T03:00:00Z',
    address: cache,
    state: 'due',
    overdueAt: '2026-11-24T05:00:00Z',
    opens: '2026-11-23T01:00:00Z',
    waitsFor: 'window',
  },
  { ...dated, kind: 'settle', address: api },
  { ...dated, kind: 'retire', ordinal: 3 },
  { ...dated, kind: 'prune', ordinal: 3, copy: 'busflow_db_writer_v3' },
  { ...frozen, kind: 'freeze-begins', at: '2026-12-17T23:00:00Z' },
  { ...frozen, kind: 'freeze-ends', at: '2027-01-03T23:00:00Z' },
  rotate,
  {
    ...rotate,
    address: reader,
    awaiting: true,
    notes: ['together with db-writer', `needs a person's value: \`keyturn apply --value ${reader}=-\``],
  },
];

describe('the agenda as text', () => {
  it.each([80, 120])('reads as its golden file at %i columns', async (width) => {
    const text = `${renderAgenda(entries, agendaPage(width))}\n`;
    await expect(text).toMatchFileSnapshot(`golden/agenda-${width}.txt`);
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([]);
  });

  it('differs with colour in nothing but escape codes', () => {
    const coloured = renderAgenda(entries, agendaPage(80, true));
    expect(coloured).toContain('\u001b[31m2026-10-05 03:00Z\u001b[39m');
    expect(stripVTControlCharacters(coloured)).toBe(renderAgenda(entries, agendaPage(80)));
  });

  it('says so when nothing happens', () => {
    expect(renderAgenda([], agendaPage(80))).toBe(
      'Nothing happens by date until 2027-01-06 03:12Z (in 45 d).',
    );
  });
});

it('the agenda as JSON has the entries, the time that they cover, and counts', () => {
  expect(agendaJson(entries, agendaPage(80))).toEqual({
    format_version: '1.0',
    timestamp: NOW,
    until: UNTIL,
    agenda: entries,
    counts: { rotate: 4, settle: 1, retire: 1, prune: 1, overdue: 1, due: 2, awaiting: 1 },
  });
});
