import { expect, test } from 'vitest';
import { describeHosts, openHost } from './hosts.ts';
import { freshValue, installTracker } from './tracker-host.ts';

describeHosts('the tracker on a host', () => {
  test('reads forty lines, and does what the word of its value says', async () => {
    const { host } = await openHost();
    const { unit, path, text, values } = await installTracker(host);
    expect(text.split('\n')).toHaveLength(41);
    expect(await host.environmentOf(unit)).toMatchObject({
      ...values,
      FEATURE_GREETING: 'Say "hello" to $USER',
    });
    const status = () => host.run('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '127.0.0.1:8080');
    const restartWith = async (word: string) => {
      await host.write(path, text.replace(values.JWT_SECRET, freshValue(word)), 0o640);
      await host.run('systemctl', 'reset-failed', unit);
      await host.run('systemctl', 'restart', unit);
    };
    expect(await status()).toBe('200');
    await restartWith('sick');
    expect(await status()).toBe('503');
    await restartWith('late');
    await expect.poll(() => host.property(unit, 'ExecMainStatus'), { timeout: 10_000 }).toBe('4');
    await expect(restartWith('mute')).rejects.toThrow(/timeout/);
    await expect(restartWith('bad')).rejects.toThrow(/exited with error code/);
    // Nothing of the tracker's is printed: what a search of the host's files finds was written by somebody else.
    expect(await host.filesWith(values.JWT_SECRET)).toEqual([]);
    expect(await host.filesWith(values.VALKEY_PASSWORD)).toEqual([path]);
  });
});
