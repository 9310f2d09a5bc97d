export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads Prometheus' text format 0.0.4 by its grammar and nothing more: HELP and TYPE once before each family's samples,
 * a family in one piece, no series twice, a newline at the end. Throws on anything else.
 */
export function parseExposition(text: string): Series[] {
  if (!text.endsWith('\n')) throw new Error('no newline at the end');
  const series: Series[] = [];
  const known = new Set<string>();
  let family = '';
  let expects: 'help' | 'type' | 'sample' = 'help';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)*)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) gauge$/.exec(line);
    if (help !== null) {
      family = help[1] ?? '';
      if (known.has(family) || expects === 'type') throw new Error(`out of order: ${line}`);
      known.add(family);
      expects = 'type';
    } else if (type !== null) {
      if (expects !== 'type' || type[1] !== family) throw new Error(`out of order: ${line}`);
      expects = 'sample';
    } else {
      if (expects !== 'sample') throw new Error(`out of order: ${line}`);
      const sample = parseSample(line);
      if (sample.name !== family) throw new Error(`of another family: ${line}`);
      series.push(sample);
    }
  }
  const keys = series.map(({ name, labels }) => JSON.stringify([name, labels]));
  if (new Set(keys).size < keys.length) throw new Error('a series stands there twice');
  return series;
}

function parseSample(line: string): Series {
  const [, name = '', body = '', number = ''] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"\\]|"(?:[^"\\]|\\\\|\\"|\\n)*")*)\})? (-?\d+(?:\.\d+)?)$/.exec(
      line,
    ) ?? [];
  if (name === '') throw new Error(`no sample: ${line}`);
  const labels = [...body.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(?:,|$)/g)];
  if (labels.map(([whole]) => whole).join('') !== body) throw new Error(`no labels: ${line}`);
  const unescaped = (value: string): string =>
    value.replaceAll(/\\(.)/g, (_, each: string) => (each === 'n' ? '\n' : each));
  return {
    name,
    labels: Object.fromEntries(labels.map(([, label = '', value = '']) => [label, unescaped(value)])),
    value: Number(number),
  };
}

/** The metrics and labels that a PromQL expression names, as far as our examples go. */
export function namesIn(expr: string): { readonly metrics: string[]; readonly labels: string[] } {
  const bare = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const matchers = [...bare.matchAll(/\{([^}]*)\}/g)].flatMap(([, body = '']) => body.split(','));
  const grouped = [...bare.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, body = '']) =>
    body.split(','),
  );
  const labels = [...matchers.map((each) => each.replace(/\s*[=!~].*$/s, '')), ...grouped].map((each) =>
    each.trim(),
  );
  const rest = bare.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '');
  const words = rest.match(/[a-zA-Z_:][\w:]*/g) ?? [];
  const ours = new Set(['count_values', 'sort', 'sum', 'min', 'max', 'time', 'or', 'and']);
  return { metrics: words.filter((word) => !ours.has(word)), labels: labels.filter((each) => each !== '') };
}
