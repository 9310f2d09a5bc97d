import type { Address, ConsumerAddress, Instant } from '../model/address.ts';
import { homeOf, isOnHost, nameOf, spoken } from '../model/address.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { Emergency, RadiusMember } from '../model/emergency.ts';
import type { Plan, Step } from '../model/plan.ts';
import { countText, versionText } from './cause-text.ts';
import { ageText, distanceText, elapsedText, momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { fields, hang } from './table.ts';

/** The blast radius as a tree, each member under the one that brought it in, with the reason. */
export function radiusLines({ radius }: Emergency, page: Page): string[] {
  const consumers = new Set(radius.flatMap((member) => member.consumers)).size;
  const head = `Blast radius: ${countText(radius.length, 'secret')}, ${countText(consumers, 'consumer')}`;
  return [page.paint('bold', head), ...branches(radius, null, '  ', page)];
}

/** By when all of it should be dead, told from the time of the page. */
export function deadlineLines(
  { discoveredAt, deadline }: Emergency,
  page: Page & { readonly now: Instant },
): string[] {
  const at = (instant: Instant): string => `${momentText(instant)} (${distanceText(instant, page.now)})`;
  const found = `found out at ${at(discoveredAt)}`;
  return Date.parse(deadline) < Date.parse(page.now)
    ? hang('  ', `the deadline is past: to be dead by ${at(deadline)}, ${found}`, page, { text: 'red' })
    : hang('  ', `to be dead by ${at(deadline)}, ${found}`, page);
}

function branches(
  radius: readonly RadiusMember[],
  of: RadiusMember['of'],
  indent: string,
  page: Page,
): string[] {
  return radius
    .filter((member) => member.of === of)
    .flatMap((member) => [
      ...hang(`${indent}${of === null ? '' : '+- '}${nameOf(member.secret)}  `, memberText(member), page, {
        lead: member.left === null ? 'bold' : 'yellow',
      }),
      ...branches(radius, member.secret, `${indent}   `, page),
    ]);
}

function memberText({ current, why, of, via, consumers, left }: RadiusMember): string {
  const parent = of === null ? '' : nameOf(of);
  const because = {
    named: 'named',
    derived: `derived from ${parent}`,
    depends: `depends on ${parent}`,
    together: `declared together with ${parent}`,
    consumer: `shares ${via === null ? 'a consumer' : `${nameOf(via)} on ${homeOf(via)}`} with ${parent}`,
  }[why];
  const readers =
    consumers.length === 0 ? 'read by no consumer' : `read by ${consumers.map(spoken).join(', ')}`;
  return `${versionText(current)}, ${because}; ${readers}${left === null ? '' : `; left: ${LEFT[left]}`}`;
}

const LEFT: Readonly<Record<NonNullable<RadiusMember['left']>, string>> = {
  'only': '--only',
  'awaiting-value': 'awaits a value',
  'unknown': 'its vault could not be observed',
  'not-minted': 'it has no version',
  'not-ours': 'the vault does not hold it as recorded',
};

/** What stays usable, or stays where it is: null lines where that is nothing. */
export function exposedLines({ exposed }: Pick<Emergency, 'exposed'>, page: Page): string[] {
  if (exposed.length === 0) return [];
  return [
    page.paint('bold', 'Exposed: this plan leaves'),
    ...exposed.flatMap(({ address, text, next }) => [
      ...hang('  ! ', `${address} ${text}`, page, { lead: 'red' }),
      ...fields([['next', next]], page, 4),
    ]),
  ];
}

/**
 * What nothing that is declared makes invalid, or shows to be refused, where it is checked: dead in the vault and on
 * the platform, and for the rest somebody has to see. No lines where everything is.
 */
export function unprovedLines({ steps }: Pick<Plan, 'steps'>, page: Page): string[] {
  const seen = new Set(steps.flatMap(atSource));
  const blind = steps.flatMap((step) =>
    step.kind === 'retire' && !seen.has(`${step.secret} v${step.ordinal}`) ? [nameOf(step.secret)] : [],
  );
  if (blind.length === 0) return [];
  const names = [...new Set(blind)].join(', ');
  const text = `${names}: with no \`revoke\` and no \`refused\` declared, nothing here shows that an old value is refused where it is checked; see to that by hand`;
  return [page.paint('bold', 'Not proved'), ...hang('  ! ', text, page, { lead: 'yellow' })];
}

function atSource(step: Step): string[] {
  return step.kind === 'revoke' || step.kind === 'prove' ? [`${step.secret} v${step.ordinal}`] : [];
}

/** The proof of death of each version, and what else was seen to be done. */
export function deathLines({ steps }: Pick<HistoryEntry, 'steps'>, page: Page): string[] {
  return steps.flatMap(({ kind, address, text, status, proof }) => {
    if (proof === undefined || status !== 'done') return [];
    const ordinal = / v\d+\b/.exec(text)?.[0] ?? '';
    const isOfVersion = kind === 'retire' || kind === 'revoke' || kind === 'prove';
    const what = isOfVersion ? `${nameOf(address as Address)}${ordinal}` : text;
    return hang('  ', `${what}: ${proof}`, page);
  });
}

/** What lets a parked consumer go on. */
export function parkedNext(address: ConsumerAddress): string {
  const look = isOnHost(address)
    ? `what reads ${spoken(address)}`
    : `\`docker service ps ${nameOf(address)}\``;
  return `see ${look}, mend it, then \`keyturn apply\`; where a value was wrong, \`keyturn compromise\` with a good one, for another incident`;
}

/** Of an emergency with nothing to do: what that means. No lines for what stays exposed, which is said above. */
export function overLines({ exposed, incident, radius }: Emergency, page: Page): string[] {
  const text =
    exposed.length > 0
      ? 'Nothing more can be done from here; what stays exposed stands above.'
      : radius.some(({ current }) => current !== null)
        ? `Nothing is left to do for incident ${incident}: every older version within the radius is dead.`
        : 'No secret within the radius has a version.';
  return hang('', text, page, { text: 'bold' });
}

/** `4m12s of 1 h`, and whether that was too long. */
export function usedLine(
  emergency: Emergency,
  endedAt: string,
): { readonly text: string; readonly isLate: boolean } {
  const [from, to, end] = [emergency.discoveredAt, emergency.deadline, endedAt].map((each) =>
    Date.parse(each),
  );
  const used = elapsedText((end ?? 0) - (from ?? 0));
  const given = ageText(emergency.discoveredAt, emergency.deadline);
  const isLate = (end ?? 0) > (to ?? 0);
  return { text: `${used} of ${given} used${isLate ? ': the deadline is past' : ''}`, isLate };
}
