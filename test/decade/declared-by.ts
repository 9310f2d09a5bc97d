import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TerraformStack } from 'cdktf';
import { App } from 'cdktf';
import type { Declared } from '../../src/model/declared.ts';
import { parseManifest } from '../../src/record/manifest.ts';

/** What a stack of this repository declares. */
export function declaredBy(Stack: new (scope: App, id: string) => TerraformStack, name: string): Declared {
  const outdir = mkdtempSync(join(tmpdir(), 'keyturn-decade-'));
  try {
    const app = new App({ outdir });
    new Stack(app, name);
    app.synth();
    const file = join(outdir, 'stacks', name, 'keyturn.json');
    return parseManifest(readFileSync(file, 'utf8'), file);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
