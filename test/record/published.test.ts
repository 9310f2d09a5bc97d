import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishedSchemas } from '../../src/record/published.ts';

const folder = new URL('../../schemas/', import.meta.url);

describe('the published JSON Schemas', () => {
  const schemas = Object.entries(publishedSchemas());

  it('are one a format, in the package', () => {
    const names = schemas.map(([name]) => `${name}.json`).sort();
    expect(readdirSync(folder).sort()).toEqual(names);
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const { files, exports } = JSON.parse(text) as { files: string[]; exports: Record<string, unknown> };
    expect(files).toContain('schemas');
    expect(exports).toHaveProperty(['./schemas/*'], './schemas/*');
  });

  // `vitest -u` writes them anew.
  it.each(schemas)('are what the readers check with: %s', async (name, schema) => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(`../../schemas/${name}.json`);
  });
});
