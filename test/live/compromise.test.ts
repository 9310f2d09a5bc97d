import { expect, onTestFinished, test } from 'vitest';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { StatusRow } from '../../src/model/status.ts';
import { makeCanary } from '../support/canary.ts';
import type { Canary } from '../support/canary.ts';
import { MANUAL, SECRETS, SERVICES, openBusflow } from './busflow.ts';
import type { Busflow } from './busflow.ts';
import { openSource } from './checked-source.ts';
import type { Source } from './checked-source.ts';
import { NO_CHANGES, expectNowhere, expectReadersReadNothing, report } from './evidence.ts';
import { describeLive } from './live.ts';
import { said } from './shop.ts';
import { openLab } from './swarm-lab.ts';

const LONG = { timeout: 480_000 };
const NAMED = ['db-writer', 'slack-ops', 'hcloud-token', 'grafana-sso'];

const at = (version: number, secrets: readonly string[] = SECRETS): string[] =>
  secrets.map((secret) => `${secret} v${version}`).sort();

interface Ground {
  readonly busflow: Busflow;
  readonly source: Source;
  readonly canary: Canary;
}

/** Busflow with its first versions, which the source accepts. */
async function applied(): Promise<Ground> {
  const lab = openLab();
  onTestFinished(() => lab.clear());
  const source = await openSource();
  onTestFinished(() => source.close());
  const canary = makeCanary();
  const busflow = await openBusflow(lab, canary, source);
  const word = (secret: string): string => `good-${secret}-1`;
  for (const secret of MANUAL) source.accept(secret, canary.value(word(secret)));
  const ran = await busflow.keyturn(['apply', '--auto-approve'], MANUAL, word);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  expect(await busflow.copies()).toEqual(at(1));
  return { busflow, source, canary };
}

async function entryOf({ project }: Busflow, number: number): Promise<HistoryEntry> {
  const { out } = await project.keyturn(['history', 'show', String(number), '--format', 'json']);
  return JSON.parse(out) as HistoryEntry;
}

/** Who is parked, and for which incident. */
async function parkedIn({ project }: Busflow): Promise<Record<string, string>> {
  const { out } = await project.keyturn(['status', '--format', 'json']);
  const { secrets } = JSON.parse(out) as { secrets: StatusRow[] };
  const consumers = secrets.flatMap((row) => row.consumers);
  return Object.fromEntries(
    consumers.flatMap(({ address, parked }) => (parked === null ? [] : [[address, parked.incident]])),
  );
}

describeLive('a compromise on a live swarm, through the program', () => {
  test('all of busflow is new and every old version is dead, at the source too', LONG, async () => {
    const { busflow, source, canary } = await applied();
    const old = (secret: string): string => canary.value(`good-${secret}-1`);
    const now = (secret: string): string => canary.value(`good-${secret}-2`);
    for (const secret of MANUAL) source.accept(secret, now(secret));
    // One provider lets go of the old token only a while after it has made the new one.
    for (const secret of MANUAL)
      if (secret === 'slack-ops') source.revokeOnceTried(secret, old(secret));
      else source.revoke(secret, old(secret));
    const ran = await busflow.keyturn(
      ['compromise', ...NAMED, '--incident', 'INC-1', '--auto-approve'],
      MANUAL,
      (secret) => `good-${secret}-2`,
    );
    expect(ran, ran.out + ran.err).toMatchObject({ code: 0 });

    const text = said(ran);
    expect(text).toContain('Blast radius: 7 secrets, 5 consumers');
    expect(text).toContain('+- db-reader v1, declared together with db-writer;');
    expect(text).toContain(
      `+- slack-security v1, shares ${busflow.service('notifier')} on lab with slack-ops;`,
    );
    expect(text).toContain(`+- ubicloud-token v1, shares ${busflow.service('provisioner')} on lab with`);
    expect(text).toContain('7 to rotate, 5 consumers to flip (5 tasks restart), 7 to retire now');

    expect(await busflow.enabled()).toEqual(at(2));
    expect(await busflow.copies()).toEqual(at(2));
    for (const name of SERVICES) {
      const { spec, previous, tasks } = await busflow.named(name);
      expect(new Set([...spec, ...previous, ...tasks]), name).toEqual(new Set(spec));
      expect(
        spec.every((copy) => copy.endsWith(' v2')),
        name,
      ).toBe(true);
    }

    for (const secret of MANUAL) {
      const tries = source.tried(secret);
      expect(tries[0], secret).toEqual({ value: now(secret), isAccepted: true });
      expect(tries.at(-1), secret).toEqual({ value: old(secret), isAccepted: false });
    }
    expect(source.tried('slack-ops').map(({ isAccepted }) => isAccepted)).toEqual([true, true, true, false]);
    const [living, dead, ...more] = source.tried('grafana-sso');
    expect([living?.isAccepted, dead?.isAccepted, more]).toEqual([true, false, []]);
    expect(living?.value).not.toBe(dead?.value);

    const entry = await entryOf(busflow, 2);
    expect(entry).toMatchObject({ kind: 'compromise', outcome: 'done', emergency: { incident: 'INC-1' } });
    expect(Date.parse(entry.endedAt)).toBeLessThan(Date.parse(entry.emergency?.deadline ?? ''));
    const proofs = (kind: string): unknown[] =>
      entry.steps.filter((step) => step.kind === kind).map(({ proof }) => proof);
    expect(proofs('prove')).toHaveLength(7);
    for (const proof of proofs('prove'))
      expect(proof).toMatch(/^refused: GET \S+ answered 401; the current value was accepted/);
    expect(proofs('retire')).toEqual(
      Array(7).fill('no spec, task or previous spec on lab names it; the vault lists it as disabled'),
    );
    expect(proofs('revoke')).toEqual([expect.stringMatching(/^revoked: /)]);
    report(
      `busflow: ${entry.steps.length} steps, ${Date.parse(entry.endedAt) - Date.parse(entry.startedAt)} ms`,
    );

    const plan = await busflow.project.keyturn(['plan', '--detailed-exitcode']);
    expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(NO_CHANGES) as string });
    await expectNowhere(canary, busflow.project);
    expectReadersReadNothing(busflow.project);
  });

  test('a service that refuses its new value stays behind alone, and nothing old returns', LONG, async () => {
    const { busflow, source, canary } = await applied();
    const replace = (version: number, word: (secret: string) => string, secrets: readonly string[]): void => {
      for (const secret of secrets) {
        source.accept(secret, canary.value(word(secret)));
        source.revoke(secret, canary.value(`good-${secret}-${version - 1}`));
      }
    };
    const refusedOne = (secret: string): string =>
      `${secret === 'hcloud-token' ? 'bad' : 'good'}-${secret}-2`;
    replace(2, refusedOne, MANUAL);
    const ran = await busflow.keyturn(
      ['compromise', ...NAMED, '--incident', 'INC-1', '--auto-approve'],
      MANUAL,
      refusedOne,
    );
    expect(ran, ran.out + ran.err).toMatchObject({ code: 11 });
    const left = busflow.service('provisioner');
    expect(said(ran)).toContain(
      `Parked: these could not be moved, and what they read may be dead swarm://lab/${left}`,
    );

    expect(await busflow.enabled()).toEqual(at(2));
    for (const name of SERVICES) {
      const { spec, tasks } = await busflow.named(name);
      expect(
        spec.every((copy) => copy.endsWith(' v2')),
        name,
      ).toBe(true);
      if (name !== 'provisioner') expect(tasks, name).toEqual(spec);
    }
    for (const secret of MANUAL) expect(source.tried(secret).at(-1)?.isAccepted, secret).toBe(false);

    expect(await parkedIn(busflow)).toEqual({ [`swarm://lab/${left}`]: 'INC-1' });
    const status = await busflow.project.keyturn(['status']);
    expect(said(status)).toContain(`parked: ${left} since`);
    const plan = await busflow.project.keyturn(['plan', '--detailed-exitcode']);
    expect(plan.code).toBe(0);
    expect(said(plan)).toContain(`${left} is parked since`);

    const better = (secret: string): string => `good-${secret}-3`;
    source.accept('hcloud-token', canary.value(better('hcloud-token')));
    source.revoke('hcloud-token', canary.value(refusedOne('hcloud-token')));
    const mended = await busflow.keyturn(
      ['compromise', 'hcloud-token', '--only', '--incident', 'INC-2', '--auto-approve'],
      ['hcloud-token'],
      better,
    );
    expect(mended, mended.out + mended.err).toMatchObject({ code: 0 });
    const others = SECRETS.filter((secret) => secret !== 'hcloud-token');
    const expected = [...at(2, others), 'hcloud-token v3'].sort();
    expect(await busflow.enabled()).toEqual(expected);
    expect(await busflow.copies()).toEqual(expected);
    const { tasks } = await busflow.named('provisioner');
    expect(tasks).toEqual(['hcloud-token v3', 'ubicloud-token v2']);
    expect(await parkedIn(busflow)).toEqual({});
    await expectNowhere(canary, busflow.project);
  });
});
