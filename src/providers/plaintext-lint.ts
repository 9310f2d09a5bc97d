import perfHooks from 'node:perf_hooks';
import type { lintSource } from '@secretlint/core';
import type { Place } from '../model/finding.ts';
import type { Rule } from './plaintext-rule.ts';
import { ENVIRONMENT_VALUE, OWN_RULE, TEMPLATE_VALUE } from './plaintext-rule.ts';

/** Something that should not be in the tree. Never holds a part of it, nor how long it is. */
export interface PlaintextHit {
  readonly kind: 'secret' | 'template-value' | 'environment-value' | 'production-file';
  /** What it looks like, `AWS secret access key`, or the variable that has a value; empty: a file of production. */
  readonly what: string;
  /** Which rule of secretlint knows it; null: one of ours. */
  readonly rule: string | null;
  readonly place: Place;
}

/** What is in one file's text. */
export type Lint = (file: string, text: string) => Promise<PlaintextHit[]>;

/**
 * secretlint with its recommended rules and one of ours.
 *
 * Its profiler keeps every mark of every rule and file for ever and looks through all of them for each new one: a
 * thousand files take 20 s and the next thousand minutes. It takes part in none of this where it finds no
 * PerformanceObserver when it is loaded, so there is none for that moment.
 */
export async function loadLint(own: Rule): Promise<Lint> {
  const hooks: { PerformanceObserver: unknown } = perfHooks;
  const observer = hooks.PerformanceObserver;
  hooks.PerformanceObserver = undefined;

  try {
    const [core, { creator }] = await Promise.all([
      import('@secretlint/core'),
      import('@secretlint/secretlint-rule-preset-recommend'),
    ]);
    const rules: Rule[] = [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }, own];
    return async (file, text) => {
      // A comment in a last line that has no end accepts nothing.
      const content = text.endsWith('\n') ? text : `${text}\n`;
      const source = { filePath: file, content, contentType: 'text', ext: '' } as const;
      const options = { noPhysicFilePath: true, maskSecrets: true, config: { rules } };
      const { messages } = await core.lintSource({ source, options });
      // Node keeps those that it still sets.
      perfHooks.performance.clearMarks();
      return once(messages.map((message) => hitOf(message, file)));
    };
  } finally {
    hooks.PerformanceObserver = observer;
  }
}

type Message = Awaited<ReturnType<typeof lintSource>>['messages'][number];

/** Its own message is not used: the mask in it is as long as the secret. */
function hitOf({ ruleId, messageId, message, loc }: Message, file: string): PlaintextHit {
  const place = { file, line: loc.start.line, column: loc.start.column + 1 };
  const isOurs = ruleId === OWN_RULE;
  if (isOurs && messageId === TEMPLATE_VALUE)
    return { kind: 'template-value', what: message, rule: null, place };
  if (isOurs && messageId === ENVIRONMENT_VALUE)
    return { kind: 'environment-value', what: message, rule: null, place };
  const rule = isOurs ? null : ruleId.replace('@secretlint/secretlint-rule-', '');
  return { kind: 'secret', what: wordsOf(messageId), rule, place };
}

/** A line is told by secretlint's rules, else by our patterns, else by the name of its variable. */
function once(hits: readonly PlaintextHit[]): PlaintextHit[] {
  const rank = ({ kind, rule }: PlaintextHit): number => (kind !== 'secret' ? 2 : rule === null ? 1 : 0);
  const kept: PlaintextHit[] = [];
  for (const hit of hits.toSorted((a, b) => rank(a) - rank(b))) {
    const isTold = kept.some(({ place }) => place.line === hit.place.line);
    if (rank(hit) === 0 || !isTold) kept.push(hit);
  }
  return kept;
}

/** `AWSSecretAccessKey` and `PRIVATE_KEY_BLOCK` as words. */
function wordsOf(id: string): string {
  if (id.includes('_') || id === id.toUpperCase()) return id.toLowerCase().replaceAll('_', ' ');
  return id.replaceAll(/([A-Za-z])([A-Z][a-z])/g, '$1 $2');
}
