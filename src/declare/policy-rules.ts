import { describeCadence, durationMs, humanDuration } from '../calendar/calendar.ts';
import { cadenceProblems, durationProblem } from '../calendar/rules.ts';
import { durationOf, longestGap } from '../calendar/spacing.ts';
import type { IsoDuration } from '../model/address.ts';
import type { Cadence, DeclaredSecret } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { nearest } from '../model/nearest.ts';
import type { Declaration } from './declaration.ts';
import { place } from './found.ts';
import { follows, isName, nameInstead, namesEnvironment, namingProblem } from './naming.ts';
import type { Policy } from './policy.ts';
import { ALLOWABLE, REQUIRABLE } from './policy.ts';

/** A policy, the construct that it was added to, and what is declared below that. */
export interface PolicyAt {
  readonly policy: Policy;
  readonly path: string;
  readonly declarations: readonly Declaration[];
}

type Finding = Omit<Problem, 'where'>;
type Rule = (secret: DeclaredSecret, policy: Policy, whose: string) => Finding[];

const RULES: readonly Rule[] = [missing, unnamed, tooFar, tooShort];

/** What is wrong with the policies themselves, then every secret that offends against one. */
export function policyProblems(policies: readonly PolicyAt[]): Problem[] {
  const seen = new Map<Policy, Set<string>>();
  return policies.flatMap(({ policy, path, declarations }) => {
    const where = `${path === '' ? 'the app' : path}${policy.position === null ? '' : ` (${policy.position})`}`;
    const { problems, sound } = soundPartOf(policy);
    const own = seen.has(policy) ? [] : problems.map((problem) => ({ ...problem, where }));
    const judged = seen.get(policy) ?? new Set();
    seen.set(policy, judged);
    const offences = declarations.flatMap((at): Problem[] => {
      if (at.item.kind !== 'secret' || at.unresolved.length > 0 || judged.has(at.path)) return [];
      judged.add(at.path);
      const { secret } = at.item;
      const found = RULES.flatMap((rule) => rule(secret, sound, `the policy of ${where}`));
      return found.map((problem) => ({ ...problem, where: place(at) }));
    });
    return [...own, ...offences];
  });
}

/** What is wrong with a policy, and the policy without it: no secret is judged by what cannot be meant. */
function soundPartOf(policy: Policy): { readonly problems: Finding[]; readonly sound: Policy } {
  const atMost = lengthProblems('atMost', policy.atMost);
  const soak = lengthProblems('soakAtLeast', policy.soakAtLeast);
  const naming = policy.naming === null ? null : namingProblem(policy.naming);
  const problems = [
    ...atMost,
    ...soak,
    ...unknownWords('allow', policy.allow, ALLOWABLE),
    ...unknownWords('require', policy.require, REQUIRABLE),
  ];
  if (naming !== null) {
    const next = 'write it like /clarivum/<env>/<service>/<name>, or clarivum-<env>-<name>';
    problems.push({ what: `the naming "${policy.naming}" ${naming}`, next });
  }
  const sound = {
    ...policy,
    atMost: atMost.length > 0 ? null : policy.atMost,
    soakAtLeast: soak.length > 0 ? null : policy.soakAtLeast,
    naming: naming === null ? policy.naming : null,
  };
  if (sound.atMost !== null && sound.soakAtLeast !== null) {
    const [most, least] = [sound.atMost, sound.soakAtLeast];
    if (durationMs(least) >= durationMs(most)) {
      problems.push({
        what: `soakAtLeast ${humanDuration(least)} is not shorter than atMost ${humanDuration(most)}: no secret can do both`,
        next: `give a soakAtLeast below ${humanDuration(most)}`,
      });
    }
  }
  const asksNothing = [policy.atMost, policy.naming, policy.soakAtLeast].every((each) => each === null);
  if (asksNothing && policy.require.length === 0) {
    problems.push({
      what: 'the policy asks for nothing',
      next: 'give atMost, require, naming or soakAtLeast',
    });
  }
  return { problems, sound };
}

function lengthProblems(field: string, length: IsoDuration | null): Finding[] {
  if (length === null) return [];
  const problem = durationProblem(length, true);
  if (problem !== null) return [{ what: `${field} ${problem.what}`, next: problem.next }];
  if (durationMs(length) > 0) return [];
  return [{ what: `${field} is zero`, next: 'give a length above zero, or leave it out' }];
}

function unknownWords(field: string, words: readonly string[], known: readonly string[]): Finding[] {
  return words
    .filter((word) => !known.includes(word))
    .map((word) => {
      const near = nearest(word, known, 1).map((name) => `did you mean ${name}? `);
      return { what: `${field} names "${word}"`, next: `${near.join('')}it takes ${known.join(', ')}` };
    });
}

function missing(secret: DeclaredSecret, policy: Policy, whose: string): Finding[] {
  const wanted = new Set(policy.require);
  if (policy.naming !== null && namesEnvironment(policy.naming)) wanted.add('environment');
  return REQUIRABLE.filter((field) => wanted.has(field) && (secret[field] ?? '').trim() === '').map(
    (field) => ({
      what: `it says no ${field}, which ${whose} requires`,
      next: `give ${field}: '…'`,
    }),
  );
}

function unnamed(secret: DeclaredSecret, { naming }: Policy, whose: string): Finding[] {
  if (naming === null) return [];
  const environment = (secret.environment ?? '').trim();
  if (namesEnvironment(naming)) {
    if (environment === '') return [];
    if (!/^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*$/.test(environment)) {
      const words = environment
        .toLowerCase()
        .split(/[^a-z0-9]+/)
        .filter((word) => word !== '');
      const next = words.length === 0 ? 'lower-case words with hyphens between them' : `'${words.join('-')}'`;
      return [
        {
          what: `its environment "${environment}" cannot stand in a name of a key vault, as ${whose} asks for`,
          next: `write environment: ${next}`,
        },
      ];
    }
  }
  if (follows(secret.name, naming, environment)) return [];
  const instead = nameInstead(secret.name, naming, environment);
  return [
    {
      what: `"${secret.name}" does not follow ${naming}, the naming of ${whose}`,
      next: isName(instead) ? `name it "${instead}"` : `give a name like "${instead}"`,
    },
  ];
}

function tooFar({ cadence }: DeclaredSecret, { atMost, allow }: Policy, whose: string): Finding[] {
  if (atMost === null || allow.includes(cadence.kind) || cadenceProblems(cadence).length > 0) return [];
  const most = humanDuration(atMost);
  const gap = longestGap(cadence);
  if (gap === null) {
    return [
      {
        what: `its cadence, ${describeCadence(cadence)}, has no dates; ${whose} asks for one at least every ${most}`,
        next: `give it dates, Cadence.every('${atMost}', { … }), or name '${cadence.kind}' in allow of the policy`,
      },
    ];
  }
  if (gap <= durationMs(atMost)) return [];
  return [
    {
      what: `its dates lie up to ${humanDuration(durationOf(gap))} apart; ${whose} asks for at most ${most}`,
      next: `rotate it more often: ${cadenceWithin(cadence, atMost)}`,
    },
  ];
}

/** The nearest cadence whose dates are never further apart, as it is written. */
function cadenceWithin(cadence: Cadence, atMost: IsoDuration): string {
  if (cadence.kind === 'calendar') {
    for (const [each, name] of [
      ['quarter', 'Cadence.quarterly'],
      ['month', 'Cadence.monthly'],
    ] as const) {
      const shorter: Cadence = { ...cadence, each, month: null };
      if (cadenceProblems(shorter).length > 0) continue;
      const gap = longestGap(shorter);
      if (gap !== null && gap <= durationMs(atMost)) return `${name}({ … })`;
    }
  }
  return `Cadence.every('${atMost}', { … })`;
}

function tooShort({ soak }: DeclaredSecret, { soakAtLeast }: Policy, whose: string): Finding[] {
  if (soakAtLeast === null || durationProblem(soak, true) !== null) return [];
  if (durationMs(soak) >= durationMs(soakAtLeast)) return [];
  return [
    {
      what: `a soak of ${humanDuration(soak)} is shorter than ${humanDuration(soakAtLeast)}, which ${whose} asks for at least`,
      next: `give soak: '${soakAtLeast}', or longer`,
    },
  ];
}
