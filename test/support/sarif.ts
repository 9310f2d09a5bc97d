import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

let validate: ValidateFunction | null = null;

/** Throws with what is wrong where `document` is not valid by the schema of SARIF 2.1.0. */
export function assertSarif(document: object): void {
  const valid = (validate ??= compiled());
  if (!valid(document)) throw new Error(JSON.stringify(valid.errors, null, 2));
}

function compiled(): ValidateFunction {
  const root = createRequire(import.meta.url).resolve('schemastore/package.json');
  const path = new URL('schemas/json/sarif-2.1.0.json', pathToFileURL(root));
  // Its patterns are not written for regular expressions of Unicode.
  const schema = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  return ajv.compile(schema);
}
