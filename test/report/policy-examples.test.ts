import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plansDocument } from '../../src/cli/plans-document.ts';
import { dated, rotation } from './fixture.ts';

const folder = new URL('../../examples/policy/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.rego'));

/** Without comments and texts, in which a bracket is none. */
function codeOf(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8')
    .replaceAll(/"(?:\\.|[^"\\])*"/g, '""')
    .replaceAll(/#.*$/gm, '');
}

/** Every name of a field in a document, wherever it is. */
function fieldsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsIn(inner)]);
}

/*
 * Nothing here evaluates Rego: these tests find a bracket that is not closed and a field that no plan has, not a rule
 * that is wrong.
 */
describe('the policies of examples/policy', () => {
  it('are there', () => expect(files).toEqual(['rotation.rego']));

  it.each(files)('have a package, today’s syntax, and closed brackets: %s', (name) => {
    const code = codeOf(name);
    expect(code.trimStart()).toMatch(/^package main\n\nimport rego\.v1\n/);
    const open: string[] = [];
    for (const [bracket] of code.matchAll(/[()[\]{}]/g)) {
      if ('([{'.includes(bracket)) open.push(bracket);
      else expect(`${open.pop() ?? ''}${bracket}`).toMatch(/^(?:\(\)|\[\]|\{\})$/);
    }
    expect(open).toEqual([]);
    const heads = [...code.matchAll(/^(\w+) contains message if \{/gm)].map(([, head]) => head);
    expect(heads.length).toBeGreaterThan(3);
    expect(new Set(heads)).toEqual(new Set(['deny', 'warn']));
    expect(code.match(/^\tmessage := sprintf\(/gm)).toHaveLength(heads.length);
  });

  it.each(files)('name no field that a plan as JSON has not: %s', (name) => {
    const planned = [rotation, dated].map((plan) => ({
      stack: plan.stack,
      plan,
      unfinished: null,
      fault: null,
    }));
    const known = new Set(fieldsIn(JSON.parse(JSON.stringify(plansDocument(planned, false)))));
    const named = [...codeOf(name).matchAll(/\b(?:input|change|plan|step|probe)\.(\w+)/g)].map(
      ([, field]) => field ?? '',
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((field) => !known.has(field))).toEqual([]);
  });
});
