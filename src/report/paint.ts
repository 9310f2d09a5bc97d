import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Gives `text` a style. Painted text is longer than it looks: measure and wrap first, paint last. */
export type Paint = (style: Style, text: string) => string;

/** What a text is laid out for: how wide the terminal is, and whether it takes colour. */
export interface Page {
  readonly paint: Paint;
  /** Columns; lines are wrapped to it, but a single longer word is never broken, so that it can be copied. */
  readonly width: number;
}

/**
 * Escape codes where `enabled`, the text as it is otherwise: the two differ in nothing but the codes. Whether a
 * stream takes colour is the caller's question; no environment variable is read here.
 */
export function makePaint(enabled: boolean): Paint {
  if (!enabled) return (_style, text) => text;
  return (style, text) => (text === '' ? '' : styleText(style, text, { validateStream: false }));
}
