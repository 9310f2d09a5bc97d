import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { Fault } from '../../src/model/fault.ts';
import { asFault } from '../../src/model/fault.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import type { OpenedManifest } from '../../src/record/manifest.ts';
import { openManifest, parseManifest } from '../../src/record/manifest.ts';
import { openState, parseState, stateText } from '../../src/record/state-file.ts';

const AT = '2026-11-22T03:00:00Z';

/** A state with so many secrets and consumers. */
function stateOf(secrets: number, consumers: number): Recorded {
  const version = {
    ordinal: 1,
    role: 'current' as const,
    storeIds: ['0'.repeat(32)],
    operation: 'a'.repeat(32),
    cause: { kind: 'first' as const },
    mintedAt: AT,
    promotedAt: AT,
    promotion: 'apply-1',
    soakUntil: null,
    approvedBy: null,
    retiredAt: null,
    retiredWhy: null,
    copies: [{ platform: 'prod', name: 'key_v1', id: 'id1' }],
  };
  const secret = {
    highest: 1,
    current: 1,
    generation: 1,
    versions: [version],
    fingerprint: 'f',
    held: null,
  };
  const consumer = {
    mounts: {},
    originals: null,
    flippedAt: null,
    settleAfter: null,
    fingerprint: null,
  };
  const numbered = <T>(count: number, of: (n: number) => string, value: T) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [of(n), value]));
  return {
    format: 1,
    stack: 'shop',
    lineage: 'l',
    serial: 3,
    secrets: numbered(secrets, (n) => secretAddress('prod-vault', `s${n}`), secret),
    consumers: numbered(consumers, (n) => consumerAddress('prod', `c${n}`), consumer),
    usedPlans: [],
    head: null,
  };
}

async function outcomeOf(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (thrown) {
    return asFault(thrown).toJSON();
  }
}

function faultOf(read: () => unknown): Fault {
  try {
    read();
  } catch (thrown) {
    return asFault(thrown);
  }
  throw new Error('it was read');
}

/** A text with another value at one of its values. */
function withOther(text: string, at: number, json: string): string {
  const all = [...text.matchAll(/:(null|"[^"]*"|\d+|\{\}|\[\])/g)];
  const hit = all[at % Math.max(all.length, 1)];
  if (hit === undefined) return text;
  return `${text.slice(0, hit.index)}:${json}${text.slice(hit.index + hit[0].length)}`;
}

const otherValue = fc.constantFrom('null', '"x"', '-1', '{}', '[]', '[7]', '{"role":"boss"}');

/** What somebody may have made of a state's text. */
const damaged = fc.oneof(
  fc.constantFrom(
    '',
    '[]',
    'null',
    '7',
    '{}',
    '{"format":2}',
    '{"format":1,"secrets":[]}',
    '{"secrets":{"x":1}}',
  ),
  fc
    .tuple(fc.nat(350), fc.nat(120), fc.nat(), otherValue)
    .map(([secrets, consumers, at, json]) => withOther(stateText(stateOf(secrets, consumers)), at, json)),
);

describe('a state that is read in turns', () => {
  it('is what it is when it is read at once, or fails with the same words', async () => {
    await fc.assert(
      fc.asyncProperty(damaged, async (text) => {
        const atOnce = await outcomeOf(() => parseState(text, 'state.json'));
        expect(await outcomeOf(() => openState(text, 'state.json').check())).toEqual(atOnce);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps the order of its secrets, which its digest is made of', async () => {
    const text = stateText(stateOf(450, 230));
    expect(stateText(await openState(text, 'state.json').check())).toBe(text);
  });

  it('lets other work go on between two hundreds', async () => {
    let turns = 0;
    let isRead = false;
    const other = (): void => {
      if (isRead) return;
      turns += 1;
      setImmediate(other);
    };
    setImmediate(other);
    await openState(stateText(stateOf(1_000, 200)), 'state.json').check();
    isRead = true;
    expect(turns).toBeGreaterThanOrEqual(10);
  });
});

const GOLDEN = readFileSync(new URL('../declare/golden/small.keyturn.json', import.meta.url), 'utf8');

/** A manifest with so many times its secrets, each of another name, as text. */
function manifestOf(times: number): string {
  const manifest = JSON.parse(GOLDEN) as { secrets: { address: string; name: string }[] };
  const [first] = manifest.secrets;
  const more = Array.from({ length: times }, (_, n) => ({
    ...first,
    address: `${first?.address}-${n}`,
    name: `${first?.name}-${n}`,
  }));
  return JSON.stringify({ ...manifest, secrets: [...manifest.secrets, ...more] });
}

/** The same, so large that it is worth it. */
function large(text: string): string {
  return text + ' '.repeat(1_000_000);
}

function opened(text: string): OpenedManifest {
  const manifest = openManifest(large(text), 'keyturn.json');
  if (manifest === null) throw new Error('it is small');
  return manifest;
}

async function inTurns(text: string): Promise<unknown> {
  return opened(text).check();
}

describe('a manifest that is read in turns', () => {
  it('is what it is when it is read at once, or fails with the same words', async () => {
    const broken = fc.oneof(
      fc.constantFrom('', '[]', 'null', '{}', '{"format":2}', '{"format":1,"secrets":{"0":1}}'),
      fc.tuple(fc.nat(200), fc.nat(), otherValue).map(([times, at, json]) => {
        return withOther(manifestOf(times), at, json);
      }),
    );
    await fc.assert(
      fc.asyncProperty(broken, async (text) => {
        const atOnce = await outcomeOf(() => parseManifest(large(text), 'keyturn.json'));
        expect(await outcomeOf(() => inTurns(text))).toEqual(atOnce);
      }),
      { numRuns: 150 },
    );
  });

  it('has a head that names what is connected, and no secret or consumer', () => {
    const { vaults, platforms, stack } = parseManifest(GOLDEN, 'keyturn.json');
    const { head } = opened(GOLDEN);
    expect(head).toMatchObject({ vaults, platforms, stack, secrets: [], consumers: [] });
  });

  it('has no head where that is wrong, and tells all that is wrong with it, also of its secrets', () => {
    const text = GOLDEN.replace(/"stack": ?"[^"]+"/, '"stack":"-"').replace(
      /"soak": ?"[^"]+"/,
      '"soak":"P1M"',
    );
    const { problems } = faultOf(() => opened(text));
    expect(problems.map(({ where }) => where)).toEqual(expect.arrayContaining(['stack', 'secrets.0.soak']));
  });

  it('has no head where that names a vault twice: nobody could know which one is meant', () => {
    const manifest = JSON.parse(GOLDEN) as { vaults: object[] };
    const [first] = manifest.vaults;
    const other = { ...first, uri: 'https://other.vault.azure.net' };
    const { problems } = faultOf(() =>
      opened(JSON.stringify({ ...manifest, vaults: [...manifest.vaults, other] })),
    );
    expect(problems.map(({ what }) => what).join()).toMatch(/^vault ".+" is declared twice$/);
  });

  it('is not opened where it is small: reading it at once takes less time than asking anybody', () => {
    expect(openManifest(GOLDEN, 'keyturn.json')).toBeNull();
  });
});
