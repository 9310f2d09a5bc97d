import type { Instant } from '../../src/model/address.ts';
import type { ReportedEntry, VersionSpan } from '../../src/model/report.ts';
import type { Life, Turn } from './a-report-lives.ts';
import { DAY, HOUR, instant } from './a-report-lives.ts';

export const EMERGENCY = 'compromise';
export const INCIDENT = 'INC-2026-117';

interface Happened {
  readonly at: number;
  readonly kind: 'rotate' | 'emergency' | 'undo' | 'retire';
  readonly life: Life;
  readonly span: VersionSpan;
  readonly turn: Turn | null;
}

/** One entry for all that happened within the same six hours, oldest first. */
export function entriesOf(stack: string, lives: readonly Life[]): ReportedEntry[] {
  const happened = lives.flatMap(happenedTo).sort((a, b) => a.at - b.at);
  const batches = new Map<string, Happened[]>();
  for (const each of happened) {
    const key = `${Math.floor(each.at / (6 * HOUR))} ${each.kind}`;
    const batch = batches.get(key);
    if (batch === undefined) batches.set(key, [each]);
    else batch.push(each);
  }
  return [...batches.values()].map((batch, place) => entryOf(stack, batch, place + 1));
}

function happenedTo(life: Life): Happened[] {
  return life.spans.flatMap((span): Happened[] => {
    const turn = life.turns.find(({ ordinal }) => ordinal === span.ordinal) ?? null;
    const at = Date.parse(span.currentFrom ?? span.mintedAt);
    const kind = span.currentFrom === null ? 'undo' : turn?.isEmergency === true ? 'emergency' : 'rotate';
    const began: Happened = { at, kind, life, span, turn };
    if (span.retiredAt === null || span.end !== 'soaked') return [began];
    return [began, { at: Date.parse(span.retiredAt), kind: 'retire', life, span, turn: null }];
  });
}

function entryOf(stack: string, batch: readonly Happened[], entry: number): ReportedEntry {
  const [first] = batch;
  const last = batch.at(-1);
  const kind = first?.kind ?? 'rotate';
  const isByHand = entry % 11 === 3;
  return {
    entry,
    kind: kind === 'emergency' ? EMERGENCY : 'apply',
    outcome: kind === 'undo' ? 'rolled-back' : 'done',
    startedAt: instant((first?.at ?? 0) - 2 * 60_000),
    endedAt: instant((last?.at ?? 0) + 20_000),
    who: isByHand ? "Zoë O'Neill <zoe@example.org>" : `repo:example/${stack}:environment:production`,
    knownBy: isByHand ? 'azure' : 'oidc',
    host: isByHand ? 'laptop-17' : 'runner-4',
    gate: null,
    run: isByHand ? null : `https://github.example/example/${stack}/actions/runs/${8_000 + entry}`,
    reason: isByHand ? 'after the review: "rotate, please"' : null,
    ticket: entry % 4 === 0 ? `OPS-${1_000 + entry}` : null,
    incident: kind === 'emergency' ? INCIDENT : null,
    commit: entry.toString(16).padStart(40, 'c0ffee'),
    planDigest: entry.toString(16).padStart(64, '9ab1'),
    causes: batch.map(({ life, span, turn }) => ({
      address: life.status.address,
      cause: causeOf(kind, span, turn?.due ?? null),
    })),
    moves: batch.flatMap(({ life, span }) =>
      kind === 'retire'
        ? []
        : [
            {
              secret: life.status.address,
              before: span.ordinal === 1 ? null : span.ordinal - 1,
              after: kind === 'undo' ? span.ordinal - 1 : span.ordinal,
            },
          ],
    ),
    consumers:
      kind === 'retire'
        ? []
        : [...new Set(batch.flatMap(({ life }) => life.status.consumers.map(({ address }) => address)))],
    evidence: batch.flatMap((each, place) => evidenceOf(each, place)),
  };
}

function causeOf(kind: Happened['kind'], span: VersionSpan, due: Instant | null): string {
  if (kind === 'retire') return `soak ended ${span.soakUntil ?? ''}`;
  if (kind === 'emergency') return `compromised, ${INCIDENT}`;
  if (span.ordinal === 1) return 'first version';
  return due === null ? 'requested: after the review' : `due ${due}`;
}

type Shown = ReportedEntry['evidence'][number];

function evidenceOf({ kind, life, span }: Happened, place: number): Shown[] {
  const { name, consumers } = life.status;
  const step = (verb: string, text: string, elapsedMs: number, proof: string | null = null): Shown => ({
    step: `${verb}-${place + 1}`,
    status: kind === 'undo' ? (verb === 'verify' ? 'failed' : 'undone') : 'done',
    text,
    elapsedMs,
    proof,
  });
  const gone = (old: number): Shown =>
    step('retire', `disable ${name} v${old} in the vault`, 420, span.proof ?? null);
  if (kind === 'retire') return [gone(span.ordinal)];
  const made = [
    step('mint', `mint ${name} v${span.ordinal} (random)`, 310),
    ...consumers.map(({ address }) =>
      step(
        'verify',
        `${address} is healthy on v${span.ordinal}`,
        31_000 + (place % 7) * DAY * 1e-5,
        verified,
      ),
    ),
  ];
  return kind === 'emergency' ? [...made, gone(span.ordinal - 1)] : made;
}

const verified = 'GET :8080/healthz answered 200 on 3 of 3 tasks';
