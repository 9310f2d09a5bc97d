import type { Declared, DeclaredSecret } from './declared.ts';
import type { Problem } from './fault.ts';
import { isTooShort, SHORTEST_MASKED } from './guard.ts';

const NEXT = 'name owner, description or tags.<name of a tag that is declared>';

/** What is wrong with what a secret declares to be personal data; without its place. */
export function personalProblems(secret: DeclaredSecret): Pick<Required<Problem>, 'what' | 'next'>[] {
  const { pii = [] } = secret;
  const again = pii.filter((field, index) => pii.indexOf(field) !== index);
  return [
    ...[...new Set(again)].map((field) => ({ what: `pii names "${field}" twice`, next: 'name it once' })),
    ...[...new Set(pii)].flatMap((field) => {
      const text = textOf(secret, field);
      if (text === undefined)
        return [{ what: `pii names "${field}", which is no field that can hold it`, next: NEXT }];
      if (text === null) return [{ what: `pii names "${field}", which is not declared`, next: NEXT }];
      if (!isTooShort(text)) return [];
      const what = `pii names "${field}", whose text is too short to be masked`;
      return [
        { what, next: `write at least ${SHORTEST_MASKED} characters there, a full name or an address` },
      ];
    }),
  ];
}

/** The texts that a stack declares to be personal data. */
export function personalTexts({ secrets }: Declared): string[] {
  return secrets.flatMap((secret) => (secret.pii ?? []).flatMap((field) => textOf(secret, field) ?? []));
}

/** Undefined: such a field cannot be named; null: it is not declared. */
function textOf({ owner, description, tags }: DeclaredSecret, field: string): string | null | undefined {
  if (field === 'owner') return owner;
  if (field === 'description') return description;
  const tag = /^tags\.(.+)$/s.exec(field)?.[1];
  if (tag === undefined) return undefined;
  return Object.hasOwn(tags, tag) ? (tags[tag] ?? null) : null;
}
