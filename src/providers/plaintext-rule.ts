import type { lintSource } from '@secretlint/core';
import { patternHits } from './plaintext-patterns.ts';
import { assignmentsIn, environmentFile, isPlaceholder, isSecretName } from './plaintext-values.ts';

export type Rule = Parameters<typeof lintSource>[0]['options']['config']['rules'][number];

type Scanner = Extract<Rule['rule'], { readonly messages: unknown }>;

/** What the declarations say about names, so that a value under one of them is known for what it is. */
export interface Mounted {
  /** Bases of copies, targets and names of secrets: a variable of such a name is a secret, whatever it is called. */
  readonly names: readonly string[];
  /** `busflow_db_writer` of `busflow_db_writer_v4`: the name of a copy is no value. */
  readonly bases: readonly string[];
}

export const OWN_RULE = 'keyturn';
/** Ids of what is found by the name of a variable; others are ids of patterns. */
export const TEMPLATE_VALUE = 'TEMPLATE_VALUE';
export const ENVIRONMENT_VALUE = 'ENVIRONMENT_VALUE';

/**
 * A rule of our own beside secretlint's, so that its comments (`secretlint-disable-line`) hold for it as well. The
 * message of a variable is its name; no message holds anything of a value.
 */
export function ownRule(mounted: Mounted): Rule {
  const known = new Set(mounted.names.map(normal));
  const rule: Scanner = {
    messages: {},
    meta: { id: OWN_RULE, type: 'scanner', recommended: true, supportedContentTypes: ['text'] },
    create: (context) => ({
      file: ({ content, filePath = '' }) => {
        for (const { id, from, to } of patternHits(content)) {
          context.report({ message: { message: '', messageId: id, data: undefined }, range: [from, to] });
        }
        const kind = environmentFile(filePath);
        if (kind === null || kind === 'production') return;
        const messageId = kind === 'template' ? TEMPLATE_VALUE : ENVIRONMENT_VALUE;
        for (const { name, value, from, to } of assignmentsIn(content)) {
          const isKnown = known.has(normal(name));
          if (!isKnown && !isSecretName(name)) continue;
          if (isPlaceholder(value) || isCopyName(value, mounted.bases) || (!isKnown && /\s/.test(value)))
            continue;
          context.report({ message: { message: name, messageId, data: undefined }, range: [from, to] });
        }
      },
    }),
  };
  return { id: OWN_RULE, rule };
}

/** One spelling for `busflow-db-writer`, `BUSFLOW_DB_WRITER` and `busflow_db_writer`. */
function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
}

function isCopyName(value: string, bases: readonly string[]): boolean {
  return bases.some(
    (base) => value === base || (value.startsWith(`${base}_v`) && /^\d+$/.test(value.slice(base.length + 2))),
  );
}
