import { countText } from './cause-text.ts';

/** What writing a pulled record comes to. */
export interface ReceivedOrder {
  readonly stack: string;
  readonly place: string;
  readonly received: {
    readonly isSame: boolean;
    readonly from: number | null;
    readonly to: number;
    readonly missing: readonly unknown[];
  };
  readonly isDry: boolean;
}

/** One sentence. No newline at the end. */
export function renderReceived({ stack, place, received, isDry }: ReceivedOrder): string {
  const { isSame, from, to, missing } = received;
  if (isSame) return `${place} holds this very record of ${stack} already, serial ${to}.`;
  const serials = from === null ? `serial ${to}, where there was none` : `serial ${to} after ${from}`;
  const entries = countText(missing.length, 'new history entry', 'new history entries');
  return isDry
    ? `${place} would take the record of ${stack}: ${serials}, ${entries}. Nothing was written.`
    : `${place} has the record of ${stack}: ${serials}, ${entries}, read back.`;
}

/** A record on its way from one place to another. */
export interface MigratedOrder {
  readonly stack: string;
  readonly from: string;
  readonly to: string;
  readonly serial: number;
  readonly entries: number;
}

/** What a migration will do, for whoever is asked. */
export function renderMigration({ stack, from, to, serial, entries }: MigratedOrder): string {
  const what = `serial ${serial}, ${countText(entries, 'history entry', 'history entries')}`;
  return [
    `${stack}: the record moves from ${from} to ${to} (${what}).`,
    `Afterwards nobody can apply from ${from}: it keeps its history, and its state says where the record went.`,
  ].join('\n');
}

/** What it did. */
export function renderMigrated({ stack, from, to, serial, entries }: MigratedOrder): string {
  const what = `serial ${serial}, ${countText(entries, 'history entry', 'history entries')}, read back`;
  return `${stack}: the record is in ${to} now (${what}). ${from} says so: keep or commit it like that.`;
}
