import type { Compliance, EmergencyReport } from '../model/report.ts';
import type { Html, Part } from './html.ts';
import { html } from './html.ts';
import { countText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Chapter } from './report-chapter.ts';
import { entryLink, listed, periodText, secretLink, section, toned } from './report-chapter.ts';
import { facts, sheet } from './report-table.ts';

/** How well the calendar was kept in the period, and each emergency with the time that it took. */
export function complianceSection(chapter: Chapter): Html {
  const { key, report, stack } = chapter;
  const { compliance } = stack;
  const { due, onTime, rotations, failures, emergencies } = compliance;
  return section(
    chapter,
    'compliance',
    'Compliance',
    html`<p>In the period ${periodText(report)}. On time is what was done before it counted as overdue.</p> `,
    facts([
      ['Due in the period', String(due)],
      ['On time', due === 0 ? 'none was due' : `${onTime} of ${due}, ${shareText(onTime, due)}`],
      ['Longest overdue', longest(chapter, compliance)],
      ['Rotations completed', `${rotations}, whatever their cause`],
      [
        'Failed, rolled back or left to a person',
        failures === 0 ? 'no apply' : countText(failures, 'apply', 'applies'),
      ],
      emergencies.length === 0 ? ['Emergencies', 'none'] : ['Emergencies', String(emergencies.length)],
    ]),
    emergencies.length === 0
      ? null
      : sheet({
          id: `${key}-emergencies`,
          caption: 'Emergency rotations, from the discovery until the last named version was dead',
          columns: [
            { title: 'Incident' },
            { title: 'Evidence', kind: 'tight' },
            { title: 'Discovered', kind: 'tight' },
            { title: 'Dead', kind: 'tight' },
            { title: 'Time to dead', kind: 'number' },
            { title: 'Secrets', kind: 'words' },
          ],
          rows: emergencies.map((each) => emergencyRow(chapter, each)),
        }),
  );
}

/** Rounded down to a tenth, so that 100 % means all of them. */
export function shareText(part: number, whole: number): string {
  if (part === whole) return '100 %';
  return `${(Math.floor((1000 * part) / whole) / 10).toFixed(1)} %`;
}

/** `41 min`, `2 h 5 min`, `9 d 4 h`: two units at most, rounded up, so that nothing looks shorter than it was. */
export function spanText(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const all = Math.ceil(minutes / 60);
  return all % 24 === 0 ? `${all / 24} d` : `${Math.floor(all / 24)} d ${all % 24} h`;
}

function longest(chapter: Chapter, { longestOverdue }: Compliance): Part {
  if (longestOverdue === null) return 'nothing was overdue';
  const { secret, due, doneAt, ms } = longestOverdue;
  const end =
    doneAt === null ? toned('bad', 'still missing at the end of the period') : `done ${momentText(doneAt)}`;
  return html`${secretLink(chapter, secret)}, ${spanText(ms)}: due ${momentText(due)}, ${end}`;
}

function emergencyRow(chapter: Chapter, each: EmergencyReport): Part[] {
  const { incident, entry, discoveredAt, deadAt, ms, secrets } = each;
  return [
    incident,
    entryLink(chapter, entry),
    momentText(discoveredAt),
    deadAt === null ? toned('bad', 'not shown to be dead') : momentText(deadAt),
    ms === null ? 'not known' : spanText(ms),
    listed(secrets.map((secret) => secretLink(chapter, secret))),
  ];
}
