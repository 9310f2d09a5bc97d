import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseExposition } from './exposition.ts';

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly datasource: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: unknown;
  }[];
}

export interface Dashboard {
  readonly id: unknown;
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly panels: readonly Panel[];
}

interface Rules {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly for?: string;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

const read = (path: string): string =>
  readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8');

export const DASHBOARD_TEXT = read('grafana/keyturn.json');
export const DASHBOARD = JSON.parse(DASHBOARD_TEXT) as Dashboard;
export const RULES = parse(read('prometheus/keyturn.rules.yaml'), { strict: true }) as Rules;

/** Every expression of a dashboard: of its panels, and of its variables. */
export function exprsIn({ panels, templating }: Dashboard): string[] {
  const variables = templating.list.flatMap(({ definition }) => {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
    return metric === undefined ? [] : [`sum by (${label}) (${metric})`];
  });
  return [...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...variables];
}

/**
 * `count_values by (…) ("version", METRIC{stack=~"$stack"})` of one stack over an exposition, by hand: secret → version →
 * how many.
 */
export function versionsInUse(
  expr: string,
  text: string,
  stack: string,
): Record<string, Record<string, number>> {
  const [, metric] =
    /^count_values by \(stack, secret\) \("version", (\w+)\{stack=~"\$stack"\}\)$/.exec(expr) ?? [];
  if (metric === undefined) throw new Error(`this is another question: ${expr}`);
  const found: Record<string, Record<string, number>> = {};
  for (const { name, labels, value } of parseExposition(text)) {
    if (name !== metric || labels['stack'] !== stack) continue;
    const versions = (found[labels['secret'] ?? ''] ??= {});
    versions[value] = (versions[value] ?? 0) + 1;
  }
  return found;
}
