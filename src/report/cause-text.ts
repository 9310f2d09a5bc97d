import { humanDuration } from '../calendar/calendar.ts';
import type { Address, Instant, Ordinal } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Effect, Probe, RefusalProbe, Source } from '../model/declared.ts';
import type { Cause } from '../model/plan.ts';
import { distanceText, momentText } from './moment.ts';

/** Why something rotates or moves, in a person's words; with `now`, dates say how far away they are. */
export function causeText(cause: Cause, now: Instant | null = null): string {
  switch (cause.kind) {
    case 'first':
      return 'first version';
    case 'due':
      return `due ${dated(cause.due, now)}`;
    case 'generation':
      return `generation ${cause.generation}`;
    case 'found':
      return 'a person put a new version into the vault';
    case 'request':
      return cause.reason === null ? `requested ${momentText(cause.at)}` : `requested: ${cause.reason}`;
    case 'together':
      return `together with ${nameOf(cause.secret)}, ${causeText(cause.of, now)}`;
    case 'mount':
      return cause.why;
    case 'soaked':
      return `soak ended ${dated(cause.since, now)}`;
    case 'rollback':
      return cause.reason === null ? 'rollback' : `rollback: ${cause.reason}`;
    case 'compromise':
      return `compromised, ${cause.incident}`;
    case 'adopted':
      return 'taken over as it was';
  }
}

function dated(instant: Instant, now: Instant | null): string {
  return now === null ? momentText(instant) : `${momentText(instant)} (${distanceText(instant, now)})`;
}

/** `v3`, or `none` where there is no version. */
export function versionText(ordinal: Ordinal | null): string {
  return ordinal === null ? 'none' : `v${ordinal}`;
}

/** `v3 -> v4`. */
export function moveText(from: Ordinal | null, to: Ordinal | null): string {
  return `${versionText(from)} -> ${versionText(to)}`;
}

/** `1 task`, `3 tasks`. */
export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Where a mint takes its value from. Says how to hand in a manual one. */
export function sourceText(source: Source, address: Address): string {
  switch (source.kind) {
    case 'random':
      return `${source.bytes} random bytes as ${source.encoding}`;
    case 'keyPair': {
      const size = source.curve ?? (source.bits === null ? null : `${source.bits} bits`);
      return `a new ${source.algorithm} key pair${size === null ? '' : ` (${size})`}, private key as PEM`;
    }
    case 'manual': {
      const how = `a person's value, given as \`--value ${address}=-\``;
      return source.instructions === null ? how : `${how}: ${source.instructions}`;
    }
  }
}

/** How a flipped consumer is tried. */
export function probeText(probe: Probe, isOnHost = false): string {
  const where = isOnHost ? ', asked there' : ' on every task, asked from ';
  const image = isOnHost || !('image' in probe) ? '' : probe.image;
  switch (probe.kind) {
    case 'none':
      return isOnHost
        ? 'none declared: that it runs, with these versions, decides'
        : 'none declared: running tasks and their own health checks decide';
    case 'http':
      return `GET :${probe.port}${probe.path} answers ${probe.status}${where}${image}`;
    case 'tcp':
      return `:${probe.port} accepts a connection${where}${image}`;
    case 'command':
      return `\`${probe.argv.join(' ')}\` here exits 0 within ${humanDuration(probe.timeout)}`;
  }
}

/** How an old value is tried, and what a refusal looks like. */
export function refusalText(probe: RefusalProbe): string {
  const control = probe.control ? ', which the current value must pass first' : '';
  switch (probe.kind) {
    case 'http':
      return `${probe.method} ${probe.url} with it in ${probe.header} answers ${probe.refused.join(' or ')}${control}`;
    case 'tcp':
      return `${probe.host}:${probe.port} answers it with "${probe.refused}…"${control}`;
    case 'command':
      return `\`${probe.argv.join(' ')}\` here exits ${probe.refused} with it on its standard input${control}`;
  }
}

/** What an effect runs or calls; of an address that the environment holds only the variable's name. */
export function effectText(effect: Effect): string {
  if (effect.kind === 'command') return `\`${effect.argv.join(' ')}\` here exits 0`;
  const url = 'env' in effect.url ? `the address in ${effect.url.env}` : effect.url.text;
  return `${effect.method} ${url} answers 2xx`;
}
