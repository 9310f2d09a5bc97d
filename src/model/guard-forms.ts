/** One text to look for, character by character, each in any of the ways that `readings.ts` knows. */
export interface Form {
  readonly text: string;
  /** What of it stands in characters that it shares with its neighbours in a longer base64 text. */
  readonly shares: { readonly before: boolean; readonly behind: boolean } | null;
}

/** Of a value of several lines, those that are looked for each on their own. Shorter ones are braces and common words. */
export const SHORTEST_LINE = 16;

/** The frame of a PEM text says what it is and nothing else. */
const FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

/**
 * All that has to be looked for, so that no way of writing `text` that we know of is missed: itself, itself in base64
 * and base64url at each alignment that it can have within a longer text, and in hex; the same of its longer lines.
 */
export function formsOf(text: string): Form[] {
  const lines = text.split(/\r\n?|\n/).map((line) => line.trim());
  const parts =
    lines.length < 2 ? [] : lines.filter((line) => line.length >= SHORTEST_LINE && !FRAME.test(line));
  const wholes = [text, text.trim(), ...parts];
  const forms = new Map<string, Form>();
  for (const form of [...new Set(wholes)].flatMap(formsOfOne)) {
    const there = forms.get(form.text);
    if (there === undefined || there.shares === null) forms.set(form.text, form);
  }
  return [...forms.values()];
}

function formsOfOne(text: string): Form[] {
  const lf = text.replaceAll(/\r\n?/g, '\n');
  // What is encoded as a whole was changed before: its line ends, or as a part of a JSON document.
  const written = new Set([text, lf, lf.replaceAll('\n', '\r\n'), JSON.stringify(text).slice(1, -1)]);
  const encoded = [...written].flatMap((each) => {
    const bytes = Buffer.from(each, 'utf8');
    const hex = bytes.toString('hex');
    return [...base64Of(bytes), ...[hex, hex.toUpperCase()].map((form) => ({ text: form, shares: null }))];
  });
  return [{ text: lf, shares: null }, ...encoded];
}

function base64Of(bytes: Buffer): Form[] {
  return (['base64', 'base64url'] as const).flatMap((encoding) =>
    [0, 1, 2].map((offset) => {
      const longer = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
      const from = Math.ceil((offset * 8) / 6);
      const to = Math.floor((longer === '' ? 0 : (offset + bytes.length) * 8) / 6);
      const shares = { before: offset > 0, behind: (offset + bytes.length) % 3 > 0 };
      return { text: longer.slice(from, to), shares };
    }),
  );
}
