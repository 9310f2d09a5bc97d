import { connect } from 'node:net';
import type { RefusalProbe } from '../model/declared.ts';
import { millisecondsOf } from '../model/duration.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { Tried } from './hooks-faults.ts';

type TcpProbe = Extract<RefusalProbe, { kind: 'tcp' }>;

/**
 * Tries a value where it is checked: one connection, what stands before it, the value, what stands behind it, and
 * the beginning of what comes back. Never rejects. The answer is kept nowhere: it may repeat what was sent.
 */
export function tryOverTcp(probe: TcpProbe, value: SecretValue, signal?: AbortSignal): Promise<Tried> {
  return new Promise((resolve) => {
    const unclear = (said: string): void => settle({ verdict: 'unclear', said });
    const socket = connect({ host: probe.host, port: probe.port });
    const timer = setTimeout(() => unclear('did not answer in time'), millisecondsOf(probe.timeout));
    const onAbort = (): void => unclear('was not waited for');
    const settle = (tried: Tried): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(tried);
    };
    let answer = Buffer.alloc(0);
    socket.once('connect', () => socket.write(`${probe.before}${value.reveal()}${probe.after}`));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const tried = judge(answer, probe);
      if (tried !== null) settle(tried);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      unclear(`did not answer (${error.code ?? 'unknown'})`),
    );
    socket.once('close', () => unclear(answer.length === 0 ? 'closed without an answer' : SOMETHING_ELSE));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
}

const SOMETHING_ELSE = 'answered something else';

/** Null while more of the answer is needed, which the longer of the two beginnings bounds. */
function judge(answer: Buffer, probe: TcpProbe): Tried | null {
  for (const verdict of ['refused', 'accepted'] as const) {
    const begins = Buffer.from(probe[verdict]);
    if (answer.subarray(0, begins.length).equals(begins))
      return { verdict, said: `answered ${JSON.stringify(probe[verdict])}` };
  }
  const mayBecome = [probe.refused, probe.accepted].some((text) =>
    Buffer.from(text).subarray(0, answer.length).equals(answer),
  );
  return mayBecome ? null : { verdict: 'unclear', said: SOMETHING_ELSE };
}
