/**
 * The engine for programs that drive it themselves; `keyturn` the command is one of them. Observe, plan, execute:
 * three states go in, an ordered plan comes out as data, and one executor walks it.
 */
export { execute, resume } from './execute/execute.ts';
export type { ExecuteInput, Executed, RecordSink } from './execute/execute.ts';
export { assertFresh } from './execute/fresh.ts';
export type { Outside } from './execute/work.ts';
export type { Declared } from './model/declared.ts';
export type { ApplyEvent, Listen } from './model/event.ts';
export { Fault } from './model/fault.ts';
export type { HistoryEntry } from './model/journal.ts';
export type { Hooks } from './model/hooks.ts';
export type { Observed } from './model/observed.ts';
export type { Plan, Step } from './model/plan.ts';
export type { Platform } from './model/platform.ts';
export type { Recorded } from './model/recorded.ts';
export { SecretValue } from './model/secret-value.ts';
export type { Vault } from './model/vault.ts';
export { observe } from './observe/observe.ts';
export { makeAgenda } from './plan/agenda.ts';
export { makePlan } from './plan/plan.ts';
export { makeRollbackPlan } from './plan/rollback.ts';
export { makeStatus } from './plan/status.ts';
export { BlobStore } from './providers/blob-store.ts';
export { connectHooks } from './providers/hooks.ts';
export { connectKeyVault } from './providers/key-vault.ts';
export { generateValue } from './providers/sources.ts';
export { connectSwarm } from './providers/swarm.ts';
export { parseManifest } from './record/manifest.ts';
export { parsePlanFile, planFileText } from './record/plan-file.ts';
export { openRecord, StackRecord } from './record/record.ts';
