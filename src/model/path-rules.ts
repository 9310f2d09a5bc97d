import type { SettingProblem } from './setting.ts';

/** Who builds its text out of lines, or hands it to a shell of another machine, need not think of these. */
const CONTROL = /\p{C}/u;

/** What is wrong with the absolute path of a file or a directory on a host, behind the words that say of what; or null. */
export function pathProblem(path: string): SettingProblem | null {
  const shown = path.replaceAll(/\p{C}/gu, '?');
  if (CONTROL.test(path))
    return { what: `"${shown}" has characters that cannot be shown`, next: 'give a path without them' };
  if (!path.startsWith('/'))
    return { what: `"${path}" is no absolute path`, next: 'begin it with a slash: /etc/tracker/web.env' };
  const parts = path.slice(1).split('/');
  if (parts.every((part) => part !== '' && part !== '.' && part !== '..')) return null;
  const plain = parts.reduce<string[]>((so, part) => {
    if (part === '..') return so.slice(0, -1);
    return part === '' || part === '.' ? so : [...so, part];
  }, []);
  const next = plain.length === 0 ? 'name what lies below it' : `write "/${plain.join('/')}"`;
  return { what: `"${path}" is not written plainly: one path has one address`, next };
}
