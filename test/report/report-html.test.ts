import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Report, StackReport } from '../../src/model/report.ts';
import { html, written } from '../../src/report/html.ts';
import { shareText, spanText } from '../../src/report/report-compliance.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { lifeLine, proofsOf } from '../../src/report/report-life.ts';
import { verdictOf } from '../../src/report/report-verification.ts';
import { aDecade } from '../browser/a-decade.ts';
import { aReport } from './a-report.ts';

describe('a piece of HTML', () => {
  it('escapes whatever was not made by it', () => {
    const name = `<b>"x" & 'y'`;
    expect(written(html`<p title="${name}">${name}</p>`)).toBe(
      '<p title="&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;">&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;</p>',
    );
  });

  it('takes pieces, lists of them, numbers and nothing', () => {
    expect(
      written(
        html`<ul>
          ${[1, 2].map((each) => html`<li>${each}</li>`)}${null}
        </ul>`,
      ),
    ).toBe('<ul>\n<li>1</li><li>2</li>\n</ul>');
  });

  it('takes no object of somebody else for markup', () => {
    const forged = JSON.parse('{"html":"<b>"}') as string;
    expect(() => written(html`${forged}`)).toThrow();
  });

  it('shows what would turn the reading direction', () => {
    expect(written(html`${'a\u202Eb\u0000'}`)).toBe('a?b?');
  });
});

const noStack: Report = { ...aReport({ secrets: 1 }), stacks: [] };

function only(change: Partial<StackReport>): string {
  const report = aReport({ secrets: 1 });
  const [stack] = report.stacks;
  if (stack === undefined) throw new Error('no stack');
  return renderReportHtml({ ...report, stacks: [{ ...stack, ...change }] });
}

describe('the report as HTML', () => {
  it('lets in its own style sheet by its digest and nothing else', () => {
    const page = renderReportHtml(aReport({ secrets: 3 }));
    const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    const policy = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
    expect(page).toContain(`content="${policy.replaceAll("'", '&#39;')}"`);
    expect(page).not.toMatch(/ style=|<script|<img|<link|\son\w+=|url\(|@import/);
  });

  it('has no address that a browser would follow but those within it', () => {
    const page = renderReportHtml(aReport({ secrets: 10 }));
    expect(
      [...page.matchAll(/(?:href|src|action)="([^"]*)"/g)].filter(([, to]) => !to?.startsWith('#')),
    ).toEqual([]);
  });

  it('is the same each time', () => {
    expect(renderReportHtml(aReport({ secrets: 10 }))).toBe(renderReportHtml(aReport({ secrets: 10 })));
  });

  it('says so where there is nothing to say', () => {
    expect(renderReportHtml(noStack)).toContain('about no stack');
    const page = only({ inventory: [], timelines: [], access: [], entries: [] });
    for (const text of [
      'No secret is declared',
      'No version is known',
      'declares no right',
      'No entry in the period',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('stays below 10 MB for 2,000 secrets with forty versions each', () => {
    expect(renderReportHtml(aDecade(2000, 0.25)).length).toBeLessThan(10_000_000);
  });

  it('names every secret, version, entry and finding that it was given', () => {
    const report = aReport({ secrets: 10 });
    const page = renderReportHtml(report);
    for (const { inventory, timelines, entries, verification } of report.stacks) {
      for (const { status } of inventory) expect(page).toContain(status.name);
      const lists = page.split('<details class="life"').slice(1);
      for (const { secret, spans } of timelines) {
        const list = lists.find((each) => each.includes(`<p>${secret}</p>`)) ?? '';
        for (const { ordinal } of spans) expect(list).toContain(`<li>v${ordinal} `);
      }
      for (const { entry } of entries) expect(page).toContain(`-entry-${entry}"`);
      for (const { text } of verification.findings) expect(page).toContain(text);
    }
  });
});

describe('the words of the report', () => {
  it('call a share 100 % only where it is all of them', () => {
    expect(shareText(9999, 10_000)).toBe('99.9 %');
    expect(shareText(10_000, 10_000)).toBe('100 %');
    expect(shareText(0, 3)).toBe('0.0 %');
  });

  it('make no span shorter than it was', () => {
    expect(spanText(40.2 * 60_000)).toBe('41 min');
    expect(spanText(125 * 60_000)).toBe('2 h 5 min');
    expect(spanText((26 * 60 + 1) * 60_000)).toBe('1 d 3 h');
    expect(spanText((24 * 60 - 0.5) * 60_000)).toBe('1 d');
  });

  it('tell the life of a version in one line', () => {
    const span = {
      ordinal: 3,
      mintedAt: '2026-01-05T02:58:00Z',
      currentFrom: '2026-01-05T03:00:00Z',
      currentUntil: '2026-04-06T03:00:00Z',
      soakUntil: '2026-04-09T03:00:00Z',
      retiredAt: '2026-04-09T03:10:00Z',
      end: 'soaked',
      proof: 'refused with 401',
    } as const;
    const proofs = proofsOf([span, { ...span, ordinal: 4 }, { ...span, ordinal: 5, proof: null }]);
    expect(proofs).toEqual({ shared: ['refused with 401'], holdsForAll: false });
    expect(lifeLine(span, proofs)).toBe('v3 2026-01-05 to 2026-04-06, soaked, retired 2026-04-09, proof 1');
    expect(lifeLine({ ...span, retiredAt: '2026-04-11T03:10:00Z', proof: 'seen once' }, proofs)).toBe(
      'v3 2026-01-05 to 2026-04-06, soaked to 2026-04-09, retired 2026-04-11, proof: seen once',
    );
    expect(lifeLine({ ...span, retiredAt: null, end: null, proof: null }, proofs)).toBe(
      'v3 2026-01-05 to 2026-04-06, soak to 2026-04-09, still usable',
    );
    const undone = {
      ...span,
      currentFrom: null,
      currentUntil: null,
      soakUntil: null,
      end: 'undone',
    } as const;
    expect(lifeLine(undone, proofs)).toBe(
      'v3 minted 2026-01-05, never current, taken back 2026-04-09, proof 1',
    );
  });

  it('end a version once, however often a way back made it current again', () => {
    const span = {
      ordinal: 1,
      mintedAt: '2026-01-05T02:58:00Z',
      currentFrom: '2026-01-05T03:00:00Z',
      currentUntil: '2026-04-06T03:00:00Z',
      soakUntil: '2026-04-07T03:00:00Z',
      retiredAt: null,
      end: null,
      proof: null,
    } as const;
    const last = { ...span, currentFrom: '2026-04-07T03:00:00Z', currentUntil: null, soakUntil: null };
    const page = only({ timelines: [{ secret: 'vault://v/s', spans: [span, last] }] });
    expect(page).toContain(
      '<li>v1 2026-01-05 to 2026-04-06, current again later\n<li>v1 minted 2026-01-05, 2026-04-07 to now\n',
    );
    expect(page).toContain('v1 since 2026-04-07; 1 version<');
  });

  it('show a role that is not known as one that may allow anything, and an empty one as nothing', () => {
    const right = { vault: 'v', path: 's/p', principal: 'p', role: 'r', can: [], secret: null } as const;
    expect(only({ access: [{ ...right, unknown: true }] })).toContain('not known');
    expect(only({ access: [right] })).not.toContain('not known');
  });

  it('leave out the number of a proof that holds of every version that ended', () => {
    const [report] = aDecade(1, 1).stacks;
    const spans = report?.timelines[0]?.spans ?? [];
    const proofs = proofsOf(spans);
    expect(proofs.holdsForAll).toBe(true);
    expect(spans.map((span) => lifeLine(span, proofs)).join()).not.toContain('proof');
  });

  it('do not call a history verified that nobody confirmed', () => {
    const verification = { stack: 's', entries: 4, head: null, findings: [], witnesses: [] };
    const witness = { name: 'vault v', entry: null, at: null, text: '' };
    expect(verdictOf(verification)[0]).toBe('warn');
    expect(verdictOf({ ...verification, witnesses: [{ ...witness, says: 'unasked' }] })[0]).toBe('warn');
    expect(verdictOf({ ...verification, witnesses: [{ ...witness, says: 'agrees' }] })[0]).toBe('good');
    expect(verdictOf({ ...verification, witnesses: [{ ...witness, says: 'contradicts' }] })[0]).toBe('bad');
    const finding = { kind: 'edited', entry: 2, text: 'it was' } as const;
    expect(verdictOf({ ...verification, findings: [finding] })[0]).toBe('bad');
  });
});
