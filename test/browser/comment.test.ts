import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Marked } from 'marked';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { digestOf } from '../../src/model/canonical.ts';
import type { Plan } from '../../src/model/plan.ts';
import { COMMENT_LIMIT, renderPlanMarkdown } from '../../src/report/plan-markdown.ts';
import { NOW, rotation } from '../report/fixture.ts';
import { manyRotations } from '../report/many-rotations.ts';
import { aPullRequest, planned } from '../cli/a-pull-request.ts';
import { describeInBrowser } from './browser.ts';

const require = createRequire(import.meta.url);
const CSS = readFileSync(require.resolve('github-markdown-css/github-markdown-light.css'), 'utf8');
const MERMAID = join(require.resolve('mermaid/package.json'), '..', 'dist', 'mermaid.min.js');

/** The room that GitHub gives a comment's text on a desktop, and on a phone. */
const COMMENT = 798;
const PHONE = 343;
const HOSTILE = `"]; end\nclick s1 href "javascript:hit=1" %%{init: {"securityLevel":"loose"}}%% <img src=x onerror="hit=1"> \`1. x\` --> ---`;

/** The comment on a page as GitHub lays it out. It gets no script from us but mermaid, which GitHub runs beside it. */
function pageOf(markdown: string): string {
  const body = new Marked({ gfm: true, breaks: true }).parse(markdown, { async: false });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>comment</title><style>${CSS}
body{margin:0;padding:16px;background:#fff}.markdown-body{box-sizing:border-box;max-width:${COMMENT}px;font-size:14px}</style>
<body><article class="markdown-body">${body}</article></html>`;
}

/** Draws each mermaid block in the place of its source, as strictly as GitHub does; the errors of those it cannot draw. */
async function draw(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: MERMAID });
  return page.evaluate<string[]>(`(async () => {
    const errors = [];
    mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', suppressErrorRendering: true });
    for (const [index, code] of [...document.querySelectorAll('code.language-mermaid')].entries()) {
      try {
        const { svg } = await mermaid.render('m' + index, code.textContent);
        const box = document.createElement('div');
        box.className = 'drawing';
        box.innerHTML = svg;
        code.parentElement.replaceWith(box);
      } catch (error) { errors.push(String(error)); }
    }
    return errors;
  })()`);
}

const unfold = (page: Page): Promise<unknown> =>
  page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);

/** What is wider than its place and can't be scrolled there. */
const overhanging = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`(() => {
    const right = document.querySelector('.markdown-body').getBoundingClientRect().right + 1;
    const scrolls = (node) => node !== null && node !== document.body &&
      (['auto', 'scroll', 'hidden'].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
    return [...document.querySelectorAll('.markdown-body *')]
      .filter((node) => !node.closest('svg') && node.getBoundingClientRect().right > right && !scrolls(node.parentElement) && !scrolls(node))
      .map((node) => node.tagName + ': ' + (node.textContent ?? '').slice(0, 60));
  })()`);

async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['KEYTURN_SCREENSHOTS'];
  if (folder === undefined || folder === '') return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const comment = (plan: Plan): string =>
  renderPlanMarkdown(
    [
      {
        stack: plan.stack,
        plan,
        fault: null,
        unfinished: null,
        saved: { path: 'busflow.plan.json', digest: digestOf(plan) },
      },
    ],
    { now: NOW, limit: COMMENT_LIMIT },
  );

describeInBrowser('the comment of a pull request in a browser', (desk) => {
  it.for([
    ['two groups', rotation],
    ['a plan that is drawn by its groups', manyRotations(40)],
    ['a plan that is too long for a comment', manyRotations(400)],
  ] as const)('stays within its width, opens, and is drawn: %s', async ([name, plan]) => {
    for (const width of [COMMENT + 32, PHONE + 32]) {
      const { page, trespasses } = await desk.open(pageOf(comment(plan)), { width });
      expect(await draw(page)).toEqual([]);
      expect(await overhanging(page)).toEqual([]);
      await picture(page, `comment-${plan.steps.length}-${width}`);
      await unfold(page);
      expect(await page.locator('details > :not(summary)').first().isVisible()).toBe(true);
      expect(await overhanging(page)).toEqual([]);
      await picture(page, `comment-${plan.steps.length}-${width}-opened`);
      expect(trespasses).toEqual({ requests: [], messages: [] });
      await page.close();
    }
    expect(name).not.toBe('');
  });

  it('draws each step once, in boxes of their groups', async () => {
    const { page } = await desk.open(pageOf(comment(rotation)), { width: COMMENT });
    await unfold(page);
    expect(await draw(page)).toEqual([]);
    expect(await page.locator('.drawing g.node').count()).toBe(rotation.steps.length);
    expect(await page.locator('.drawing g.cluster').count()).toBe(rotation.groups.length);
    expect(await page.locator('.drawing').innerText()).toContain(
      '1 mint db-writer v4 in busflow-prod (random)',
    );
  });

  it('shows the comment of a real pull request, its order drawn from one end to the other', async () => {
    const pull = await aPullRequest();
    expect(await pull.run(pull.main, ['apply', '--sandbox', '--auto-approve'])).toMatchObject({ code: 0 });
    const { page, trespasses } = await desk.open(pageOf(await planned(pull)), { width: COMMENT + 32 });
    await unfold(page);
    expect(await draw(page)).toEqual([]);
    expect(await overhanging(page)).toEqual([]);
    const steps = await page.locator('details ol > li').count();
    expect(await page.locator('.drawing g.node').count()).toBe(steps);
    // All hangs together: nothing stands beside the order.
    expect(await page.locator('.drawing .edgePaths path').count()).toBeGreaterThanOrEqual(steps - 1);
    expect(trespasses).toEqual({ requests: [], messages: [] });
    await picture(page, 'comment-of-the-pull-request');
  });

  it('runs nothing that a name holds, and draws it as text', async () => {
    const text = JSON.stringify(HOSTILE).slice(1, -1);
    const bad = JSON.parse(
      JSON.stringify(rotation)
        .replaceAll('db-writer', text)
        .replaceAll('"g1"', `"g1 ${text}"`)
        .replaceAll(/"(text|next|what|copy|target|service)":"/g, (key) => `${key}${text} `),
    ) as Plan;
    const { page, trespasses } = await desk.open(pageOf(comment(bad)), { width: COMMENT });
    await unfold(page);
    expect(await draw(page)).toEqual([]);
    expect(await page.evaluate("'hit' in globalThis")).toBe(false);
    expect(await page.locator('.markdown-body img, .markdown-body script, .markdown-body a').count()).toBe(0);
    expect(await page.locator('.drawing g.node').count()).toBe(rotation.steps.length);
    expect(await page.locator('.drawing').innerText()).toContain('"]; end click s1 href');
    expect(trespasses).toEqual({ requests: [], messages: [] });
    await picture(page, 'comment-hostile');
  });
});
