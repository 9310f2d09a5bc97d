import type { Instant } from '../model/address.ts';
import type { Timeline, VersionSpan } from '../model/report.ts';
import type { Html } from './html.ts';
import { html, itemsOf } from './html.ts';
import { countText, versionText } from './cause-text.ts';
import { dayText } from './moment.ts';
import type { Axis } from './report-axis.ts';
import { WIDTH, along, axisOf, ticksOf } from './report-axis.ts';
import type { Chapter } from './report-chapter.ts';
import { lifeId, nameIn, section } from './report-chapter.ts';
import type { Proofs } from './report-life.ts';
import { comingBack, lifeLine, proofsOf } from './report-life.ts';

/** Versions are drawn on two lanes in turn, so that the soak of one lies over the begin of the next. */
const LANES = [6, 16] as const;
const HEIGHT = 22;
/** What lasted shorter is drawn this wide, so that it can be seen. */
const LEAST = 3;

/**
 * The versions of every secret of a stack as one picture a row, over one axis. Each row opens: there the same is
 * written as text, a line a version. Shapes, not colours alone, tell what is what.
 */
export function timelineSection(chapter: Chapter): Html {
  const { key, stack, report } = chapter;
  if (stack.timelines.length === 0)
    return section(chapter, 'versions', 'Versions', html`<p>No version is known.</p> `);
  const axis = axisOf(report, stack.timelines);
  return section(
    chapter,
    'versions',
    'Versions',
    html`<p>
        Each row is a secret and opens to a list of its versions: since when and until when each was current,
        how long it soaked, when and how it ended. Dates are days in UTC. The period of this report is shaded.
      </p>
      <p class="print">
        Lists are printed as they stand on the screen: open those that shall be on paper.
      </p> `,
    legend,
    html`<p class="skip"><a href="#${key}-access">Skip the versions</a></p>
      <div class="lives">
        ${axisPicture(chapter, axis)}${stack.timelines.map((timeline, place) => life(chapter, timeline, place, axis))}
      </div> `,
  );
}

/** The labels over the rows, and the lines that every row repeats. */
function axisPicture({ key, report }: Chapter, axis: Axis): Html {
  const ticks = ticksOf(axis);
  const at = (ms: number): number => along(axis, new Date(ms).toISOString());
  const labels = ticks
    .filter((tick) => at(tick.at) < 0.96 * WIDTH)
    .map(
      (tick) =>
        html`<text class="${tick.isMinor ? 'minor' : 'major'}" x="${percent(at(tick.at))}" dx="3" y="13">
          ${tick.label}
        </text>`,
    );
  const [from, to] = [along(axis, report.from), along(axis, report.to)];
  const lines = ticks.map((tick) => `M${at(tick.at)} 0v${HEIGHT}`).join('');
  return html`<div class="axis" aria-hidden="true"><span></span><svg>${labels}</svg></div>
    <svg class="defs" aria-hidden="true">
      <g id="${key}-grid">
        <rect class="period" x="${from}" y="0" width="${to - from}" height="${HEIGHT}" />
        <path class="grid" d="${lines}" />
        <path class="now" d="M${along(axis, report.madeAt)} 0v${HEIGHT}" />
      </g>
    </svg> `;
}

function percent(x: number): string {
  return `${((100 * x) / WIDTH).toFixed(2)}%`;
}

function life(chapter: Chapter, { secret, spans }: Timeline, place: number, axis: Axis): Html {
  const proofs = proofsOf(spans);
  const again = comingBack(spans);
  const current = spans.find(
    ({ currentFrom, currentUntil }) => currentFrom !== null && currentUntil === null,
  );
  const since =
    current === undefined
      ? 'none current'
      : `${versionText(current.ordinal)} since ${dayText(current.currentFrom ?? '')}`;
  const ends = [
    [countOf(spans, 'undone'), 'taken back'],
    [countOf(spans, 'compromised'), 'compromised'],
  ].flatMap(([count, word]) => (count === 0 ? [] : [`, ${count} ${word}`]));
  const total = countText(spans.length - again.size, 'version');
  return html`<details class="life" id="${lifeId(chapter, place)}">
    <summary>
      <span class="name">${nameIn(chapter, secret)}</span
      ><span class="sum">${since}; ${total}${ends.join('')}</span>${picture(chapter, spans, again, axis)}
    </summary>
    <div class="versions">
      <p>${secret}</p>
      <ol>
        ${itemsOf(spans.map((span) => lifeLine(span, proofs, again.has(span))))}
      </ol>
      ${proofList(proofs)}
    </div>
  </details> `;
}

function proofList({ shared, holdsForAll }: Proofs): Html | null {
  if (shared.length === 0) return null;
  return html`<p>${holdsForAll ? 'What was seen when each of them ended:' : 'Proofs, by number:'}</p>
    <ol class="proofs">
      ${itemsOf(shared)}
    </ol>`;
}

function countOf(spans: readonly VersionSpan[], end: VersionSpan['end']): number {
  return spans.filter((span) => span.end === end).length;
}

/** One path a shape, not one element a version: two thousand secrets must stay quick to lay out. */
function picture(
  { key, report }: Chapter,
  spans: readonly VersionSpan[],
  again: ReadonlySet<VersionSpan>,
  axis: Axis,
): Html {
  const paths = { current: '', soak: '', soaked: '', undone: '', compromised: '' };
  spans.forEach((span, place) => {
    const y = LANES[place % 2 === 0 ? 0 : 1];
    const ended = span.retiredAt ?? report.madeAt;
    if (span.currentFrom !== null) {
      paths.current += stroke(axis, y, span.currentFrom, span.currentUntil ?? ended);
    }
    if (span.currentUntil !== null) {
      const usable = again.has(span)
        ? span.soakUntil
        : (span.retiredAt ?? laterOf(report.madeAt, span.soakUntil));
      if (usable !== null && usable > span.currentUntil)
        paths.soak += stroke(axis, y, span.currentUntil, usable);
    }
    if (span.end === null) return;
    const x = Math.max(along(axis, ended), LEAST);
    paths[span.end] += span.end === 'soaked' ? `M${x} ${y - 5}v10` : `M${x} ${y}h1`;
  });
  const drawn = Object.entries(paths).filter(([, path]) => path !== '');
  return html`<svg
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="drawn over time, as listed below"
  >
    <use href="#${key}-grid" />
    ${drawn.map(([shape, path]) => html`<path class="${shape}" d="${path}" />`)}
  </svg>`;
}

function laterOf(one: Instant, other: Instant | null): Instant {
  return other !== null && other > one ? other : one;
}

function stroke(axis: Axis, y: number, from: string, until: string): string {
  const x = along(axis, from);
  return `M${x} ${y}h${Math.max(LEAST, along(axis, until) - x)}`;
}

const SHAPES = [
  ['M2 8h32', 'current', 'thick bar: current'],
  ['M2 8h32', 'soak', 'thin bar: replaced and still usable, its soak'],
  ['M18 3v10', 'soaked', 'stroke: retired after its soak'],
  ['M18 8h1', 'undone', 'square: taken back'],
  ['M18 8h1', 'compromised', 'round dot: ended by an emergency'],
  ['M18 0v16', 'now', 'dashed line: when this was made'],
] as const;

const legend = html`<ul class="legend" aria-label="What the shapes mean">
  ${SHAPES.map(
    ([path, shape, text]) =>
      html`<li>
        <svg viewBox="0 0 36 16" width="36" height="16" aria-hidden="true">
          <path class="${shape}" d="${path}" /></svg
        >${text}
      </li> `,
  )}
</ul> `;
