/** A text that carries a value: `part` of `whole` is what nobody may see. */
interface Carried {
  readonly whole: string;
  readonly part: string;
}

type Encode = (value: string, before: string, behind: string) => readonly Carried[];

const same = (whole: string): Carried[] => [{ whole, part: whole }];
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const bytesOf = (text: string): string[] =>
  [...Buffer.from(text, 'utf8')].map((byte) => byte.toString(16).padStart(2, '0'));
const fullPercent = (text: string): string =>
  bytesOf(text)
    .map((hex) => `%${hex}`)
    .join('');
const lower = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (each) => each.toLowerCase());
const units = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
const xml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** Within `offset` more bytes, with and without padding. `part`: the characters that the value alone decides. */
function base64(encoding: 'base64' | 'base64url'): Encode {
  return (value) =>
    [0, 1, 2].flatMap((offset) =>
      [0, 1, 2].map((more) => {
        const size = Buffer.byteLength(value, 'utf8');
        const whole = Buffer.concat([
          Buffer.alloc(offset, 'x'),
          Buffer.from(value, 'utf8'),
          Buffer.alloc(more, 'y'),
        ]).toString(encoding);
        return {
          whole,
          part: whole.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + size) * 8) / 6)),
        };
      }),
    );
}

/** Every way of writing a value that the guard promises to know. */
export const ENCODINGS: Readonly<Record<string, Encode>> = {
  'plain': same,
  'base64': base64('base64'),
  'base64url': base64('base64url'),
  'base64 without padding': (value) =>
    same(Buffer.from(value, 'utf8').toString('base64').replace(/=+$/, '')).map(({ whole }) => ({
      whole,
      part: whole.slice(0, Math.floor((Buffer.byteLength(value, 'utf8') * 8) / 6)),
    })),
  'hex': (value) => same(bytesOf(value).join('')),
  'hex, upper case': (value) => same(bytesOf(value).join('').toUpperCase()),
  'percent, minimal': (value) => same(encodeURIComponent(value)),
  'percent, of a whole address': (value) => same(encodeURI(value)),
  'percent, lower case': (value) => same(lower(encodeURIComponent(value))),
  'percent, full': (value) => same(fullPercent(value)),
  'percent, full, upper case': (value) => same(fullPercent(value).toUpperCase()),
  'percent, twice': (value) => same(encodeURIComponent(encodeURIComponent(value))),
  'form': (value) => same(new URLSearchParams({ '': value }).toString().slice(1)),
  'JSON': (value) => same(json(value)),
  'JSON, twice': (value) => same(json(json(value))),
  'JSON, slashes escaped': (value) => same(json(value).replaceAll('/', '\\/')),
  'JSON, in units': (value) => same(units(value)),
  'JSON, in units, upper case': (value) =>
    same(units(value).replaceAll(/[a-f0-9]{4}/g, (each) => each.toUpperCase())),
  'JSON, ASCII only': (value) => same(json(value).replaceAll(/[\u0080-\uffff]/g, units)),
  'JSON in base64': (value) => {
    const whole = Buffer.from(JSON.stringify({ value })).toString('base64');
    const size = Buffer.byteLength(json(value));
    const from = Buffer.byteLength('{"value":"');
    return [{ whole, part: whole.slice(Math.ceil((from * 8) / 6), Math.floor(((from + size) * 8) / 6)) }];
  },
  'XML': (value) => same(xml(value)),
  'XML, twice': (value) => same(xml(xml(value))),
  'XML, in numbers': (value) =>
    same(
      Array.from(value)
        .map((each) => `&#${each.codePointAt(0)};`)
        .join(''),
    ),
  'XML, in hex numbers': (value) =>
    same(
      Array.from(value)
        .map((each) => `&#x${each.codePointAt(0)?.toString(16).toUpperCase()};`)
        .join(''),
    ),
  'with LF for CRLF': (value) => same(value.replaceAll('\r\n', '\n')),
  'with CRLF for LF': (value) => same(value.replaceAll(/\r?\n/g, '\r\n')),
  'quoted for a shell': (value) => same(`'${value.replaceAll("'", "'\\''")}'`),
  'quoted for a shell, with double quotes': (value) => same(value.replaceAll("'", `'"'"'`)),
  'quoted for a shell, between double quotes': (value) => same(value.replaceAll(/[\\"$`]/g, '\\$&')),
  'JSON of a shell command': (value) => same(json(`echo '${value.replaceAll("'", "'\\''")}'`)),
};
