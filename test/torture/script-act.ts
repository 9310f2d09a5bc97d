import { MARKER_SUFFIX } from '../../src/model/host.ts';
import type { EnvFile } from '../../src/model/host.ts';

/** What a script of the provider is about, as far as can be told by its text. */
export interface ScriptAct {
  readonly kind: 'look' | 'read' | 'write' | 'mark' | 'remove' | 'restart' | 'other';
  /** Files that it is about. */
  readonly paths: readonly string[];
  readonly text: string;
}

/** It changes something on the host. */
export function isChange({ kind }: ScriptAct): boolean {
  return kind !== 'look' && kind !== 'read' && kind !== 'other';
}

/** `root`: what the host's paths begin with here. */
export function actOf(script: string, root: string, files: readonly EnvFile[]): ScriptAct {
  const own = script.replaceAll(root, '');
  const act = (kind: ScriptAct['kind'], what: string, paths: readonly string[]): ScriptAct => ({
    kind,
    paths,
    text: `${kind} ${what}`,
  });
  const path = /^path='([^']+)'/m.exec(own)?.[1] ?? '';
  if (own.includes('clock; clock; clock')) {
    const paths = [...own.matchAll(/^file \d+ '([^']+)'$/gm)].map(([, seen = '']) => seen);
    return act('look', paths.join(', '), paths);
  }
  if (own.includes('cat "$path" || exit 3')) return act('read', path, [path]);
  if (own.includes('content=')) return act('write', path, [path]);
  if (own.includes('marker_temp=')) return act('mark', path, [path]);
  if (own.includes(`rm -f -- "$path" "$path${MARKER_SUFFIX}"`)) return act('remove', path, [path]);
  const unit = /^unit='([^']+)' verb=/m.exec(own)?.[1];
  const service = /'up' '-d'.* '([^']+)' >&2$/m.exec(own)?.[1] ?? / 'stop' /.exec(own)?.[0];
  const program = /'keyturn-run' '([^']+)'/.exec(own)?.[1];
  const what = unit ?? service ?? program;
  if (what === undefined) return act('other', '', []);
  const of = files.filter(({ restarts }) =>
    restarts.some((restart) => {
      switch (restart.kind) {
        case 'systemd-unit':
          return restart.unit === unit;
        case 'compose-service':
          return service !== undefined && (restart.service === service || service === " 'stop' ");
        case 'command':
          return restart.argv[0] === program;
      }
    }),
  );
  return act(
    'restart',
    what.replaceAll(/[' ]/g, ''),
    of.map((file) => file.path),
  );
}
