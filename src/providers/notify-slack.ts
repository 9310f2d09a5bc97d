import { guardedJson } from '../model/guard.ts';
import type { Tell } from '../model/notice.ts';
import type { Pace } from './notify-wire.ts';
import { exchange } from './notify-wire.ts';

/** Posts a notice as text, which every receiver that takes Slack's messages shows. */
export function postText(url: string, pace?: Pace): Tell {
  return async ({ title, lines, stack }, signal) => {
    const text = [`*${escaped(title)}* (stack ${escaped(stack)})`, ...lines.map(escaped)].join('\n');
    const body = guardedJson({ text });
    const headers = () => ({ 'content-type': 'application/json' });
    const answer = await exchange({ method: 'POST', url, headers, body }, signal, pace);
    return 'failure' in answer ? answer.failure : null;
  };
}

/** Slack reads these three as the beginning of a link, a mention or an entity. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
