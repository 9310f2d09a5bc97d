import { describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { annotationLines, annotationsOf } from '../../src/report/annotations.ts';
import { secret, service, stack } from '../plan/declare.ts';
import { api, rotation, writer } from './fixture.ts';
import { manyRotations } from './many-rotations.ts';

const declared: Declared = stack(
  [{ ...secret('db-writer'), address: writer, position: 'stacks/busflow.ts:14' }],
  [{ ...service('busflow_api', []), address: api, position: 'stacks/busflow.ts:31' }],
);

describe('annotations', () => {
  it('stand where a secret or consumer is declared, and nowhere where that is not known', () => {
    const lines = annotationLines(annotationsOf(rotation, declared));
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^::notice file=stacks\/busflow\.ts,line=14,title=db-writer rotates::v3 to v4: due /,
      ),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^::notice file=stacks\/busflow\.ts,line=31,title=busflow_api restarts::3 tasks/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^::error title=busflow_api%3A blocked \(unknown\)::/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^::warning title=smtp-password%3A blocked/));
  });

  it('are at most ten of a kind, the last of which says how many more there are', () => {
    const lines = annotationLines(annotationsOf(manyRotations(200), declared));
    const of = (level: string): string[] => lines.filter((line) => line.startsWith(`::${level} `));
    expect(of('notice')).toHaveLength(10);
    expect(of('warning')).toHaveLength(10);
    expect(of('notice').at(-1)).toContain(`${200 * 2 - 9} more`);
  });

  it('are one line each, whatever a name holds, and begin no other command', () => {
    const text = 'a\n::add-mask::x\r##[x]%0A,b:c\u001B[31m';
    const place = { file: 'a,b:c\n.ts', line: 3 };
    const [line, ...others] = annotationLines([{ level: 'warning', place, title: text, text }]);
    expect(others).toEqual([]);
    expect(['\n', '\r', '\u001B'].filter((each) => line?.includes(each))).toEqual([]);
    expect(line).toMatch(/^::warning file=a%2Cb%3Ac%0A\.ts,line=3,title=a%0A%3A%3Aadd-mask/);
  });
});
