import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project, put } from './project.ts';

/** As docs/DECLARING.md has it, but for its types. */
async function exampleInDocs(): Promise<string> {
  const docs = await readFile(new URL('../../docs/DECLARING.md', import.meta.url), 'utf8');
  const [, text = ''] = /```ts\n(class ProbedInProduction[^]*?)```/.exec(docs) ?? [];
  return text.replace(' implements IAspect', '').replace('(node: IConstruct): void', '(node)');
}

test('an aspect of one’s own sees what is declared, and what it annotates stops the synth', async () => {
  const cwd = await project();
  const main = await readFile(join(cwd, 'main.ts'), 'utf8');
  const withRule = main
    .replace('import { App,', 'import { Annotations, App, Aspects,')
    .replace('app.synth();', `${await exampleInDocs()}\napp.synth();`);
  await put(join(cwd, 'main.ts'), withRule);

  const refused = await keyturn(['synth'], { cwd });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain('1. shop_web has no probe: give it Probe.http or Probe.tcp');
  expect(refused.err).toContain('where  shop/web');

  const probe = "Probe.http({ path: '/healthz', port: 8080 })";
  await put(join(cwd, 'main.ts'), withRule.replace('Probe.none()', probe));
  expect(await keyturn(['synth'], { cwd })).toMatchObject({ code: 0 });
});
