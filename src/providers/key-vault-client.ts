import type { SecretClient } from '@azure/keyvault-secrets';

/** All items of a list, page after page. */
export async function allOf<Item, Seen>(
  pages: AsyncIterableIterator<Item[]>,
  see: (item: Item) => Seen,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const page of pages) for (const item of page) seen.push(see(item));
  return seen;
}

/**
 * Takes out of the SDK's pipeline what has nothing to do here, which costs each page of a list some, and the first of them
 * 20 ms: to learn that a request without a body is no form, Node loads its fetch. The SDK's log stays, for whoever asks for it.
 * The pipeline is no public part of the client: where a later version hides it elsewhere, only the time is lost.
 */
export function dropUnused(client: SecretClient): void {
  const { pipeline } = (client as unknown as Inside).client ?? {};
  for (const name of ['formDataPolicy', 'multipartPolicy', 'tracingPolicy']) pipeline?.removePolicy({ name });
}

interface Inside {
  readonly client?: { readonly pipeline?: { removePolicy(of: { readonly name: string }): unknown } };
}
