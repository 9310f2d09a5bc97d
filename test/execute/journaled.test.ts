import { afterEach, describe, expect, it } from 'vitest';
import { unfinishedIn } from '../../src/execute/journaled.ts';
import { makePaint } from '../../src/report/paint.ts';
import { renderUnfinished } from '../../src/report/unfinished-text.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

/** What `plan` says of the apply that did not end, at 80 columns. */
async function said(runs: string | null = null): Promise<string> {
  const unfinished = unfinishedIn((await world.record.interrupted()) ?? []);
  if (unfinished === null) return 'nothing';
  const context = { observed: await world.observe(), recorded: await world.record.read(), runs };
  return renderUnfinished(unfinished, context, { paint: makePaint(false), width: 80 });
}

describe('an apply that did not end', () => {
  it('is told with what was done, what is live, and what becomes of it', async () => {
    world = await World.open(
      declare([secret('a'), secret('b')], [service('api', ['a']), service('web', ['b'])]),
    );
    await world.apply();
    world.later(80);
    await world.apply();
    const plan = await world.plan({ rotate: ['vault://prod-vault/a', 'vault://prod-vault/b'] });
    const verify = plan.steps.filter(({ kind }) => kind === 'verify').at(-1);
    // Verifications wait beside other work: the second group's ends just when the first one is about to be recorded.
    let [comes, dies] = [(): void => {}, (): void => {}];
    const come = new Promise<void>((resolve) => (comes = resolve));
    const dead = new Promise<void>((resolve) => (dies = resolve));
    await killedBefore(world, plan, (entry) => {
      if (entry.type === 'intent' && entry.step.kind === 'promote') {
        comes();
        return dead.then(() => true);
      }
      if (entry.type !== 'outcome' || entry.step !== verify?.id) return false;
      return come.then(() => {
        dies();
        return true;
      });
    });
    expect(await said()).toBe(
      [
        'An apply of 2026-11-25 11:00Z by tester did not end. keyturn apply ends it',
        'first, then does what is declared now.',
        '  Group g1 goes on to its end',
        '    done  mint a v2 in prod-vault (random); deliver a_v2 to prod, unused; flip 1',
        '          secret of api in one update; verify api',
        '    live  api reads a from a_v2',
        '  Group g2 is taken back: b returns to v1',
        '    done     mint b v2 in prod-vault (random); deliver b_v2 to prod, unused;',
        '             flip 1 secret of web in one update',
        '    cut off  verify web',
        '    live     web reads b from b_v2',
      ].join('\n'),
    );
    expect(await said('ann since 11:00')).toContain('is under way: ann since 11:00.');
  });

  it('is nothing to tell once only its history entry is missing', async () => {
    world = await World.open(declare([secret('a')], [service('api', ['a'])]));
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'promote'));
    expect(await said()).toContain('goes on to its end');
    await world.resume();
    expect(await said()).toBe('nothing');
  });
});
