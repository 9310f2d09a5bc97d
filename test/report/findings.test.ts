import type { Log, Result, Run } from 'sarif';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { FINDING_RULES, levelCounts, worstFirst } from '../../src/model/finding.ts';
import { findingsJson, renderFindings } from '../../src/report/findings-text.ts';
import { renderSarif } from '../../src/report/sarif.ts';
import { assertSarif } from '../support/sarif.ts';
import { api, page, writer } from './fixture.ts';

const stuck: Finding = {
  rule: 'stuck',
  level: 'warning',
  stack: 'busflow',
  address: api,
  subject: 'busflow_api',
  text: 'its spec still names busflow_db_writer_v3, v4 is current, and nobody wrote down that it had been moved',
  next: 'keyturn apply --target swarm://prod-swarm-with-a-name-that-is-really-very-long/busflow_api_behind_it',
  place: { file: 'stacks/bus flow.ts', line: 41 },
};
const missing: Finding = {
  rule: 'missing',
  level: 'error',
  stack: 'busflow',
  address: writer,
  subject: 'busflow_db_writer_v4',
  text: 'the current copy is gone from swarm',
  next: `keyturn apply --target ${writer}`,
  place: { file: 'stacks/busflow.ts', line: 14, column: 7 },
};
const plaintext: Finding = {
  rule: 'plaintext',
  level: 'error',
  stack: null,
  address: null,
  subject: '.env.production',
  text: 'holds a password',
  next: 'take it out of the tree and out of its history, then rotate it: whoever could read the repository has it',
  place: null,
};
const orphan: Finding = {
  ...missing,
  rule: 'orphan',
  level: 'note',
  stack: 'portal',
  subject: 'portal_key_v1',
  address: null,
  text: 'nothing declares it',
  next: 'keyturn prune portal',
  place: null,
};
const findings = [orphan, stuck, plaintext, missing];

describe('findings as text', () => {
  it.each([80, 120])('read as their golden file at %i columns', async (width) => {
    const text = `${renderFindings(findings, page(width), 'none')}\n`;
    await expect(text).toMatchFileSnapshot(`golden/findings-${width}.txt`);
  });

  it('keep a command on one line, however long, so that it can be pasted', () => {
    expect(renderFindings(findings, page(80), 'none').split('\n')).toContain(`  next  ${stuck.next}`);
  });

  it('say so where there is none', () => {
    expect(renderFindings([], page(80), 'No drift.')).toBe('No drift.');
  });
});

describe('findings as JSON', () => {
  it('come the worst first, with their counts', () => {
    expect(findingsJson(findings)).toEqual({
      format_version: '1.0',
      findings: [missing, plaintext, stuck, orphan],
      counts: { error: 2, warning: 1, note: 1 },
    });
    expect(levelCounts([])).toEqual({ error: 0, warning: 0, note: 0 });
    expect(worstFirst(findings)).toEqual(worstFirst(findings.toReversed()));
  });
});

const sarif = (of: readonly Finding[]): Run => {
  const [run] = (renderSarif(of, { version: '0.1.0' }) as Log).runs;
  if (run === undefined) throw new Error('no run');
  return run;
};

/** Of the first run: results, and the rules that they may name. */
const resultsOf = (of: readonly Finding[]): Result[] => sarif(of).results ?? [];

describe('findings as SARIF', () => {
  it('are valid by the schema of 2.1.0, also where there is none', () => {
    assertSarif(renderSarif(findings, { version: '0.1.0' }));
    assertSarif(renderSarif([], { version: '0.1.0' }));
  });

  it('name each rule, and their own by its index', () => {
    const rules = sarif(findings).tool.driver.rules ?? [];
    expect(rules.map(({ id }) => id)).toEqual(Object.keys(FINDING_RULES));
    for (const { ruleId, ruleIndex } of resultsOf(findings)) expect(rules[ruleIndex ?? -1]?.id).toBe(ruleId);
  });

  it('stand at their place relative to the project, with what a URI must not hold escaped', () => {
    expect(resultsOf([stuck])[0]?.locations?.[0]?.physicalLocation).toEqual({
      artifactLocation: { uri: 'stacks/bus%20flow.ts', uriBaseId: '%SRCROOT%' },
      region: { startLine: 41 },
    });
    expect(resultsOf([plaintext])[0]?.locations?.[0]?.physicalLocation).toMatchObject({
      artifactLocation: { uri: 'cdktf.json' },
    });
  });

  it('keep their fingerprint when a line moves or the text is worded anew, and have one each', () => {
    const print = (of: readonly Finding[]): unknown[] =>
      resultsOf(of).map(({ partialFingerprints }) => partialFingerprints);
    const moved = {
      ...stuck,
      place: { file: 'stacks/busflow.ts', line: 60 },
      text: 'otherwise',
      next: 'wait',
    };
    expect(print([moved])).toEqual(print([stuck]));
    expect(print([{ ...stuck, subject: 'other' }])).not.toEqual(print([stuck]));
    const twice = print([plaintext, { ...plaintext, text: 'holds a key' }]).map((each) =>
      JSON.stringify(each),
    );
    expect(new Set(twice).size).toBe(2);
  });
});
