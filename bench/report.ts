/**
 * How long the HTML report takes, from the report as data to a page that is drawn.
 *
 *     npm run bench:report -- [--rounds 5]
 *
 * Ten secrets over ten years with the evidence of all of it, and 2,000 secrets over ten years with the evidence of a
 * quarter; each page is opened from a file in a fresh Chromium page. Prints medians. Exit 2: there is no Chromium.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { renderReportHtml } from '../src/report/report-html.ts';
import { aDecade } from '../test/browser/a-decade.ts';
import { chromiumHere, startChromium } from '../test/browser/browser.ts';

/** Milliseconds from the begin of the navigation until the frame after the load was drawn. */
const DRAWN = `new Promise((done) => {
  const settle = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
  if (document.readyState === 'complete') settle();
  else addEventListener('load', settle);
})`;

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function timesOf(browser: Browser, file: string, rounds: number): Promise<Record<string, number>> {
  const drawn: number[] = [];
  const first: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(pathToFileURL(file).href, { waitUntil: 'commit' });
    drawn.push(await page.evaluate<number>(DRAWN));
    first.push(
      await page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime"),
    );
    await page.close();
  }
  return { first: median(first), drawn: median(drawn) };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  const executablePath = chromiumHere();
  if (executablePath === undefined) {
    console.error('there is no Chromium on this machine: apt-get install chromium');
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-bench-'));
  const browser = await startChromium(executablePath);
  try {
    for (const [secrets, years] of [
      [10, 10],
      [2000, 0.25],
    ] as const) {
      const report = aDecade(secrets, years);
      const began = performance.now();
      const html = renderReportHtml(report);
      const rendered = performance.now() - began;
      const file = join(folder, `report-${secrets}.html`);
      await writeFile(file, html);
      const { first, drawn } = await timesOf(browser, file, Number(values.rounds));
      const entries = report.stacks.reduce((total, stack) => total + stack.entries.length, 0);
      console.log(
        `${secrets} secrets, 40 versions each, ${entries} entries: ${(html.length / 1e6).toFixed(2)} MB, ` +
          `rendered in ${rendered.toFixed(0)} ms, first paint ${first?.toFixed(0)} ms, drawn ${drawn?.toFixed(0)} ms`,
      );
    }
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
  return 0;
}

process.exitCode = await main();
