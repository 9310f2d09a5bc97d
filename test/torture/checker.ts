import { TAG_OPERATION, TAG_VERSION } from '../../src/model/observed.ts';
import type { ApplyEvent } from '../../src/model/event.ts';
import { asFault } from '../../src/model/fault.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import { nameOf, secretAddress, splitCopyName } from '../../src/model/address.ts';
import { recordedVersion } from '../../src/model/recorded.ts';
import { LEASE_TERMS } from '../../src/record/lease.ts';
import type { SecretValue } from '../../src/model/secret-value.ts';
import type { Use } from './admin-view.ts';
import { AdminView } from './admin-view.ts';
import type { Errand } from './apply.ts';
import { checkHolder, checkIntent, checkOpen, checkWhole } from './check-acts.ts';
import { checkGroups, checkThrown, checkUnknown } from './check-ends.ts';
import { checkHistory, checkRest, checkSecrecy } from './check-rest.ts';
import { EmergencyWatch } from './check-emergency.ts';
import { checkDeath } from './check-death.ts';
import { checkEnded, checkRemoved, checkUses } from './check-uses.ts';
import { FileWatch } from './check-files.ts';
import type { Effected } from './sources.ts';
import type { Incarnation } from './incarnation.ts';
import type { FileNow } from './machine.ts';
import type { ScriptAct } from './script-act.ts';
import type { Fate, Ordeal } from './ordeal.ts';
import type { Violation } from './violation.ts';
import { nothingByHand } from './violation.ts';
import { VAULT } from '../support/world.ts';
import type { Exchange, Reply } from './wire.ts';

/** What was there before a change was carried out. */
export interface Before {
  readonly enabled: ReadonlySet<string>;
  readonly uses: readonly Use[];
  readonly copies: ReadonlyMap<string, string>;
}

/** Watches from outside, at every change and at every end, whether the invariants hold. */
export class Checker {
  readonly admin: AdminView;
  readonly byHand = nothingByHand();
  readonly violations: Violation[] = [];
  readonly emergencies: EmergencyWatch;
  /** Null: no host. */
  readonly files: FileWatch | null;
  readonly #ordeal: Ordeal;
  readonly #values: string[] = [];
  readonly #texts: string[] = [];
  /** Applies that changed something. */
  readonly #applies = new Set<string>();
  /** Values that an apply of ours disabled for good. */
  readonly #retired = new Set<string>();
  /** When each last made or renewed its claim, in ticks. */
  readonly #claimed = new Map<Incarnation, number>();
  /** The latest time that the clock of those who apply ever showed. */
  #latest = '';
  readonly #changes = new Map<string, number>();
  /** How many changes others had sent when it wrote its journal's end. */
  readonly #othersAtEnd = new Map<Incarnation, number>();
  /** Services that an update reached which nobody waited for any more. */
  readonly #reachedLate = new Set<string>();
  /** Versions that were written when nobody waited for them any more. */
  readonly #arrivedLate = new Set<string>();
  /** Lists that were not answered the last time that they were asked for: now, and when the apply began. */
  readonly #silent = new Map<Incarnation, Set<string>>();
  readonly #began = new Map<Incarnation, ReadonlySet<string>>();
  readonly #saved = new Map<Plan, Readonly<Record<string, string>>>();
  readonly #used = new Set<Plan>();

  constructor(ordeal: Ordeal) {
    this.#ordeal = ordeal;
    const { vault, swarm, disk, machine } = ordeal;
    this.admin = new AdminView(vault, swarm, disk, machine);
    this.files = machine === null ? null : new FileWatch(machine, this.admin, this.byHand);
    this.emergencies = new EmergencyWatch(this.admin);
  }

  made(value: SecretValue): void {
    this.#values.push(value.reveal());
  }

  /** Whether a value is one of keyturn's: it was made, or a person's that was taken up. */
  isOurs(value: string, secret: string): boolean {
    if (this.#values.includes(value)) return true;
    const versions = this.admin.recorded()?.secrets[secretAddress(VAULT, secret)]?.versions ?? [];
    const known = new Set(versions.flatMap(({ storeIds }) => storeIds));
    return this.admin.versions(secret).some(({ id, value: own }) => known.has(id) && own === value);
  }

  heard(event: ApplyEvent): void {
    if (event.at > this.#latest) this.#latest = event.at;
    this.#texts.push(JSON.stringify(event));
  }

  wrote(incarnation: Incarnation, path: string, text: string): void {
    this.#texts.push(text);
    if (text.includes('"type":"begin"')) this.#began.set(incarnation, new Set(this.#silent.get(incarnation)));
    if (!path.endsWith('/journal.jsonl')) return;
    this.#hold(incarnation, `wrote into ${path}`);
    const line = JSON.parse(text) as JournalLine;
    if (line.type === 'end') this.#othersAtEnd.set(incarnation, this.#changesOfOthers(incarnation));
    this.#add(this.emergencies.wrote(line));
    this.files?.wrote(line);
    const { sources, declared } = this.#ordeal;
    this.#add(checkDeath(line, this.admin, sources.tried, this.byHand, declared));
  }

  named(incarnation: Incarnation, path: string): void {
    if (/\/lease-\d+\.json$/.test(path)) this.#claimed.set(incarnation, this.#ordeal.timeline.ticks);
    if (!/\/lease-\d+\.json$|\.tmp$/.test(path)) this.#hold(incarnation, `wrote ${path}`);
  }

  /** A list was asked for, and answered or not: only the last one counts. */
  listed(incarnation: Incarnation, what: string, isAnswered: boolean): void {
    const silent = this.#silent.get(incarnation) ?? new Set();
    if (isAnswered) silent.delete(what);
    else silent.add(what);
    this.#silent.set(incarnation, silent);
  }

  look(): Before {
    return {
      enabled: this.admin.enabledValues(),
      uses: this.admin.uses(),
      copies: new Map(this.admin.copies().map(({ id, name }) => [id, name])),
    };
  }

  /** A change leaves its process. */
  sent(exchange: Exchange, incarnation: Incarnation): void {
    this.#texts.push(exchange.arrived?.path ?? '');
    this.#changes.set(incarnation.name, (this.#changes.get(incarnation.name) ?? 0) + 1);
    this.#hold(incarnation, `sent ${exchange.text}`);
    this.#add(checkIntent(exchange, this.admin));
    const [begin] = this.admin.journal('written');
    if (begin?.type === 'begin') this.#applies.add(begin.apply);
  }

  /** A script that changes something leaves its process. */
  typed(incarnation: Incarnation, { text, paths }: ScriptAct): void {
    this.#changes.set(incarnation.name, (this.#changes.get(incarnation.name) ?? 0) + 1);
    this.#hold(incarnation, `ran ${text}`);
    this.#add(checkOpen(text, (step) => step.kind === 'flip' && paths.includes(step.service), this.admin));
    const [begin] = this.admin.journal('written');
    if (begin?.type === 'begin') this.#applies.add(begin.apply);
  }

  /** Such a script ran, to its end or not. */
  ran(before: readonly FileNow[], uses: readonly Use[], isLate: boolean): void {
    const { changed = [], found = [] } = this.files?.ran(before) ?? {};
    this.#add(found);
    for (const { path } of changed) this.#moved(path, uses, isLate);
    this.#add(checkUses(this.admin, this.byHand, this.emergencies.killed));
  }

  /** A program of the stack is about to be started. */
  hooked(incarnation: Incarnation, text: string, isMeant: (step: Step) => boolean): void {
    this.#hold(incarnation, `began to ${text}`);
    this.#add(checkOpen(text, isMeant, this.admin));
  }

  /** A source was told that a value is invalid: an emergency does so at once, anything else when nobody needs it. */
  revoked(secret: string, value: string): void {
    if (this.emergencies.plan !== null) return;
    const version = this.admin.versions(secret).find((each) => each.value === value);
    if (version === undefined) this.report('I5', `a value of ${secret} was revoked that no version has`);
    else
      this.#add(
        checkEnded('revoked', secret, version, this.#ordeal.declared, this.admin, this.byHand, this.#latest),
      );
  }

  effected(effected: Effected): void {
    this.#add(this.emergencies.effected(effected));
  }

  /** A change had its effect, if its reply says so. */
  carriedOut(exchange: Exchange, reply: Reply, before: Before, isLate: boolean): void {
    if (reply.status >= 400) return;
    const { operation, path = '', body = '' } = exchange.arrived ?? {};
    const [, , subject = '', version = ''] = (path.split('?')[0] ?? '').split('/');
    switch (operation) {
      case 'SecretSet':
        this.#set(subject, isLate);
        break;
      case 'SecretUpdate':
        this.#changed(subject, version, body, before);
        break;
      case 'SecretRemove':
        this.#removed(subject, before.copies.get(subject) ?? subject);
        break;
      case 'SecretCreate':
        if (!isLate) this.#created();
        break;
      case 'ServiceUpdate':
        this.#updated(this.admin.nameOfService(subject) ?? subject, before, isLate);
        break;
      default:
    }
    this.#add(checkUses(this.admin, this.byHand, this.emergencies.killed));
  }

  /** Whether nothing went wrong, and nobody else did anything, since the operation began. */
  get #isCalm(): boolean {
    const { written, disabled, removed, services } = this.byHand;
    const hands = written.size + disabled.size + removed.size + services.size;
    const { hit, isLeftOver } = this.#ordeal.weather;
    return hit.length === 0 && !isLeftOver && hands === 0 && this.#reachedLate.size === 0;
  }

  ended(incarnation: Incarnation, errand: Errand, fate: Fate, hadJournal: boolean): void {
    if (fate.kind === 'died') return;
    if (fate.kind === 'threw') {
      const { thrown } = fate;
      this.#texts.push(JSON.stringify(asFault(thrown).toJSON()));
      this.#add(checkThrown(thrown));
      const changes = this.#changes.get(incarnation.name) ?? 0;
      if (errand.kind === 'saved' && asFault(thrown).code.startsWith('plan-') && changes > 0 && !hadJournal)
        this.#add([{ invariant: 'I8', text: `a plan was refused after ${changes} changes` }]);
      return;
    }
    const { ended } = fate;
    this.#texts.push(JSON.stringify(ended.plan));
    // What somebody else put into a file is not seen by anybody.
    const isExcused = (service: string): boolean =>
      this.#reachedLate.has(service) || this.files?.touched.has(service) === true;
    // Whoever was stopped behind its end may find what the next one did.
    const isOvertaken = this.#changesOfOthers(incarnation) > (this.#othersAtEnd.get(incarnation) ?? Infinity);
    if (!isOvertaken) this.#add(checkGroups(ended, this.admin, isExcused));
    const last = ended.executed ?? ended.resumed;
    if (last !== null && !isOvertaken) this.#add(this.files?.ended(last, isExcused) ?? []);
    const [begin] = this.admin.journal('written');
    if (
      this.#isCalm &&
      begin?.type === 'begin' &&
      begin.apply === incarnation.name &&
      ended.executed?.outcome === 'stopped' &&
      // Whoever an emergency left behind was not well before, and has no way back to what is dead.
      !this.#movesParked(ended.plan)
    )
      this.report('I7', 'nothing went wrong but a step, and its group did not return to what it was');
    const silent = this.#began.get(incarnation);
    if (errand.kind !== 'saved' && errand.kind !== 'rollback') {
      if (silent !== undefined) this.#add(checkUnknown(ended, silent));
    }
    const { effected } = this.#ordeal.sources;
    this.#add(this.emergencies.ended(ended, incarnation.name, this.#ordeal.declared, this.byHand, effected));
    if (errand.kind === 'saved' && ended.executed !== null) {
      if (this.#used.has(errand.plan))
        this.#add([{ invariant: 'I8', text: 'a saved plan was applied twice' }]);
      this.#used.add(errand.plan);
    }
  }

  #changesOfOthers({ name }: Incarnation): number {
    return [...this.#changes].reduce((sum, [other, count]) => sum + (other === name ? 0 : count), 0);
  }

  #movesParked({ steps }: Plan): boolean {
    const consumers = this.admin.recorded()?.consumers ?? {};
    return steps.some((step) => step.kind === 'flip' && consumers[step.consumer]?.parked !== undefined);
  }

  /** A saved plan was made from what is there now. */
  saved(plan: Plan): void {
    this.#saved.set(plan, this.#touched(plan));
  }

  /** A saved plan is about to be applied: what it touches must be as it was, or it must be refused. */
  movedSince(plan: Plan): string[] {
    const before = this.#saved.get(plan) ?? {};
    const now = this.#touched(plan);
    return Object.keys(before).filter((address) => before[address] !== now[address]);
  }

  /** Declared secrets whose current value makes a service fail, or was disabled by somebody: a person must bring another. */
  unfit(): string[] {
    const recorded = this.admin.recorded();
    return this.#ordeal.declared.secrets.flatMap(({ name, address }) => {
      const record = recorded?.secrets[address];
      const current = recordedVersion(record, record?.current ?? null);
      const values = this.admin.versions(name).filter(({ id }) => current?.storeIds.includes(id) === true);
      const isUnfit = values.some(({ value }) => isRefused(value) || this.byHand.disabled.has(value));
      return isUnfit ? [name] : [];
    });
  }

  /**
   * Declared secrets that no apply takes back: a file on a host names a version of theirs that was never promoted, and
   * what stood there before keyturn is known to nobody any more.
   */
  stranded(): string[] {
    const recorded = this.admin.recorded();
    const named = this.admin.uses().map(({ copyName }) => splitCopyName(copyName));
    return this.#ordeal.declared.secrets.flatMap(({ name, address }) => {
      const versions = recorded?.secrets[address]?.versions ?? [];
      const pending = versions.filter(({ role }) => role === 'pending').map(({ ordinal }) => ordinal);
      const isNamed = named.some((copy) => copy?.base === name && pending.includes(copy.ordinal));
      return isNamed ? [name] : [];
    });
  }

  /** Declared secrets in files that somebody else wrote: whether they are as before cannot be seen. */
  unsure(): string[] {
    const files = this.#ordeal.declared.consumers.filter(
      ({ kind, service }) => kind === 'env-file' && this.files?.edited.has(service) === true,
    );
    return files.flatMap(({ mounts }) => mounts.map(({ secret }) => nameOf(secret)));
  }

  /** Whether a service fails that reads this copy. */
  isUnfit(copyId: string): boolean {
    return isRefused(this.admin.valueOfCopy(copyId) ?? '');
  }

  /** What the disk holds after a crash is a record. */
  async crashed(): Promise<void> {
    try {
      const recorded = await this.#ordeal.quietRecord().read();
      for (const [address, { highest, current, versions }] of Object.entries(recorded.secrets)) {
        const ordinals = versions.map(({ ordinal }) => ordinal);
        const roles = versions.filter(({ role }) => role === 'current').map(({ ordinal }) => ordinal);
        const isWhole =
          ordinals.every((ordinal) => ordinal <= highest) &&
          new Set(ordinals).size === ordinals.length &&
          // In the middle of a way back the current one is retired already.
          roles.every((ordinal) => ordinal === current) &&
          (current === null || ordinals.includes(current));
        if (!isWhole)
          this.#add([{ invariant: 'I6', text: `after a crash the record of ${address} contradicts itself` }]);
      }
    } catch (thrown) {
      this.#add([
        { invariant: 'I6', text: `after a crash the record cannot be read: ${asFault(thrown).message}` },
      ]);
    }
  }

  /** Everything has come to rest. */
  finish(): void {
    this.#add(checkUses(this.admin, this.byHand, this.emergencies.killed));
    this.#add(this.emergencies.finish(this.#ordeal.declared, this.byHand));
    this.#add(checkRest(this.#ordeal.declared, this.admin, this.byHand));
    this.#add(checkHistory(this.#applies, this.admin));
    for (const { text } of this.admin.history()) this.#texts.push(text);
    this.#add(this.files?.finish(this.#ordeal.declared) ?? []);
    this.#texts.push(...(this.#ordeal.machine?.strangers() ?? []));
    this.#add(checkSecrecy(this.#values, this.#texts));
  }

  report(invariant: string, text: string): void {
    this.#add([{ invariant, text }]);
  }

  #set(secret: string, isLate: boolean): void {
    const versions = this.admin.versions(secret);
    const made = versions.at(-1);
    const operation = made?.tags?.[TAG_OPERATION];
    if (made === undefined) return;
    if (isLate) this.#arrivedLate.add(made.id);
    if (isLate) return;
    this.#add(this.emergencies.written(secret, made));
    const twin = versions.find(
      ({ id, tags }) =>
        id !== made.id &&
        tags?.[TAG_OPERATION] === operation &&
        !this.byHand.written.has(id) &&
        !this.#arrivedLate.has(id),
    );
    const ordinal = made.tags?.[TAG_VERSION];
    const name = `${secret} v${ordinal ?? '?'}`;
    const other = versions.find(
      ({ id, tags, value }) =>
        ordinal !== undefined &&
        tags?.[TAG_VERSION] === ordinal &&
        value !== made.value &&
        !this.byHand.written.has(id),
    );
    if (other !== undefined && !this.#arrivedLate.has(other.id))
      this.report('I6', `${name} was given out twice`);
    if (twin !== undefined)
      this.report('I6', `${name} was written twice under the operation ${operation ?? '?'}`);
    if (this.#retired.has(made.value))
      this.report('I12', `${name} is a retired value that was written again`);
  }

  #changed(secret: string, id: string, body: string, before: Before): void {
    const version = this.admin.versions(secret).find((each) => each.id === id);
    const { attributes } = JSON.parse(body) as { attributes?: { enabled?: boolean } };
    if (version === undefined) return;
    if (attributes?.enabled === true) this.report('I12', `${secret} ${id} was enabled again`);
    this.emergencies.marked(secret, version);
    // The clock may have been set back since the soak was over.
    if (this.#ordeal.now > this.#latest) this.#latest = this.#ordeal.now;
    const isGone = before.enabled.has(version.value) && !this.admin.enabledValues().has(version.value);
    if (!isGone) return;
    this.#retired.add(version.value);
    if (this.emergencies.disables(secret, version)) this.emergencies.killed.add(version.value);
    else
      this.#add(
        checkEnded('disabled', secret, version, this.#ordeal.declared, this.admin, this.byHand, this.#latest),
      );
  }

  #created(): void {
    const newest = this.admin.copies().at(-1);
    const value = newest === undefined ? undefined : this.admin.valueOfCopy(newest.id);
    if (newest === undefined || value === undefined) return;
    const isMinted = this.admin
      .secrets()
      .some((name) => this.admin.versions(name).some((each) => each.value === value));
    if (!isMinted) this.report('I3', `the copy ${newest.name} holds a value that no version has`);
    if (this.#retired.has(value)) this.report('I12', `the copy ${newest.name} was made of a retired version`);
  }

  #updated(service: string, { uses }: Before, isLate: boolean): void {
    this.#moved(service, uses, isLate);
  }

  /** A service, or a file, is not as it was. */
  #moved(service: string, uses: readonly Use[], isLate: boolean): void {
    const before = uses.filter((use) => use.service === service && use.by === 'spec');
    const after = this.admin.service(service)?.references ?? [];
    if (isLate) this.#reachedLate.add(service);
    // Of a file that somebody else wrote, what they wrote stays.
    else if (this.files?.touched.has(service) !== true)
      this.#add(checkWhole(service, before, after, this.admin.journal('written')));
    const known = new Set(before.map(({ copyId }) => copyId));
    for (const { copyId, copyName } of after)
      if (!known.has(copyId)) {
        const value = this.admin.valueOfCopy(copyId) ?? '';
        if (this.#retired.has(value))
          this.report('I12', `${service} was pointed at ${copyName}, which is retired`);
        if (!isLate) this.#add(this.emergencies.pointed(service, copyName, value));
      }
  }

  /** A copy of what an emergency killed goes although a task still holds it: Swarm keeps what a spec names. */
  #removed(copyId: string, name: string): void {
    if (!this.emergencies.killed.has(this.admin.valueOfCopy(copyId) ?? ''))
      this.#add(checkRemoved(copyId, name, this.admin));
  }

  #touched(plan: Plan): Record<string, string> {
    return Object.fromEntries(
      Object.keys(plan.basis.fingerprints).map((address) => {
        const name = address.slice(address.lastIndexOf('/') + 1);
        return [address, address.startsWith('vault:') ? this.#item(name) : this.#reads(name)];
      }),
    );
  }

  #item(secret: string): string {
    const newest = this.admin.versions(secret).at(-1);
    // Two versions of one second with the same tags look the same in the vault's list.
    return newest === undefined
      ? 'absent'
      : JSON.stringify([newest.enabled, newest.updated, newest.created, newest.tags]);
  }

  #reads(name: string): string {
    const service = this.admin.service(name);
    return service === null ? 'absent' : JSON.stringify([service.id, service.references]);
  }

  #hold(incarnation: Incarnation, what: string): void {
    this.#add(checkHolder(incarnation, what, this.admin));
    const since = this.#ordeal.timeline.ticks - (this.#claimed.get(incarnation) ?? 0);
    if (since > LEASE_TERMS.periodMs)
      this.report('I11', `${incarnation.name}: ${what} ${Math.round(since / 1000)} s after its last claim`);
  }

  #add(violations: readonly Violation[]): void {
    for (const violation of violations) {
      const isKnown = this.violations.some(({ text }) => text === violation.text);
      if (isKnown) continue;
      this.violations.push(violation);
      this.#ordeal.tell(`!! ${violation.invariant}: ${violation.text}`);
    }
  }
}

/** Whether it is a value that makes the services of the torture fail. */
function isRefused(value: string): boolean {
  return /^(bad|crash|late)-/.test(value);
}
