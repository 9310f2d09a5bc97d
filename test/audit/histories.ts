import fc from 'fast-check';
import type { ReportInput } from '../../src/audit/report.ts';
import { addDuration, nextDue } from '../../src/calendar/calendar.ts';
import type { Instant, Ordinal, SecretAddress } from '../../src/model/address.ts';
import type { HistoryEntry, HistoryStep } from '../../src/model/journal.ts';
import type { Cause } from '../../src/model/plan.ts';
import type { RecordedSecret, RecordedVersion } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import type { StatusRow } from '../../src/model/status.ts';
import { QUARTERLY, secret, secretAt, stack } from '../plan/declare.ts';
import { unverified } from './story.ts';

const NAMES = ['a', 'b'] as const;
const END = '2029-01-01T00:00:00Z';

/** What somebody does to one secret, some hours after what was done before. */
type Deed = {
  readonly hours: number;
  readonly name: (typeof NAMES)[number];
  readonly what: 'rotate' | 'fail' | 'back' | 'retire' | 'compromise';
};

const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.record({
    // Often within a soak.
    hours: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 60 * 24 })),
    name: fc.constantFrom(...NAMES),
    what: fc.constantFrom('rotate', 'rotate', 'rotate', 'retire', 'retire', 'back', 'fail', 'compromise'),
  }),
  { maxLength: 25 },
);

/** Histories as applies leave them, with the record that they end in. A deed that cannot be done is left out. */
export const histories: fc.Arbitrary<ReportInput> = deeds.map((all) => {
  const chronicle = new Chronicle();
  for (const deed of all) chronicle.tell(deed);
  return chronicle.input();
});

class Chronicle {
  readonly #declared = stack(
    NAMES.map((name) => secret(name, { cadence: QUARTERLY })),
    [],
  );
  readonly #entries: HistoryEntry[] = [];
  readonly #versions = new Map<SecretAddress, RecordedVersion[]>(NAMES.map((name) => [secretAt(name), []]));
  #now: Instant = '2027-01-01T00:00:00Z';

  tell({ hours, name, what }: Deed): void {
    this.#now = addDuration(this.#now, `PT${hours}H`);
    const address = secretAt(name);
    const current = this.#of(address, 'current');
    const prior = this.#of(address, 'prior');
    if (what === 'rotate' && prior === null) this.#rotate(address, current);
    if (what === 'fail') this.#fail(address, current);
    if (what === 'back' && prior !== null && current !== null) this.#back(address, current, prior);
    if (what === 'retire' && prior !== null && (prior.soakUntil ?? '') <= this.#now)
      this.#retire(address, prior);
    if (what === 'compromise' && current !== null) this.#compromise(address, current, prior);
  }

  input(): ReportInput {
    const { stack: name } = this.#declared;
    const secrets = [...this.#versions].map(([address, versions]): [SecretAddress, RecordedSecret] => [
      address,
      {
        highest: versions.length,
        current: this.#of(address, 'current')?.ordinal ?? null,
        generation: 1,
        versions,
        fingerprint: null,
        held: null,
      },
    ]);
    return {
      declared: this.#declared,
      status: NAMES.map((each) => ({ address: secretAt(each) }) as StatusRow),
      recorded: { ...emptyRecord(name, 'lineage'), secrets: Object.fromEntries(secrets) },
      entries: this.#entries,
      verification: unverified(name),
      period: { from: '2027-01-01T00:00:00Z', to: END, now: END },
    };
  }

  #rotate(address: SecretAddress, current: RecordedVersion | null): void {
    const due = current === null ? null : nextDue(QUARTERLY, current.promotedAt ?? this.#now);
    const cause: Cause =
      current === null
        ? { kind: 'first' }
        : due !== null && due <= this.#now
          ? { kind: 'due', due }
          : { kind: 'request', at: this.#now, reason: null };
    const made = this.#mint(address, cause);
    this.#change(address, made.ordinal, { role: 'current', promotedAt: this.#now });
    if (current !== null) {
      this.#change(address, current.ordinal, { role: 'prior', soakUntil: addDuration(this.#now, 'PT72H') });
    }
    this.#add(
      'apply',
      'done',
      address,
      [current?.ordinal ?? null, made.ordinal],
      [this.#step('mint', address, made.ordinal, cause)],
    );
  }

  #fail(address: SecretAddress, current: RecordedVersion | null): void {
    const cause: Cause = { kind: 'request', at: this.#now, reason: null };
    const made = this.#mint(address, cause);
    this.#change(address, made.ordinal, { role: 'retired', retiredAt: this.#now, retiredWhy: 'undone' });
    const step = { ...this.#step('mint', address, made.ordinal, cause), status: 'undone' as const };
    this.#add('apply', 'rolled-back', address, [current?.ordinal ?? null, current?.ordinal ?? null], [step]);
  }

  #back(address: SecretAddress, current: RecordedVersion, prior: RecordedVersion): void {
    this.#change(address, current.ordinal, { role: 'retired', retiredAt: this.#now, retiredWhy: 'undone' });
    this.#change(address, prior.ordinal, { role: 'current', soakUntil: null });
    this.#add('rollback', 'done', address, [current.ordinal, prior.ordinal], []);
  }

  #retire(address: SecretAddress, prior: RecordedVersion): void {
    this.#change(address, prior.ordinal, { role: 'retired', retiredAt: this.#now, retiredWhy: 'soaked' });
    const cause: Cause = { kind: 'soaked', since: prior.soakUntil ?? this.#now };
    const { current } = { current: this.#of(address, 'current')?.ordinal ?? null };
    this.#add(
      'apply',
      'done',
      address,
      [current, current],
      [this.#step('retire', address, prior.ordinal, cause)],
    );
  }

  #compromise(address: SecretAddress, current: RecordedVersion, prior: RecordedVersion | null): void {
    const cause: Cause = { kind: 'compromise', incident: `INC-${this.#entries.length}` };
    const made = this.#mint(address, cause);
    this.#change(address, made.ordinal, { role: 'current', promotedAt: this.#now });
    const doomed = [current, ...(prior === null ? [] : [prior])];
    for (const { ordinal, soakUntil } of doomed) {
      const end = { role: 'retired', retiredAt: this.#now, retiredWhy: 'compromised' } as const;
      this.#change(address, ordinal, { ...end, soakUntil: soakUntil ?? this.#now });
    }
    this.#add(
      'compromise',
      'done',
      address,
      [current.ordinal, made.ordinal],
      [
        this.#step('mint', address, made.ordinal, cause),
        ...doomed.map(({ ordinal }) => this.#step('retire', address, ordinal, cause)),
      ],
    );
  }

  #mint(address: SecretAddress, cause: Cause): RecordedVersion {
    const versions = this.#versions.get(address) ?? [];
    const made: RecordedVersion = {
      ordinal: versions.length + 1,
      role: 'pending',
      storeIds: ['id'],
      operation: 'op',
      cause,
      mintedAt: this.#now,
      promotedAt: null,
      promotion: null,
      soakUntil: null,
      approvedBy: null,
      retiredAt: null,
      retiredWhy: null,
      copies: [],
    };
    this.#versions.set(address, [...versions, made]);
    return made;
  }

  #change(address: SecretAddress, ordinal: Ordinal, change: Partial<RecordedVersion>): void {
    const versions = this.#versions.get(address) ?? [];
    this.#versions.set(
      address,
      versions.map((version) => (version.ordinal === ordinal ? { ...version, ...change } : version)),
    );
  }

  #of(address: SecretAddress, role: RecordedVersion['role']): RecordedVersion | null {
    return this.#versions.get(address)?.findLast((version) => version.role === role) ?? null;
  }

  #step(kind: HistoryStep['kind'], address: SecretAddress, ordinal: Ordinal, cause: Cause): HistoryStep {
    return {
      id: `g1.${ordinal}`,
      kind,
      address,
      text: `${kind} v${ordinal}`,
      cause,
      secret: address,
      ordinal,
      endedAt: this.#now,
      status: 'done',
      elapsedMs: 1,
      fault: null,
      evidence: null,
    };
  }

  #add(
    kind: HistoryEntry['kind'],
    outcome: HistoryEntry['outcome'],
    address: SecretAddress,
    [before, after]: readonly [Ordinal | null, Ordinal | null],
    steps: readonly HistoryStep[],
  ): void {
    const entry = this.#entries.length + 1;
    this.#entries.push({
      format: 1,
      entry,
      previous: null,
      kind,
      apply: `apply-${entry}`,
      startedAt: this.#now,
      endedAt: this.#now,
      actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
      continued: [],
      reason: null,
      ticket: null,
      planDigest: null,
      outcome,
      versions: { [address]: { before, after } },
      steps,
    });
  }
}
