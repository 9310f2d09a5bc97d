import { describe, expect, it } from 'vitest';
import { ReadAhead } from '../../src/providers/key-vault-read-ahead.ts';

type Request = Parameters<ReadAhead['take']>[0];
type Response = Parameters<ReadAhead['follow']>[1];

const VAULT = 'https://shop.vault.azure.net';

function request(path: string, more: Partial<Request> = {}): Request {
  return { method: 'GET', url: `${VAULT}${path}`, ...more } as Request;
}

/** A page that names the next one; null: it is the last. */
function page(nextLink: string | null, status = 200): Response {
  return { status, bodyAsText: JSON.stringify({ value: [], nextLink }) } as Response;
}

/** A list, and what was asked ahead of it; each answer names no further page. */
function list(answer: () => Promise<Response> = () => Promise.resolve(page(null)), signal?: AbortSignal) {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const ahead = new ReadAhead(signal);
  const follow = (of: Request, response: Response): Promise<void> =>
    ahead.follow(of, response, ({ url }, until) => {
      asked.push(url);
      signals.push(until);
      return answer();
    });
  return { ahead, asked, follow, signals };
}

describe('the pages of a list', () => {
  it('are each asked for once, and what asks for the page that comes next gets the answer', async () => {
    const { ahead, asked, follow } = list();
    const first = request('/secrets?maxresults=25');
    expect(ahead.take(first)).toBeNull();
    await follow(first, page(`${VAULT}:443/secrets?api-version=7.5&$skiptoken=2`));
    expect(asked).toEqual([`${VAULT}/secrets?api-version=7.5&$skiptoken=2`]);

    const second = request(':443/secrets?api-version=7.5&$skiptoken=2');
    const answer = await ahead.take(second);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer?.request).toBe(second);
    // A token that was refused is sent again by the SDK: that goes to the vault.
    expect(ahead.take(second)).toBeNull();
    expect(asked).toHaveLength(1);
  });

  it.each([
    [
      'is named before the items',
      `{"nextLink":"${VAULT}/secrets?api-version=7.5&$skiptoken=2","value":[{"tags":{"nextLink":"x"}}]}`,
    ],
    [
      'is named behind a tag of that name',
      `{"value":[{"tags":{"nextLink":"x"}}],"nextLink":"${VAULT}/secrets?api-version=7.5&$skiptoken=2"}`,
    ],
    [
      'has its name in a tag',
      `{"value":[{"tags":{"a":"\\"nextLink\\":\\"x\\"}"}}],"nextLink":"${VAULT}/secrets?api-version=7.5&$skiptoken=2" }`,
    ],
  ])('are found where the next one %s', async (_where, bodyAsText) => {
    const { asked, follow } = list();
    await follow(request('/secrets'), { status: 200, bodyAsText } as Response);
    expect(asked).toEqual([`${VAULT}/secrets?api-version=7.5&$skiptoken=2`]);
  });

  it('that nobody asked for are given up when the list ends, or its signal says so', async () => {
    const stop = new AbortController();
    const stopped = list(undefined, stop.signal);
    await stopped.follow(request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`));
    stop.abort();
    const ended = list();
    await ended.follow(request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`));
    ended.ahead.end();
    await ended.follow(request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=3`));
    expect([...stopped.signals, ...ended.signals].map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('that follow a failed one fail where they are asked for, and nowhere else', async () => {
    const { ahead, follow } = list(() => Promise.reject(new Error('reset')));
    await follow(request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`));
    await expect(ahead.take(request('/secrets?api-version=7.5&$skiptoken=2'))).rejects.toThrow('reset');
  });

  it('are not asked for ahead any more once another one was asked for than the last page named', async () => {
    const { ahead, asked, follow } = list();
    await follow(request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`));
    const other = request('/secrets?api-version=7.5&$skiptoken=two');
    expect(ahead.take(other)).toBeNull();
    await follow(other, page(`${VAULT}/secrets?api-version=7.5&$skiptoken=3`));
    expect(asked).toHaveLength(1);
  });

  it.each([
    [
      'of another host',
      request('/secrets'),
      page('https://else.vault.azure.net/secrets?api-version=7.5&$skiptoken=2'),
    ],
    [
      'without TLS',
      request('/secrets'),
      page('http://shop.vault.azure.net/secrets?api-version=7.5&$skiptoken=2'),
    ],
    [
      'without the version that the SDK would add',
      request('/secrets'),
      page(`${VAULT}/secrets?$skiptoken=2`),
    ],
    ['that is no address', request('/secrets'), page('2')],
    ['of a refusal', request('/secrets'), page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`, 401)],
    [
      'of a change',
      request('/secrets/a', { method: 'PATCH' }),
      page(`${VAULT}/secrets?api-version=7.5&$skiptoken=2`),
    ],
    ['of the last page', request('/secrets'), page(null)],
    [
      'that is a tag of the last page',
      request('/secrets'),
      { status: 200, bodyAsText: `{"value":[{"tags":{"nextLink":"${VAULT}/secrets"}}]}` } as Response,
    ],
    ['of what is no JSON', request('/secrets'), { status: 200, bodyAsText: '"nextLink"' } as Response],
  ])('are not asked for ahead by a link %s', async (_what, of, response) => {
    const { asked, follow } = list();
    await follow(of, response);
    expect(asked).toEqual([]);
  });
});
