import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import type { ConsumerAddress } from '../model/address.ts';
import type { Declaration, Item, Reference } from './declaration.ts';
import { tokensIn } from './synth.ts';

/** What a construct answers when it is asked what it declares. */
export function declaration(
  construct: Construct,
  item: Item,
  position: string | null = null,
  references: readonly Reference[] = [],
): Declaration {
  const stack = TerraformStack.of(construct).node.id;
  return { stack, path: construct.node.path, position, item, references, unresolved: tokensIn(item) };
}

/** Another construct that one was given. */
export function reference(as: string, to: Construct): Reference {
  return { as, stack: TerraformStack.of(to).node.id, path: to.node.path };
}

/** A construct that reads secrets: one consumer, or a like one on each of several hosts. */
export interface Consuming extends Construct {
  readonly addresses: readonly ConsumerAddress[];
}

export function addressesOf(consumers: readonly Consuming[]): ConsumerAddress[] {
  return [...new Set(consumers.flatMap((each) => each.addresses))].sort();
}

/** Each address once, in order. */
export function addresses<A extends string>(constructs: Iterable<{ readonly address: A }> = []): A[] {
  return [...new Set([...constructs].map(({ address }) => address))].sort();
}
