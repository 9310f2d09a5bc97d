import { createHash } from 'node:crypto';
import type { Report } from '../model/report.ts';
import type { Html, Part } from './html.ts';
import { html, styleOf, written } from './html.ts';
import { momentText } from './moment.ts';
import { accessSection } from './report-access.ts';
import type { Chapter } from './report-chapter.ts';
import { chapterOf, periodText, toned } from './report-chapter.ts';
import { complianceSection } from './report-compliance.ts';
import { evidenceSection } from './report-evidence.ts';
import { inventorySection } from './report-inventory.ts';
import { STYLE } from './report-style.ts';
import { NUMBERS, numbersOf, summary } from './report-summary.ts';
import { sheet } from './report-table.ts';
import { timelineSection } from './report-timeline.ts';
import { verdictOf, verificationSection } from './report-verification.ts';

/**
 * The report as one HTML page that asks for nothing: no script, no image, no font, no link to elsewhere, and a content
 * policy that lets nothing in but its own style sheet. Whatever it is told is text in it, never markup.
 */
export function renderReportHtml(report: Report): string {
  const chapters = report.stacks.map((stack, place) => chapterOf(report, stack, place));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>${titleOf(report)}</title>
        ${styleOf(STYLE)}
      </head>
      <body>
        <a class="jump" href="#main">Skip to the report</a>
        ${header(report, chapters)}
        <main id="main" tabindex="-1">${overview(chapters)}${chapters.map(chapterPart)}</main>
        <footer>
          <p>
            Made by keyturn on ${momentText(report.madeAt)}. It holds no value of a secret, and nothing
            computed from one.
          </p>
        </footer>
      </body>
    </html> `;
  return written(page);
}

/** The one style sheet is let in by its digest: a changed or a second one is refused. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

function titleOf(report: Report): string {
  const names = report.stacks.map(({ stack }) => stack).join(', ');
  return `Secret rotation report, ${names === '' ? 'no stack' : names}, ${periodText(report)}`;
}

const SECTIONS = [
  ['inventory', 'Inventory'],
  ['compliance', 'Compliance'],
  ['versions', 'Versions'],
  ['access', 'Access'],
  ['evidence', 'Evidence'],
  ['verification', 'Verification'],
] as const;

function header(report: Report, chapters: readonly Chapter[]): Html {
  return html`<header>
    <h1>Secret rotation report</h1>
    <p><strong>${periodText(report)}</strong><br />made ${momentText(report.madeAt)}; all times in UTC</p>
    <nav aria-label="Stacks and their sections">
      <ul>
        ${chapters.map(
          ({ key, stack }) =>
            html`<li>
              <a href="#${key}"><strong>${stack.stack}</strong></a>
              <ul>
                ${SECTIONS.map(([word, title]) => html`<li><a href="#${key}-${word}">${title}</a></li>`)}
              </ul>
            </li> `,
        )}
      </ul>
    </nav>
  </header> `;
}

function overview(chapters: readonly Chapter[]): Html {
  if (chapters.length === 0) return html`<p>This report is about no stack.</p> `;
  if (chapters.length === 1) return html``;
  return html`<section aria-labelledby="overview">
    <h2 id="overview">Overview</h2>
    ${sheet({
      id: 'overview-table',
      caption: 'All stacks of this report',
      columns: [
        { title: 'Stack' },
        ...NUMBERS.map((title) => ({ title, kind: 'number' }) as const),
        { title: 'History', kind: 'words' },
      ],
      rows: chapters.map(overviewRow),
    })}
  </section> `;
}

function overviewRow({ key, stack }: Chapter): Part[] {
  return [
    html`<a href="#${key}">${stack.stack}</a>`,
    ...numbersOf(stack).map(({ number, tone }) => toned(tone, number)),
    toned(...verdictOf(stack.verification)),
  ];
}

function chapterPart(chapter: Chapter): Html {
  const { key, stack } = chapter;
  return html`<article aria-labelledby="${key}">
    <h2 id="${key}">${stack.stack}</h2>
    ${summary(chapter)}${inventorySection(chapter)}${complianceSection(chapter)}${timelineSection(chapter)}
    ${accessSection(chapter)}${evidenceSection(chapter)}${verificationSection(chapter)}
  </article> `;
}
