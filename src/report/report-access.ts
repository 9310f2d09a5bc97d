import type { Access } from '../model/declared.ts';
import type { Html, Part } from './html.ts';
import { html } from './html.ts';
import { countText } from './cause-text.ts';
import type { Chapter } from './report-chapter.ts';
import { section, toned } from './report-chapter.ts';
import { sheet } from './report-table.ts';

const RIGHTS = ['list', 'read', 'set', 'grant', 'purge'] as const;

/** Who may do what with the secrets of each vault, as far as it is declared: for the quarterly review of access. */
export function accessSection(chapter: Chapter): Html {
  const { key, stack } = chapter;
  if (stack.access.length === 0) {
    return section(chapter, 'access', 'Access', html`<p>This stack declares no right to its vaults.</p> `);
  }
  return section(
    chapter,
    'access',
    'Access',
    html`<p>
      As this stack declares it. What was granted in another place is not in here, and nobody asked the vault.
      List is the right to see names, dates and tags; read is the right to see values.
    </p> `,
    sheet({
      id: `${key}-access-table`,
      caption: `${countText(stack.access.length, 'declared right')}: who may read, set and grant`,
      columns: [
        { title: 'Principal', kind: 'code' },
        { title: 'Role' },
        { title: 'Of', kind: 'words' },
        ...RIGHTS.map((right) => ({ title: capital(right) })),
        { title: 'Declared at', kind: 'code' },
      ],
      rows: stack.access.map(accessRow),
    }),
  );
}

function accessRow({ principal, role, vault, secret, can, path, unknown }: Access): Part[] {
  return [
    principal,
    role,
    secret === null ? `vault ${vault}, all secrets` : `vault ${vault}, ${secret} alone`,
    ...RIGHTS.map((right) => rightCell(can, right, unknown === true)),
    path,
  ];
}

/** A role that is not known to us may allow anything: it must not look like one that allows nothing. */
function rightCell(can: Access['can'], right: (typeof RIGHTS)[number], isUnknown: boolean): Html {
  if (isUnknown) return toned('warn', 'not known');
  return can.includes(right) ? html`<strong>yes</strong>` : toned('quiet', 'no');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
