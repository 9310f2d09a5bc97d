import type { Page } from './paint.ts';
import type { Schedule } from './schedule-order.ts';
import { hang } from './table.ts';

/** The files as they are, one after the other; each says its name in its first line. No newline at the end. */
export function renderFiles({ files }: Schedule): string {
  return files
    .map(({ text }) => text)
    .join('\n')
    .trimEnd();
}

/** What would not work, and what a person does next; commands stand on lines of their own and are never wrapped. */
export function renderRemarks({ warnings, next }: Schedule, page: Page): string {
  return [
    ...warnings.flatMap((warning) => hang('warning: ', warning, page, { lead: 'yellow' })),
    '',
    'Next',
    ...next.flatMap(({ what, run }, index) => [
      ...hang(`  ${index + 1}. `, what, page),
      ...(run === null ? [] : [`     ${page.paint('bold', run)}`]),
    ]),
  ].join('\n');
}
