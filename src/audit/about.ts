import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { homeOf, isConsumerAddress, isSecretAddress, nameOf } from '../model/address.ts';
import type { EntryFilter } from '../model/history.ts';
import type { HistoryEntry } from '../model/journal.ts';

/** Every secret that an entry names: of a record that was moved or made anew those are all. */
export function secretsOf(entry: HistoryEntry): ReadonlySet<SecretAddress> {
  const { versions, steps, consumers = {}, writes = [], emergency } = entry;
  const moves = Object.values(consumers).flatMap((targets) => Object.values(targets));
  return new Set(
    [
      ...Object.keys(versions),
      ...steps.flatMap(({ address, secret }) => [address, ...(secret === undefined ? [] : [secret])]),
      ...moves.map(({ secret }) => secret),
      ...writes.map(({ secret }) => secret),
      ...(emergency?.radius.map(({ secret }) => secret) ?? []),
      entry.refusal?.fault.where ?? '',
    ].filter(isSecretAddress),
  );
}

/** Every consumer that an entry names. */
export function consumersOf(entry: HistoryEntry): ReadonlySet<ConsumerAddress> {
  const { steps, consumers = {}, emergency } = entry;
  return new Set(
    [
      ...Object.keys(consumers),
      ...steps.map(({ address }) => address),
      ...(emergency?.radius.flatMap((member) => member.consumers) ?? []),
      ...(emergency?.exposed.map(({ address }) => address) ?? []),
      entry.refusal?.fault.where ?? '',
    ].filter(isConsumerAddress),
  );
}

/** Whether `written` means that address: the whole of it, its end from the vault's or platform's name on, or its name. */
export function isCalled(address: Address, written: string): boolean {
  const name = nameOf(address);
  return written === address || written === name || written === `${homeOf(address)}/${name}`;
}

/** Whether an entry is one of those that are asked for. */
export function fits(entry: HistoryEntry, filter: EntryFilter): boolean {
  const { secret, consumer, actor, outcome, kind, since, until, ticket } = filter;
  return (
    (kind === undefined || entry.kind === kind) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (since === undefined || entry.endedAt >= since) &&
    (until === undefined || entry.endedAt < until) &&
    (ticket === undefined || entry.ticket?.toLowerCase() === ticket.toLowerCase()) &&
    (actor === undefined || isBy(entry, actor.toLowerCase())) &&
    (secret === undefined || some(secretsOf(entry), secret)) &&
    (consumer === undefined || some(consumersOf(entry), consumer))
  );
}

function some(addresses: ReadonlySet<Address>, written: string): boolean {
  for (const address of addresses) if (isCalled(address, written)) return true;
  return false;
}

function isBy({ actor, continued }: HistoryEntry, part: string): boolean {
  const names = [
    actor.name,
    ...(actor.identities ?? []).map(({ name }) => name),
    ...(actor.gate?.approvals ?? []).map(({ name }) => name),
    ...(actor.gate?.triggeredBy == null ? [] : [actor.gate.triggeredBy]),
    ...continued.map(({ by }) => by),
  ];
  return names.some((name) => name.toLowerCase().includes(part));
}
