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
function list(answer: () => Promise<Response> = () => Promise.resolve(page(null))) {
  const asked: string[] = [];
  const ahead = new ReadAhead();
  const follow = (of: Request, response: Response): Promise<void> =>
    ahead.follow(of, response, ({ url }) => {
      asked.push(url);
      return answer();
    });
  return { ahead, asked, follow };
}

describe('the pages of a list', () => {
  it('are each asked for once, and what asks for the page that comes next gets the answer', async () => {
    const { ahead, asked, follow } = list();
    const first = request('/secrets?maxresults=25');
    expect(ahead.take(first)).toBeNull();
    await follow(first, page(`${VAULT}:443/secrets?$skiptoken=2`));
    expect(asked).toEqual([`${VAULT}/secrets?$skiptoken=2`]);

    const second = request(':443/secrets?$skiptoken=2');
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
      `{"nextLink":"${VAULT}/secrets?$skiptoken=2","value":[{"tags":{"nextLink":"x"}}]}`,
    ],
    [
      'is named behind a tag of that name',
      `{"value":[{"tags":{"nextLink":"x"}}],"nextLink":"${VAULT}/secrets?$skiptoken=2"}`,
    ],
    [
      'has its name in a tag',
      `{"value":[{"tags":{"a":"\\"nextLink\\":\\"x\\"}"}}],"nextLink":"${VAULT}/secrets?$skiptoken=2" }`,
    ],
  ])('are found where the next one %s', async (_where, bodyAsText) => {
    const { asked, follow } = list();
    await follow(request('/secrets'), { status: 200, bodyAsText } as Response);
    expect(asked).toEqual([`${VAULT}/secrets?$skiptoken=2`]);
  });

  it('that follow a failed one fail where they are asked for, and nowhere else', async () => {
    const { ahead, follow } = list(() => Promise.reject(new Error('reset')));
    await follow(request('/secrets'), page(`${VAULT}/secrets?$skiptoken=2`));
    await expect(ahead.take(request('/secrets?$skiptoken=2'))).rejects.toThrow('reset');
  });

  it('are not asked for ahead any more once another one was asked for than the last page named', async () => {
    const { ahead, asked, follow } = list();
    await follow(request('/secrets'), page(`${VAULT}/secrets?$skiptoken=2`));
    const other = request('/secrets?$skiptoken=two');
    expect(ahead.take(other)).toBeNull();
    await follow(other, page(`${VAULT}/secrets?$skiptoken=3`));
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['of another host', request('/secrets'), page('https://else.vault.azure.net/secrets?$skiptoken=2')],
    ['without TLS', request('/secrets'), page('http://shop.vault.azure.net/secrets?$skiptoken=2')],
    ['that is no address', request('/secrets'), page('2')],
    ['of a refusal', request('/secrets'), page(`${VAULT}/secrets?$skiptoken=2`, 401)],
    ['of a change', request('/secrets/a', { method: 'PATCH' }), page(`${VAULT}/secrets?$skiptoken=2`)],
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
