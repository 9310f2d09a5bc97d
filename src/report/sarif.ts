import { digestOf } from '../model/canonical.ts';
import type { Finding, FindingRule, Place } from '../model/finding.ts';
import { FINDING_RULES, worstFirst } from '../model/finding.ts';

export interface SarifOptions {
  /** Of keyturn. */
  readonly version: string;
  /**
   * Where a finding without a place stands: a result without a file is refused by GitHub's code scanning, so it gets
   * the first line of a file that every project has.
   */
  readonly fallback?: string;
}

/** What places are relative to, as the readers of SARIF call it. */
const ROOT = '%SRCROOT%';

/**
 * Findings as one run of SARIF 2.1.0, for code scanning of GitHub and others: all rules, each with its chapter of the
 * docs; results in the order of `worstFirst`; places relative to the folder of the project.
 *
 * A fingerprint is a function of rule, stack, address and subject, and of how many of the same came before it: a line
 * that moves or a text that is worded anew makes no new alert.
 */
export function renderSarif(
  findings: readonly Finding[],
  { version, fallback = 'cdktf.json' }: SarifOptions,
): object {
  const rules = Object.keys(FINDING_RULES) as FindingRule[];
  const seen = new Map<string, number>();
  const results = worstFirst(findings).map((finding) => {
    const { rule, stack, address, subject, level } = finding;
    const same = digestOf({ rule, stack, address, subject }).slice(0, 24);
    const count = (seen.get(same) ?? 0) + 1;
    seen.set(same, count);
    return {
      ruleId: rule,
      ruleIndex: rules.indexOf(rule),
      level,
      message: { text: `${subject}: ${finding.text}. Next: ${finding.next}` },
      locations: [locationOf(finding, { file: fallback, line: 1 })],
      partialFingerprints: { 'keyturn/v1': `${same}:${count}` },
    };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'keyturn',
            semanticVersion: version,
            informationUri: docs(version),
            rules: rules.map((rule) => ruleOf(rule, version)),
          },
        },
        originalUriBaseIds: {
          [ROOT]: { description: { text: 'the folder of the project, where cdktf.json is' } },
        },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
}

function ruleOf(rule: FindingRule, version: string): object {
  const uri = `${docs(version)}#${rule}`;
  const text = FINDING_RULES[rule];
  return {
    id: rule,
    name: rule.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text },
    helpUri: uri,
    help: {
      text: `${text}. docs/FINDINGS.md says what it means and what to do.`,
      markdown: `${text}. [What it means and what to do](${uri})`,
    },
  };
}

/** The docs as they are shipped with this version. */
function docs(version: string): string {
  return `https://unpkg.com/keyturn@${encodeURIComponent(version)}/docs/FINDINGS.md`;
}

function locationOf({ place, address, subject }: Finding, fallback: Place): object {
  const { file, line, column } = place ?? fallback;
  return {
    physicalLocation: {
      artifactLocation: { uri: file.split('/').map(encodeURIComponent).join('/'), uriBaseId: ROOT },
      region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) },
    },
    logicalLocations: [
      { name: subject, fullyQualifiedName: address ?? subject, kind: address === null ? 'file' : 'resource' },
    ],
  };
}
