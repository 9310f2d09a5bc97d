import { createHmac } from 'node:crypto';
import { digestOf } from '../model/canonical.ts';
import { guardedJson } from '../model/guard.ts';
import type { Tell } from '../model/notice.ts';
import type { Pace } from './notify-wire.ts';
import { exchange } from './notify-wire.ts';

/**
 * Posts a notice as JSON, with the headers of Standard Webhooks 1.0.0: `webhook-id` is the same for each try of one
 * notice to one receiver, `webhook-timestamp` that of the try, `webhook-signature` an HMAC-SHA256 over both and the
 * body. Without a key there is no signature.
 */
export function postSigned(name: string, url: string, key: Buffer | null, pace?: Pace): Tell {
  return async ({ event, stack, about, at, title, lines, key: mark }, signal) => {
    const id = `msg_${digestOf([mark, name]).slice(0, 32)}`;
    const notice = { event, stack, about, title, lines, key: mark };
    const body = guardedJson({ type: `keyturn.${event}`, timestamp: at, data: notice });
    const headers = () => {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      return {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        ...(key === null ? {} : { 'webhook-signature': signature(key, `${id}.${timestamp}.${body}`) }),
      };
    };
    const answer = await exchange({ method: 'POST', url, headers, body }, signal, pace);
    return 'failure' in answer ? answer.failure : null;
  };
}

function signature(key: Buffer, content: string): string {
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}
