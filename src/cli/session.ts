import type { Address, SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { Blocked, Plan } from '../model/plan.ts';
import type { Observed } from '../model/observed.ts';
import type { Recorded } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { observe } from '../observe/observe.ts';
import { makePlan } from '../plan/plan.ts';
import type { PlanOptions } from '../plan/view.ts';
import type { StackRecord } from '../record/record.ts';
import { resolveAddresses, resolveSecrets } from './address.ts';
import type { Connections, World } from './connect.ts';
import type { Declaring } from './project.ts';
import { whole } from './project.ts';
import { openRecord } from './records.ts';
import { now } from './terminal.ts';

/** One stack with everything that a plan of it is made from. */
export interface Session extends Connections {
  readonly declared: Declared;
  readonly record: StackRecord;
  readonly recorded: Recorded;
  readonly observed: Observed;
  /** Secrets whose versions are always listed. */
  readonly listed: ReadonlySet<SecretAddress>;
}

const NONE: ReadonlySet<SecretAddress> = new Set();

/** Connects what the stack declares, reads its record and observes. Takes no lease and reads no value. */
export async function openSession(
  world: World,
  declared: Declared,
  signal?: AbortSignal,
  listed = NONE,
): Promise<Session> {
  return open(world, whole(declared), signal, listed);
}

async function open(
  world: World,
  declaring: Declaring,
  signal: AbortSignal | undefined,
  listed: ReadonlySet<SecretAddress>,
): Promise<Session> {
  return lookFirst({ ...(await connect(world, declaring)), listed }, declaring, signal);
}

type Connected = Omit<Session, 'declared' | 'recorded' | 'observed'>;

/** Asks nobody: what it takes is to load what the stack is connected with. */
async function connect(world: World, { head }: Declaring): Promise<Omit<Connected, 'listed'>> {
  const record = await openRecord(world.argv, head);
  return { record, ...(await world.of(head)) };
}

async function lookFirst(
  connected: Connected,
  { whole }: Declaring,
  signal: AbortSignal | undefined,
): Promise<Session> {
  return { ...connected, ...(await look(connected, whole, signal)) };
}

/** Stacks that are looked at ahead of their turn: each may be all of a large vault, and is kept until then. */
const AHEAD = 4;

/** Sessions of several stacks, looked at side by side and ahead of their turn. */
export interface Sessions {
  /** That of one of them, by its head, handed out once. Throws what went wrong with that one. */
  readonly of: (head: Declared) => Promise<Session>;
  /** Begins no more, and waits for what was begun: nothing opens or uses a connection of the world afterwards. */
  readonly end: () => Promise<void>;
}

/** Begins with the first of them at once; each further one begins when the turn of the fourth before it has come. */
export function openSessions(world: World, stacks: readonly Declaring[], signal: AbortSignal): Sessions {
  const opening = new Map<Declared, Promise<Session>>();
  // One after the other: jiti hands a half-loaded module to whoever asks for it while it is loaded for somebody else.
  let connecting: Promise<unknown> = Promise.resolve();
  let begun = 0;
  let isOver = false;
  const begin = (count: number): void => {
    for (const declaring of isOver || signal.aborted ? [] : stacks.slice(begun, count)) {
      const connected = connecting.then(() => connect(world, declaring));
      connecting = connected.catch(() => undefined);
      const session = connected.then((each) => lookFirst({ ...each, listed: NONE }, declaring, signal));
      // Whoever asks for it hears of its fault; nobody may, after an interrupt.
      session.catch(() => undefined);
      opening.set(declaring.head, session);
      begun += 1;
    }
  };
  begin(AHEAD);
  return {
    of: async (head) => {
      const at = stacks.findIndex((declaring) => declaring.head === head);
      const session = opening.get(head) ?? open(world, stacks[at] ?? whole(head), signal, NONE);
      try {
        return await session;
      } finally {
        opening.delete(head);
        begin(at + 1 + AHEAD);
      }
    },
    end: async () => {
      isOver = true;
      await Promise.allSettled(opening.values());
    },
  };
}

/** The same session with what is recorded and observed now. */
export async function lookAgain(session: Session, signal?: AbortSignal): Promise<Session> {
  return lookFirst(session, whole(session.declared), signal);
}

/**
 * Whether no apply of this stack runs, or left its journal, and none ended since the session's record was read.
 * Otherwise what is recorded and what is observed may be of two times, and what lies between them looks like somebody
 * else's work.
 */
export async function isOfOneTime({ record, recorded }: Session): Promise<boolean> {
  // In this order: one that ends in between has then raised the serial.
  return !(await record.hasJournal()) && (await record.read()).serial === recorded.serial;
}

async function look(
  { record, vaults, platforms, listed }: Connected,
  whole: Declaring['whole'],
  signal: AbortSignal | undefined,
): Promise<Pick<Session, 'declared' | 'recorded' | 'observed'>> {
  const stop = new AbortController();
  // Before anybody is asked: whoever does not answer soon leaves time for it.
  const declaring = whole();
  declaring.catch(() => stop.abort());
  const read = await record.fetch();
  if (stop.signal.aborted) await declaring;
  // What is looked at is looked at after that, so that an apply which ends in between is not taken for somebody else's work.
  const recording = read();
  recording.catch(() => stop.abort());
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const observed = await observe({
    declared: declaring,
    recorded: recording,
    vaults,
    platforms,
    now,
    listed,
    signal: both,
  });
  const [declared, recorded] = [await declaring, await recording];
  if (signal?.aborted !== true) return { declared, recorded, observed };
  throw new Fault({ code: 'interrupted', what: 'interrupted while observing', live: 'nothing was changed' });
}

export interface SelectArgs {
  readonly target: readonly string[];
  readonly rotate: readonly string[];
  readonly due: boolean;
  readonly prunePlatformOnly: boolean;
}

/** `--target` and `--rotate` as addresses of these stacks. Throws before anything is connected. */
export function selection(
  argv: SelectArgs,
  stacks: readonly Declared[],
): { readonly target: Address[]; readonly rotate: SecretAddress[] } {
  return { target: resolveAddresses(argv.target, stacks), rotate: resolveSecrets(argv.rotate, stacks) };
}

/** The stacks that a `--target` leaves: those that declare one of the targets, or all. */
export function targetedStacks(stacks: readonly Declared[], target: readonly Address[]): Declared[] {
  return stacks.filter((declared) => target.length === 0 || ownedBy(declared, target).length > 0);
}

export function ownedBy<A extends Address>(declared: Declared, addresses: readonly A[]): A[] {
  const own = new Set<Address>([...declared.secrets, ...declared.consumers].map(({ address }) => address));
  return addresses.filter((address) => own.has(address));
}

/**
 * The plan of one stack, and the values for it. In the sandbox a manual secret that waits for a person's value
 * gets a generated placeholder, so that any stack converges there; the real vault never gets one.
 *
 * With another time than now it is a what-if: no plan to apply.
 */
export function planOf(
  session: Session,
  world: World,
  options: PlanOptions,
  at = now(),
): { readonly plan: Plan; readonly placeholders: ReadonlyMap<SecretAddress, SecretValue> } {
  const { declared, observed, recorded } = session;
  const input = { declared, observed, recorded, now: at };
  const plan = makePlan({ ...input, options });
  const awaiting = plan.blocked.filter(({ why }) => why === 'awaiting-value').map(({ address }) => address);
  const placeholders =
    world.sandbox?.placeholdersFor(declared, awaiting) ?? new Map<SecretAddress, SecretValue>();
  if (placeholders.size === 0) return { plan, placeholders };
  const values = [...options.values, ...placeholders.keys()];
  return { plan: makePlan({ ...input, options: { ...options, values } }), placeholders };
}

/** Why a vault or a platform could not be observed. */
export function unseenIn({ vaults, platforms }: Observed): Fault[] {
  return [...Object.values(vaults), ...Object.values(platforms)].flatMap((seen) =>
    seen.status === 'unknown' ? [new Fault(seen.fault)] : [],
  );
}

/** What stands in the way of a plan and is somebody's mistake, not a date or a person's turn. */
export function faultsIn(blocked: readonly Blocked[]): Fault[] {
  return blocked.flatMap(({ fault }) => (fault === null ? [] : [new Fault(fault)]));
}

/**
 * Runs `act` for each stack in turn; one that fails does not keep the others from their turn, except after an
 * interrupt. `failed` is told each fault.
 */
export async function eachStack<T>(
  stacks: readonly Declared[],
  act: (declared: Declared) => Promise<T>,
  failed: (fault: Fault, declared: Declared) => T | Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (const declared of stacks) {
    try {
      results.push(await act(declared));
    } catch (thrown) {
      const fault = asFault(thrown);
      results.push(await failed(fault, declared));
      if (fault.code === 'interrupted') break;
    }
  }
  return results;
}
