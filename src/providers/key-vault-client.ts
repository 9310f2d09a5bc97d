import type { SecretClient } from '@azure/keyvault-secrets';

/** All items of a list, page after page. Each page is read through while the next one is on its way. */
export async function allOf<Item, Seen>(
  pages: AsyncIterableIterator<Item[]>,
  see: (item: Item) => Seen,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let next = pages.next(); ;) {
    const page = await next;
    if (page.done === true) return seen;
    next = pages.next();
    // It may fail before it is waited for.
    next.catch(() => undefined);
    for (const item of page.value) seen.push(see(item));
  }
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
