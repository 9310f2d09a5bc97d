import { Marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/model/canonical.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { MarkdownPlan } from '../../src/report/plan-markdown.ts';
import { COMMENT_LIMIT, markerOf, renderPlanMarkdown } from '../../src/report/plan-markdown.ts';
import { drawingOf } from '../../src/report/plan-mermaid.ts';
import { planLine, rotationLine } from '../../src/report/summary-line.ts';
import { NOW, dated, empty, rotation } from './fixture.ts';
import { manyRotations } from './many-rotations.ts';

/** Every trick that Markdown, HTML, GitHub and mermaid know to make something of a name. */
const HOSTILE =
  '`a` @octocat #12 GH-7 <img src=x onerror=hit=1> [b](https://evil.example) | **c** ~~d~~ ![e](f) &#64; $x^2$ "] end --> ``` \u202Eyek https://evil.example www.evil.example';

const planned = (plan: Plan, given: Partial<MarkdownPlan> = {}): MarkdownPlan => ({
  stack: plan.stack,
  plan,
  fault: null,
  unfinished: null,
  saved: { path: `${plan.stack}.plan.json`, digest: digestOf(plan) },
  ...given,
});
const render = (...plans: readonly MarkdownPlan[]): string =>
  renderPlanMarkdown(plans, { now: NOW, limit: COMMENT_LIMIT });
const shown = (markdown: string): string => new Marked({ gfm: true }).parse(markdown, { async: false });

describe('the comment for a pull request', () => {
  it('begins with a marker that is the same whatever is planned, and of another for other stacks', () => {
    const [first] = render(planned(rotation)).split('\n');
    expect(first).toBe('<!-- keyturn plan busflow -->');
    expect(render(planned(empty)).split('\n')[0]).toBe(first);
    expect(markerOf(['a b', 'c--><b>'])).toBe('<!-- keyturn plan a%20b c%2d-%3e%3cb%3e -->');
    expect(markerOf(['a', 'b'])).not.toBe(markerOf(['a b']));
  });

  it('has both summary lines whole, the digest and the command that applies just this', () => {
    const text = render(planned(rotation));
    expect(text).toContain(planLine(rotation));
    expect(text).toContain(rotationLine(rotation));
    expect(text).toContain(`keyturn apply busflow.plan.json --approved-digest ${digestOf(rotation)}\n`);
    expect(render(planned(empty))).toContain('No changes. Your infrastructure matches the configuration.');
  });

  it('says that what was not saved cannot be applied as it stands', () => {
    const text = render(planned(rotation, { saved: null }));
    expect(text).toContain('Not saved');
    expect(text).not.toContain('--approved-digest');
  });

  it('says what rotates and why, who restarts, what is blocked and what comes later, and folds the rest away', () => {
    const html = shown(render(planned(rotation)));
    expect(html).toContain('<td><code>db-writer</code> in <code>busflow-prod</code></td>\n<td>v3 → v4</td>');
    expect(html).toContain('<td><code>busflow_api</code> on <code>prod</code></td>\n<td>3</td>');
    expect(html).toMatch(/<li>❌ <code>swarm:\/\/staging\/busflow_api<\/code> unknown/);
    expect(html.match(/<details>/g)).toHaveLength(3);
    expect(html).toContain('<summary>Steps in order (12)</summary>');
    expect(html).toContain('class="language-mermaid"');
    expect(shown(render(planned(dated)))).toContain('← point of no return');
  });

  it('shows what looks like markup as the text that it is, and calls nobody', () => {
    const bad = JSON.parse(
      JSON.stringify(rotation)
        .replaceAll('db-writer', JSON.stringify(HOSTILE).slice(1, -1))
        .replaceAll('busflow_worker', JSON.stringify(HOSTILE).slice(1, -1))
        .replaceAll(
          /"(text|next|what|copy|target)":"/g,
          (key) => `${key}${JSON.stringify(HOSTILE).slice(1, -1)} `,
        ),
    ) as Plan;
    const text = render(planned({ ...bad, stack: HOSTILE }));
    const html = shown(text);
    expect(/<(?:img|a|del|script)\b|<strong>c/.exec(html)?.[0]).toBeUndefined();
    // GitHub looks for these in text, and not within code.
    const outside = html.replaceAll(/<!--[^]*?-->|<(code|pre)\b[^>]*>[^]*?<\/\1>/g, '');
    expect(outside).not.toMatch(/@octocat|#12|GH-7|https?:/);
    expect(outside).toContain('octocat');
    expect(text).not.toContain('\u202E');
    expect(html.match(/<details>/g)).toHaveLength(3);
    expect(html.match(/<\/table>/g)).toHaveLength(2);
    // A cell more or less would be a name that reached the table.
    expect(html.match(/<td>/g)?.length).toBe(3 * bad.groups.flatMap(({ secrets }) => secrets).length + 3 * 2);
  });

  it('is never longer than a comment, and says truly what it leaves out', () => {
    for (const count of [1, 40, 400, 2000]) {
      const plan = manyRotations(count);
      const text = render(planned(plan));
      expect(text.length).toBeLessThan(65_536);
      const html = shown(text);
      const rows = (html.match(/<tr>/g)?.length ?? 0) - (html.match(/<thead>/g)?.length ?? 0);
      const left = [...text.matchAll(/… (\d+) of (\d+) (secrets|consumers) are not shown here/g)];
      const missing = left.reduce((sum, [, each]) => sum + Number(each), 0);
      expect(rows - left.length + missing).toBe(count * 2);
      const items = html.match(/<ol>[^]*?<\/ol>/)?.[0].match(/<li>/g)?.length ?? 0;
      const steps = Number(/… (\d+) of \d+ steps are not shown here/.exec(text)?.[1] ?? 0);
      expect(items + steps).toBe(plan.steps.length);
      expect(text.includes('Too long for one comment')).toBe(steps + missing > 0);
      expect(html.match(/<details>/g)?.length).toBe(html.match(/<\/details>/g)?.length);
      expect(text).toContain(`--approved-digest ${digestOf(plan)}`);
    }
  });

  it('holds several stacks under an overview, also those that could not be planned', () => {
    const fault = new Fault({
      code: 'platform-unreachable',
      what: 'no vault answers',
      live: 'x',
      next: 'try again',
    });
    const text = render(
      planned(rotation, { saved: null }),
      planned({ ...empty, stack: 'calm' }, { saved: null }),
      { stack: 'lost', plan: null, fault, unfinished: null, saved: null },
    );
    expect(text).toContain('### keyturn plan of 3 stacks');
    const html = shown(text);
    expect(html).toContain('<td><strong>not planned</strong></td>');
    expect(html).toContain('no vault answers');
    const many = Array.from({ length: 120 }, (_, index) =>
      planned({ ...manyRotations(8), stack: `stack-${index}` }, { saved: null }),
    );
    const cut = render(...many);
    expect(cut.length).toBeLessThan(65_536);
    const left = Number(/all details of (\d+) of 120 stacks/.exec(cut)?.[1]);
    expect((cut.match(/### keyturn plan: /g)?.length ?? 0) + left).toBe(120);
  });

  it('that is a what-if says so, and has nothing to approve', () => {
    const text = renderPlanMarkdown([planned(rotation)], { now: NOW, whatIf: true, limit: COMMENT_LIMIT });
    expect(text).toContain('**What-if at 2026-11-22 03:12Z**');
    expect(text).not.toMatch(/approved|Digest/);
  });

  it('counts bytes for a job summary', () => {
    const text = renderPlanMarkdown([planned(manyRotations(2000))], {
      now: NOW,
      limit: 300_000,
      inBytes: true,
    });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(300_000);
    expect(Buffer.byteLength(text)).toBeGreaterThan(250_000);
  });
});

describe('the drawing', () => {
  it('shows each step once, and of a larger plan its groups, and says so', () => {
    const small = drawingOf(rotation);
    expect(small?.leftOut).toBeNull();
    expect(small?.text.match(/^ {4}s\d+/gm)).toHaveLength(rotation.steps.length);
    const large = drawingOf(manyRotations(50));
    expect(large?.leftOut).toMatch(/^It shows groups and not their \d+ steps\.$/);
    const huge = drawingOf(manyRotations(500));
    expect(huge?.leftOut).toContain('the last 440 of 500 groups are left out');
    expect(huge?.text.length).toBeLessThan(20_000);
    expect(drawingOf(empty)).toBeNull();
  });

  it('has labels that end nowhere but at their end', () => {
    const [step] = rotation.steps;
    if (step === undefined) throw new Error('no step');
    const text = drawingOf({ ...rotation, steps: [{ ...step, text: HOSTILE }] })?.text ?? '';
    const labels = [...text.matchAll(/\["([^\n]*)"\]/g)].map(([, each]) => each);
    expect(labels.length).toBeGreaterThan(1);
    for (const each of labels) expect(each).toMatch(/^(?:[\p{L}\p{N} ]|#\d+;)*$/u);
  });
});
