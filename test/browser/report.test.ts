import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { aReport } from '../report/a-report.ts';
import { aDecade } from './a-decade.ts';
import { describeInBrowser } from './browser.ts';
import { ask, laidOut } from './looking.ts';

const PHONE = 360;
const DESKTOP = 1440;
const SCHEMES = ['light', 'dark'] as const;
const VIEWS = SCHEMES.flatMap((scheme) => [PHONE, DESKTOP].map((width) => ({ scheme, width })));

/** What every browser of the world would run if it were markup. */
const HOSTILE = `db"><script>hit=1</script><img src=x onerror='hit=1'>&lt;&amp;\u202Eyek`;

/** Only where somebody asked for pictures. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['KEYTURN_SCREENSHOTS'];
  if (folder === undefined || folder === '') return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Hostile text wherever the report can hold text that somebody else wrote. */
function hostile(report: Report): Report {
  const text = JSON.stringify(report)
    .replaceAll('billing-api-key', JSON.stringify(HOSTILE).slice(1, -1))
    .replaceAll(
      /"(who|host|run|reason|ticket|incident|cause|proof|owner|description|role|principal|text|name)":"/g,
      (key) => `${key}${JSON.stringify(HOSTILE).slice(1, -1)} `,
    );
  return JSON.parse(text) as Report;
}

describeInBrowser('the report in a browser', (desk) => {
  const ten = renderReportHtml(aReport({ secrets: 10 }));
  const many = renderReportHtml(aDecade(2000, 0.25));

  it.for([
    ['10 secrets', ten],
    ['2,000 secrets over ten years', many],
  ] as const)(
    'asks for nothing, complains of nothing and stays within its width: %s',
    async ([size, html]) => {
      for (const view of VIEWS) {
        const { page, trespasses } = await desk.open(html, {
          ...view,
          height: view.width === PHONE ? 780 : 900,
        });
        await laidOut(page);
        expect(await ask(page, 'overhang')).toBe(0);
        const name = `${size.split(' ')[0]?.replace(',', '')}-${view.scheme}-${view.width}`;
        await picture(page, `${name}-top`);
        for (const part of ['versions', 'evidence']) {
          await page.evaluate(`document.getElementById('s1-${part}').scrollIntoView()`);
          await laidOut(page);
          await picture(page, `${name}-${part}`);
        }
        expect(await ask(page, 'overhang')).toBe(0);
        expect(trespasses).toEqual({ requests: [], messages: [] });
        await page.close();
      }
    },
  );

  it.for(VIEWS)('stays within its width with all opened: $scheme, $width', async (view) => {
    const { page } = await desk.open(ten, { ...view, height: 2600 });
    await ask(page, 'unfold');
    expect(await ask(page, 'overhang')).toBe(0);
    await page.evaluate(`document.getElementById('s1-versions').scrollIntoView()`);
    await laidOut(page);
    await picture(page, `10-${view.scheme}-${view.width}-opened`);
  });

  it.for(VIEWS)('can be read by whoever sees little contrast: $scheme, $width', async (view) => {
    const { page } = await desk.open(ten, view);
    await ask(page, 'unfold');
    const { texts, found } = await ask<{ texts: number; found: string[] }>(page, 'faintTexts');
    expect(texts).toBeGreaterThan(500);
    expect(found).toEqual([]);
    expect(await ask(page, 'faintShapes')).toEqual([]);
  });

  it('has captions, headers, headings in order, landmarks and no link into nowhere', async () => {
    for (const html of [ten, many]) {
      const { page } = await desk.open(html, { width: DESKTOP });
      expect(await ask(page, 'flaws')).toEqual([]);
      await page.close();
    }
  });

  it('is walked with the keyboard: first past the links, then to every region that scrolls', async () => {
    const { page } = await desk.open(ten, { width: PHONE });
    const step = async (): Promise<{ what: string; isSeen: boolean }> => {
      await page.keyboard.press('Tab');
      return ask(page, 'focused');
    };
    expect(await step()).toEqual({ what: '#main', isSeen: true });
    await page.keyboard.press('Enter');
    const wanted = new Set(await ask<string[]>(page, 'regions'));
    expect(wanted.size).toBeGreaterThan(8);
    const unseen: string[] = [];
    for (let steps = 0; wanted.size > 0 && steps < 400; steps += 1) {
      const { what, isSeen } = await step();
      if (steps === 0) expect(what).toBe('overview-table');
      if (!isSeen) unseen.push(what);
      wanted.delete(what);
    }
    expect([...wanted]).toEqual([]);
    expect(unseen).toEqual([]);
  });

  it('lets the keyboard scroll a wide table', async () => {
    const { page } = await desk.open(ten, { width: PHONE });
    const region = page.locator('[aria-labelledby=s1-inventory-table]');
    await region.focus();
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => region.evaluate((each) => (each as unknown as { scrollLeft: number }).scrollLeft))
      .toBeGreaterThan(0);
  });

  it('opens a row of the picture with the keyboard, and tells there what the picture shows', async () => {
    const { page } = await desk.open(ten, { width: DESKTOP });
    const row = page.locator('#s1-life-2');
    await row.locator('summary').focus();
    await page.keyboard.press('Enter');
    const lines = await row.locator('.versions > ol:not(.proofs) > li').allInnerTexts();
    expect(lines.length).toBe(aReport({ secrets: 10 }).stacks[0]?.timelines[1]?.spans.length);
    expect(lines.every((line) => /^v\d+ /.test(line))).toBe(true);
  });

  it('shows what looks like markup as the text that it is', async () => {
    const { page, trespasses } = await desk.open(renderReportHtml(hostile(aReport({ secrets: 10 }))), {
      width: DESKTOP,
    });
    await ask(page, 'unfold');
    expect(await page.evaluate("'hit' in globalThis")).toBe(false);
    expect(await page.locator('script, img, iframe, object, embed, link').count()).toBe(0);
    const shown = HOSTILE.replace('\u202E', '?');
    expect(await page.locator('#s1-inventory-table').locator('xpath=..').innerText()).toContain(shown);
    expect(await page.locator('#s1-evidence').locator('xpath=..').innerText()).toContain(shown);
    expect(await ask(page, 'flaws')).toEqual([]);
    expect(await ask(page, 'overhang')).toBe(0);
    expect(trespasses).toEqual({ requests: [], messages: [] });
  });

  it('lets in no style, script, picture or request that is not its own', async () => {
    const { page } = await desk.open(ten, { width: DESKTOP });
    const refused = await page.evaluate(`new Promise((done) => {
      const refused = new Set();
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        refused.add(effectiveDirective);
        if (refused.size === 5) done([...refused].sort());
      });
      const add = (name, set) => document.body.append(Object.assign(document.createElement(name), set));
      add('style', { textContent: 'body{color:red}' });
      add('script', { textContent: 'hit=1' });
      add('img', { src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' });
      document.body.insertAdjacentHTML('beforeend', '<p style="color:red"></p>');
      fetch('https://example.invalid/').catch(() => {});
    })`);
    expect(refused).toEqual([
      'connect-src',
      'img-src',
      'script-src-elem',
      'style-src-attr',
      'style-src-elem',
    ]);
    expect(await page.evaluate("'hit' in globalThis")).toBe(false);
  });

  it('goes to paper in black on white, with the evidence open', async () => {
    const { page } = await desk.open(ten, { width: DESKTOP, scheme: 'dark' });
    const steps = page.locator('#s1-evidence').locator('xpath=..').locator('table').first();
    expect(await steps.isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    await laidOut(page);
    expect(await steps.isVisible()).toBe(true);
    expect((await steps.boundingBox())?.height).toBeGreaterThan(20);
    expect(await ask(page, 'faintTexts')).toMatchObject({ found: [] });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    const folder = process.env['KEYTURN_SCREENSHOTS'];
    const path = folder === undefined || folder === '' ? {} : { path: join(folder, '10.pdf') };
    const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true, ...path });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length).toBeGreaterThan(3);
  });
});
