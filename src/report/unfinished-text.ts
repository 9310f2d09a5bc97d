import type { ConsumerAddress, SecretAddress } from '../model/address.ts';
import { homeOf, nameOf, spoken } from '../model/address.ts';
import type { Observed } from '../model/observed.ts';
import type { Recorded } from '../model/recorded.ts';
import type { Fate, Unfinished, UnfinishedGroup } from '../model/unfinished.ts';
import { momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { fields, hang } from './table.ts';

/** What stands around an unfinished apply: what is live now, and who runs it, if anybody does. */
export interface UnfinishedContext {
  readonly observed: Observed;
  readonly recorded: Recorded;
  /** Who holds the lease and may still be at work; null: nobody. */
  readonly runs: string | null;
}

/**
 * An apply that did not end, for a person who must decide whether to run another: what was done, what is live,
 * and what the next apply makes of each group. No newline at the end.
 */
export function renderUnfinished(unfinished: Unfinished, context: UnfinishedContext, page: Page): string {
  const { kind, startedAt, by, groups } = unfinished;
  const begun = `${{ apply: 'An apply', rollback: 'A rollback', compromise: 'An emergency rotation' }[kind]} of ${momentText(startedAt)} by ${by}`;
  const head =
    context.runs === null
      ? `${begun} did not end. keyturn apply ends it first, then does what is declared now.`
      : `${begun} is under way: ${context.runs}. What is shown here may change while it runs.`;
  return [
    ...hang('', head, page, { text: 'yellow' }),
    ...groups.flatMap((group) => groupLines(group, context, page)),
  ].join('\n');
}

const FATES: Record<Fate, string> = {
  'kept': 'is done and stays',
  'finished': 'goes on to its end',
  'taken-back': 'is taken back',
  'untouched': 'changed nothing',
};

function groupLines(group: UnfinishedGroup, context: UnfinishedContext, page: Page): string[] {
  const lead = `  Group ${group.id} `;
  return [
    ...hang(lead, [FATES[group.fate], ...returnsTo(group, context.recorded)].join(': '), page, {
      lead: 'bold',
    }),
    ...(group.fate === 'kept' || group.fate === 'untouched'
      ? []
      : fields(
          [
            ['done', listed(group.done)],
            ['cut off', listed(group.cutOff)],
            ['failed', listed(group.failed)],
            ['live', listed(group.consumers.map((consumer) => liveText(consumer, context.observed)))],
          ],
          page,
          4,
        )),
  ];
}

function listed(texts: readonly string[]): string | null {
  return texts.length === 0 ? null : texts.join('; ');
}

function returnsTo({ fate, secrets }: UnfinishedGroup, recorded: Recorded): string[] {
  if (fate !== 'taken-back' || secrets.length === 0) return [];
  return [secrets.map((secret) => `${nameOf(secret)} ${backText(secret, recorded)}`).join(', ')];
}

function backText(secret: SecretAddress, recorded: Recorded): string {
  const current = recorded.secrets[secret]?.current ?? null;
  return current === null ? 'has no version again' : `returns to v${current}`;
}

/** What a consumer's spec names now, as it was observed. */
function liveText(consumer: ConsumerAddress, observed: Observed): string {
  const platform = observed.platforms[homeOf(consumer)];
  if (platform?.status !== 'seen') return `${spoken(consumer)} could not be observed`;
  const service = platform.services[nameOf(consumer)];
  if (service === undefined) return `${spoken(consumer)} does not exist`;
  const reads = service.references.map(({ target, copyName }) => `${target} from ${copyName}`);
  return `${spoken(consumer)} reads ${reads.length === 0 ? 'nothing' : reads.join(', ')}`;
}
