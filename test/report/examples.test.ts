import { describe, expect, it } from 'vitest';
import { DASHBOARD, DASHBOARD_TEXT, RULES } from '../support/panels.ts';

const UNITS = new Set(['none', 's', 'dateTimeAsIso']);

describe('the dashboard', () => {
  it('has what Grafana needs to import it, and no id of any installation', () => {
    expect(DASHBOARD.id).toBeNull();
    expect(DASHBOARD.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(DASHBOARD.title).toBe('keyturn');
    expect(DASHBOARD.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'stack query',
    ]);
    const sources: unknown[] = [];
    JSON.parse(DASHBOARD_TEXT, (name, value: unknown) => {
      if (name === 'datasource') sources.push(value);
      return value;
    });
    expect(sources.length).toBeGreaterThan(DASHBOARD.panels.length);
    for (const source of sources) expect(source).toEqual({ type: 'prometheus', uid: '${datasource}' });
  });

  it('has panels with an id, a question and a unit each', () => {
    const { panels } = DASHBOARD;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets, fieldConfig } of panels) {
      expect(title).not.toBe('');
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect(expr, title).toMatch(/keyturn_/);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect([...UNITS], title).toContain(fieldConfig.defaults.unit);
    }
  });

  it('has no two panels at one place, and none beside the grid of 24', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of DASHBOARD.panels) {
      const { x, y, w, h } = gridPos;
      expect(Math.min(x, y, w - 1, h - 1), title).toBeGreaterThanOrEqual(0);
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect(taken.get(`${column} ${row}`), `${title} lies over`).toBeUndefined();
          taken.set(`${column} ${row}`, title);
        }
      }
    }
  });

  it('begins with the panel of the runbook, and asks all else that an operator asks', () => {
    expect(DASHBOARD.panels[0]).toMatchObject({ title: 'Swarm Secret Versions', gridPos: { x: 0, y: 0 } });
    const titles = DASHBOARD.panels.map(({ title }) => title);
    for (const title of ['Overdue', 'Until due', 'Soak ends', 'Held', 'Parked', 'Awaiting', 'Last outcome'])
      expect(titles).toContain(title);
    expect(titles).toEqual(expect.arrayContaining(['History entries', 'History verifies']));
  });
});

describe('the alert rules', () => {
  it('tell what is overdue, what a person must act upon, and a history that does not verify', () => {
    const rules = RULES.groups.flatMap((group) => group.rules);
    expect(rules.map(({ alert }) => alert)).toEqual([
      'KeyturnSecretOverdue',
      'KeyturnParkedOrHeld',
      'KeyturnHistoryNotVerified',
      'KeyturnMetricsOld',
    ]);
    for (const { alert, annotations } of rules) {
      expect(annotations['summary'], alert).toMatch(/\w/);
      expect(annotations['description'], alert).toMatch(/keyturn (status|history)/);
    }
  });
});
