import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a Chromium is on this machine; undefined: nowhere we look. */
export function chromiumHere(): string | undefined {
  return PLACES.find((place) => existsSync(place));
}

/**
 * Tests that look at a page in a real browser. Without one they are left out, loudly; where KEYTURN_BROWSER is
 * `required` they fail instead.
 */
export function describeInBrowser(title: string, tests: (desk: Desk) => void): void {
  const executablePath = chromiumHere();
  if (executablePath !== undefined) {
    describe(title, () => tests(deskWith(executablePath)));
    return;
  }
  const reason = 'there is no Chromium on this machine: apt-get install chromium';
  if (process.env['KEYTURN_BROWSER'] === 'required') {
    it(`${title}: has a browser`, () => expect.fail(`KEYTURN_BROWSER=required, but ${reason}`));
    return;
  }
  describe.skip(`${title} (${reason})`, () => tests(deskWith('')));
}

/** What a page did that it should not have done. */
export interface Trespasses {
  readonly requests: string[];
  readonly messages: string[];
}

export interface View {
  readonly width: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
}

export interface Desk {
  /** Opens a page from a file, as whoever was handed it would. It is closed when all tests are done. */
  open(html: string, view: View): Promise<{ page: Page; trespasses: Trespasses }>;
}

/** As root, which Chromium's own sandbox refuses. */
export async function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

function deskWith(executablePath: string): Desk {
  let browser: Browser | undefined;
  let folder: string | undefined;
  let count = 0;
  beforeAll(async () => {
    browser = await startChromium(executablePath);
    folder = mkdtempSync(join(tmpdir(), 'keyturn-report-'));
  });
  afterAll(async () => {
    await browser?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  return {
    open: async (html, { width, height = 900, scheme = 'light' }) => {
      if (browser === undefined || folder === undefined) throw new Error('no browser was started');
      const file = join(folder, `report-${(count += 1)}.html`);
      writeFileSync(file, html);
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
      const trespasses = watch(page);
      await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
      return { page, trespasses };
    },
  };
}

function watch(page: Page): Trespasses {
  const trespasses: Trespasses = { requests: [], messages: [] };
  let isOpened = false;
  page.on('request', (request) => {
    // The first is the file itself.
    if (isOpened) trespasses.requests.push(request.url());
    isOpened = true;
  });
  page.on('console', (message) => trespasses.messages.push(message.text()));
  page.on('pageerror', (error) => trespasses.messages.push(error.message));
  return trespasses;
}
