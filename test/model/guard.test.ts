import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asFault, Fault } from '../../src/model/fault.ts';
import {
  guarded,
  guardedDeep,
  guardedFrom,
  guardedJson,
  isTooShort,
  MASKS,
  SHORTEST_MASKED,
  watchFor,
  watchForPersonal,
} from '../../src/model/guard.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { ENCODINGS } from '../support/encodings.ts';

/** Of every kind that a generator of ours, a person or an account makes. */
const value = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: SHORTEST_MASKED, maxLength: 60 }),
    },
    { weight: 3, arbitrary: fc.string({ unit: 'grapheme', minLength: SHORTEST_MASKED, maxLength: 40 }) },
    {
      weight: 2,
      arbitrary: fc.string({
        unit: fc.constantFrom(...Array.from(`\\"'/&<>+%\n\r\t #$ü€😀a1`)),
        minLength: SHORTEST_MASKED,
        maxLength: 30,
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.string({ unit: 'grapheme-ascii', minLength: 4, maxLength: 40 }), {
          minLength: 2,
          maxLength: 6,
        })
        .map((lines) => lines.join('\n')),
    },
  )
  .filter((text) => !isTooShort(text) && !Object.values(MASKS).some((mask) => mask.includes(text.trim())));
const around = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });

describe('the guard', () => {
  it('lets no value through, whatever it is, in whichever encoding, whatever stands around it', () => {
    fc.assert(
      fc.property(value, around, around, (text, before, behind) => {
        const owner = new SecretValue(text);
        for (const [name, encode] of Object.entries(ENCODINGS)) {
          for (const carried of encode(text, before, behind)) {
            const safe = guarded(`${before}${carried.whole}${behind}`);
            if (safe.includes(carried.part)) throw new Error(`${name} survives: ${safe}`);
          }
        }
        expect(String(owner)).toBe(MASKS.value);
      }),
      { numRuns: 400 },
    );
  });

  it('cuts nothing out of a value: what stands behind a place is masked as the whole is', () => {
    fc.assert(
      fc.property(value, around, around, fc.nat(), (text, before, behind, at) => {
        const owner = new SecretValue(text);
        const whole = `${before}${text}${behind}`;
        const start = at % (whole.length + 1);
        const safe = guardedFrom(whole, start);
        expect(guarded(whole).endsWith(safe)).toBe(true);
        expect(guardedFrom(whole, 0)).toBe(guarded(whole));
        expect(String(owner)).toBe(MASKS.value);
      }),
    );
  });

  it('masks a value that begins before a place and reaches over it, and leaves out what ends before', () => {
    const owner = new SecretValue('correct horse');
    const text = 'a correct horse b';
    expect([0, 2, 5, 14, 15].map((start) => guardedFrom(text, start))).toEqual([
      `a ${MASKS.value} b`,
      `${MASKS.value} b`,
      `${MASKS.value} b`,
      `${MASKS.value} b`,
      ' b',
    ]);
    expect(String(owner)).toBe(MASKS.value);
  });

  it('leaves a text that holds none as it is', () => {
    // Not one string: fast-check makes those of names such as `toString` as well, and so it did the values of the tests
    // before, of which nobody can say when they are collected.
    const text = fc
      .array(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), { maxLength: 300 })
      .map((units) => units.join(''));
    const owners = Array.from(
      { length: 50 },
      (_, index) => new SecretValue(`Zq${index}-9f8e7d6c5b4a-${index}Qz`),
    );
    fc.assert(
      fc.property(text, (any) => {
        expect(guarded(any)).toBe(any);
        expect(guardedDeep({ [any]: [any, 1, null] })).toEqual({ [any]: [any, 1, null] });
      }),
    );
    expect(owners).toHaveLength(50);
  });

  it('leaves what stands around a value, and hides the bits that base64 shares with it', () => {
    const owner = new SecretValue('hunter2-hunter2');
    expect(guarded('the vault refused "hunter2-hunter2" (403)')).toBe(
      'the vault refused "(secret value)" (403)',
    );
    const longer = Buffer.from('user:hunter2-hunter2\n').toString('base64');
    expect(guarded(`authorization: Basic ${longer}.`)).toMatch(
      /^authorization: Basic dXNlc\(secret value\)\.$|^authorization: Basic dXNlcj?\(secret value\)[A-Za-z0-9+/=]{0,2}\.$/,
    );
    expect(String(owner)).toBe(MASKS.value);
  });

  it('finds a value that was wrapped to a width, indented and painted', () => {
    const owner = new SecretValue('correct horse battery staple');
    const painted = '  why  \u001b[31mcorrect horse\u001b[39m\n       \u001b[31mbattery staple\u001b[39m';
    expect(guarded(painted)).toBe('  why  \u001b[31m(secret value)\u001b[39m');
    const mime = Buffer.from('correct horse battery staple'.repeat(4))
      .toString('base64')
      .replace(/.{38}/g, '$&\r\n');
    expect(guarded(mime).replaceAll(MASKS.value, '').trim()).toBe('');
    expect(String(owner)).toBe(MASKS.value);
  });

  it('masks each long line of a key, but not the frame that every key has', () => {
    const line = 'MC4CAQAwBQYDK2VwBCIEIBm8Yz0Xb1fQ';
    const pem = `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----\n`;
    const owner = new SecretValue(pem);
    expect(guarded(`bad line 2: "${line}"`)).toBe('bad line 2: "(secret value)"');
    expect(guarded(Buffer.from(`x${line}`).toString('base64'))).not.toContain(
      Buffer.from(line.slice(2, -2)).toString('base64').slice(0, 20),
    );
    expect(guarded('no -----BEGIN PRIVATE KEY----- was found')).toBe(
      'no -----BEGIN PRIVATE KEY----- was found',
    );
    expect(guarded(pem.replaceAll('\n', '\r\n'))).not.toContain(line);
    expect(String(owner)).toBe(MASKS.value);
  });

  it('cuts no escape of a JSON document in two', () => {
    const owner = new SecretValue('nabcdef');
    const document = { text: '\nabcdef', more: ['x nabcdef y'], nabcdef: 'C:\\nabcdef' };
    expect(JSON.parse(guardedJson(document, 2))).toEqual({
      'text': '\nabcdef',
      'more': ['x (secret value) y'],
      '(secret value)': 'C:\\(secret value)',
    });
    expect(String(owner)).toBe(MASKS.value);
  });

  it('masks one value that stands within another, and values that overlap, as a whole', () => {
    const owners = ['abcdef-123456', '123456-uvwxyz', '123456'].map((text) => new SecretValue(text));
    expect(guarded('<abcdef-123456-uvwxyz>')).toBe('<(secret value)>');
    expect(guarded(guarded('<123456>'))).toBe('<(secret value)>');
    expect(owners).toHaveLength(3);
  });

  it('leaves a mask alone that stands there, also where its words are a value', () => {
    const owner = new SecretValue('secret');
    expect(guarded(guarded('the secret'))).toBe('the (secret value)');
    expect(String(owner)).toBe(MASKS.value);
  });

  it('cannot mask what is too short, and says so', () => {
    const owner = new SecretValue('abc12  ');
    expect(isTooShort('abc12  ')).toBe(true);
    expect(guarded('abc12 stays')).toBe('abc12 stays');
    expect(String(owner)).toBe(MASKS.value);
  });

  it('calls personal data what it is, for good', () => {
    watchForPersonal(['jane.doe@example.org']);
    expect(guarded('asked by jane.doe%40example.org')).toBe('asked by (personal data)');
  });

  it('masks what a fault says, also when the value is gone by the time that it is shown', async () => {
    const fault = (() => {
      const owner = new SecretValue('soon-to-be-collected');
      return new Fault({
        code: 'vault-refused',
        what: `it answered ${owner.reveal()}`,
        live: `live: ${owner.reveal()}`,
        next: owner.reveal(),
        problems: [{ what: owner.reveal(), where: 'here' }],
        cause: null,
      });
    })();
    await collect();
    expect(JSON.stringify(fault)).not.toContain('soon-to-be');
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain('soon-to-be');
    const owner = new SecretValue('thrown-by-somebody');
    expect(asFault(new Error(`no: ${owner.reveal()}`)).message).toBe('no: (secret value)');
  });

  it('forgets a value that is collected', async () => {
    let owner: object | null = {};
    watchFor(owner, 'a-value-that-goes');
    expect(guarded('<a-value-that-goes>')).toBe('<(secret value)>');
    owner = null;
    await collect();
    expect(guarded('<a-value-that-goes>')).toBe('<a-value-that-goes>');
    expect(owner).toBeNull();
  });

  it('finds its way among a thousand live values without looking for each', () => {
    const owners = Array.from(
      { length: 1_000 },
      (_, index) => new SecretValue(`value-${index}-${'x'.repeat(32)}-${index}`),
    );
    const text = `it said ${owners[712]?.reveal()}; `.repeat(50) + 'and nothing else. '.repeat(2_000);
    const safe = guarded(text);
    expect(safe.split(MASKS.value)).toHaveLength(51);
    expect(guarded('nothing of it')).toBe('nothing of it');
  });
});

/** Lets the collector run; what was held for this turn of the loop is let go first. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc');
  await turn();
  (runInNewContext('gc') as () => void)();
  await turn();
}
