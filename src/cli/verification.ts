import type { AuditRow } from '../model/audit-row.ts';
import type { Declared } from '../model/declared.ts';
import { asFault } from '../model/fault.ts';
import type { Vault } from '../model/vault.ts';
import type { Verification } from '../model/verification.ts';
import { compareAuditLog } from '../audit/audit-log.ts';
import type { Testimony } from '../audit/testimony.ts';
import { verifyHistory } from '../audit/verify.ts';
import type { StackRecord } from '../record/record.ts';

/** Who can be asked beside the state. */
export interface Witnesses {
  /** Null: nothing says which vaults the stack has. */
  readonly vaults: ReadonlyMap<string, Vault> | null;
  readonly signal?: AbortSignal | undefined;
}

/** The exported log of the vaults, and where they are. */
export interface AuditLog {
  readonly file: string;
  readonly rows: readonly AuditRow[];
  readonly declared: Declared;
}

/**
 * Verifies the history of one stack against its state and whatever its vaults have sealed. Needs the right to list and
 * nothing more; a vault that cannot be asked is a witness that says nothing, not a fault. Faults: the record cannot be
 * read.
 */
export async function verificationOf(
  record: StackRecord,
  { vaults, signal }: Witnesses,
  log?: AuditLog,
): Promise<Verification> {
  // The seals first: an apply that ends meanwhile then only leaves them behind.
  const sealed = await Promise.all(
    [...(vaults ?? new Map<string, Vault>()).values()].map((vault) => sealedBy(vault, record.stack, signal)),
  );
  const interrupted = (await record.interrupted()) ?? [];
  const open = interrupted.flatMap((line) => (line.type === 'begin' ? [line.apply] : []));
  const { isThere, head } = await record.head();
  const written = await record.history.texts();
  const state: Testimony = {
    name: 'state.json',
    isState: true,
    entry: head?.entry ?? 0,
    digest: head?.digest ?? '',
    at: null,
    silence: isThere ? null : { says: 'absent', text: 'there is no state' },
  };
  const unknown = vaults === null ? [noManifest()] : [];
  const testimonies = [state, ...sealed, ...unknown];
  const verification = verifyHistory({ stack: record.stack, written, testimonies, open });
  return log === undefined ? verification : withLog(verification, record, log);
}

async function withLog(
  verification: Verification,
  record: StackRecord,
  { file, rows, declared }: AuditLog,
): Promise<Verification> {
  const unreadable = new Set(
    verification.findings.flatMap(({ kind, entry }) =>
      kind === 'unreadable' && entry !== null ? [entry] : [],
    ),
  );
  const numbers = (await record.history.numbers()).filter((number) => !unreadable.has(number));
  const entries = await Promise.all(numbers.map((number) => record.history.show(number)));
  const hosts = new Map(declared.vaults.map(({ name, uri }) => [name, new URL(uri).host.toLowerCase()]));
  const { comparison, findings } = compareAuditLog({ file, rows, entries, hosts });
  return { ...verification, findings: [...verification.findings, ...findings], auditLog: comparison };
}

async function sealedBy(vault: Vault, stack: string, signal: AbortSignal | undefined): Promise<Testimony> {
  const name = `vault ${vault.name}`;
  const silent = (says: 'absent' | 'unasked', text: string): Testimony => ({
    name,
    isState: false,
    entry: 0,
    digest: '',
    at: null,
    silence: { says, text },
  });
  try {
    const seal = (await vault.seals(signal)).find((each) => each.stack === stack);
    if (seal === undefined) return silent('absent', 'has sealed nothing of this stack yet');
    const { entry, digest, at } = seal;
    return { name, isState: false, entry, digest, at, silence: null };
  } catch (thrown) {
    return silent('unasked', `could not be asked: ${asFault(thrown).message}`);
  }
}

function noManifest(): Testimony {
  const text = 'not asked: run keyturn synth first, or give --manifest, so that the vaults are known';
  return {
    name: 'the vaults',
    isState: false,
    entry: 0,
    digest: '',
    at: null,
    silence: { says: 'unasked', text },
  };
}
