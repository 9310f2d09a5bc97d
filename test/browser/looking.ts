import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

const SCRIPT = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8');

/** Asks the page by one of the questions of in-page.js. Works beside a content policy that lets no script in. */
export async function ask<Answer>(page: Page, question: string): Promise<Answer> {
  if (!(await page.evaluate<boolean>("'keyturn' in globalThis"))) await page.evaluate(SCRIPT);
  return page.evaluate<Answer>(`keyturn.${question}()`);
}

/** What is seen once all that waits for its turn to be laid out was laid out. */
export async function laidOut(page: Page): Promise<void> {
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))',
  );
}
