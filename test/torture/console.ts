import type { Cut } from './cut.ts';
import { Incarnation } from './incarnation.ts';
import type { Machine } from './machine.ts';
import type { Ordeal } from './ordeal.ts';
import type { ScriptAct } from './script-act.ts';
import { actOf, isChange } from './script-act.ts';
import type { Said, Shell } from './shells.ts';
import type { Trouble } from './weather.ts';

/** Behind a timeout of a client, which gives up after 30 s at the latest. */
const PATIENCE_MS = 30_000;
const MINUTE_MS = 60_000;
/** Programs that one script runs, about: a cut that is drawn behind its end does nothing. */
const STEPS = { write: 26, mark: 5, restart: 3 } as const;

/** What ssh says of a host that is not there, and of a connection that broke. */
const UNREACHED: Said = {
  code: 255,
  out: Buffer.alloc(0),
  said: 'ssh: connect to host web-1 port 22: Connection refused\n',
};

/** What becomes of each script: run or not, to its end or not, answered or not, and when. */
export class Console {
  readonly #ordeal: Ordeal;
  readonly #machine: Machine;
  /** Nobody reaches it, and its disk takes nothing more, until then. */
  #awayUntil = 0;
  #fullUntil = 0;

  constructor(ordeal: Ordeal, machine: Machine) {
    this.#ordeal = ordeal;
    this.#machine = machine;
  }

  decide(shell: Shell): void {
    const incarnation = shell.owner;
    if (!(incarnation instanceof Incarnation)) return shell.end(this.#machine.run(shell, null));
    if (incarnation.state === 'dead') return;
    const ordeal = this.#ordeal;
    const act = actOf(shell.script, this.#machine.running.root, this.#machine.files);
    if (isChange(act)) ordeal.checker.typed(incarnation, act);
    if (act.kind === 'look') ordeal.checker.listed(incarnation, 'host look', false);
    const text = `${this.#machine.name} ${act.text}`;
    const trouble = ordeal.strike(incarnation, isChange(act) ? 'run' : 'look', text);
    const call: Call = { shell, incarnation, act };
    const { ticks } = ordeal.timeline;
    ordeal.weather.isLeftOver ||= ticks < Math.max(this.#awayUntil, this.#fullUntil);
    if (ticks < this.#awayUntil) return this.#answer(call, UNREACHED);
    if (trouble !== null) return this.#spoil(call, trouble);
    this.#serve(call);
  }

  /** Everything is as it should be again. */
  clear(): void {
    this.#awayUntil = 0;
    this.#fullUntil = 0;
  }

  #serve(call: Call): void {
    this.#answer(call, this.#run(call));
  }

  #answer({ shell, incarnation, act }: Call, said: Said): void {
    if (act.kind === 'look' && said.code === 0) this.#ordeal.checker.listed(incarnation, 'host look', true);
    void incarnation.awake().then(() => shell.end(said));
  }

  #spoil(call: Call, { kind, amount }: Trouble): void {
    const { timeline } = this.#ordeal;
    const { shell, incarnation, act } = call;
    const why = `${kind}: ${act.text}`;
    const cut = (how: Cut['how']): Cut => cutAt(act, how, amount);
    switch (kind) {
      case 'killed before it is sent':
        incarnation.die(why);
        return;
      case 'killed, carried out':
        this.#run(call);
        incarnation.die(why);
        return;
      case 'killed, carried out late':
        incarnation.die(why);
        timeline.after(amount * PATIENCE_MS, () => void this.#run(call, null, true));
        return;
      case 'killed, cut short':
        this.#run(call, cut(amount < 0.5 ? 'killed' : 'hung up'));
        incarnation.die(why);
        return;
      case 'power cut':
        if (amount < 0.5) this.#run(call);
        this.#ordeal.cutPower(incarnation, why);
        return;
      case 'cut short':
        return this.#answer(call, this.#run(call, cut(amount < 0.5 ? 'killed' : 'hung up')));
      case 'a program fails':
        return this.#answer(call, this.#run(call, cut('failed')));
      case 'no right':
        return this.#answer(call, this.#run(call, cut('refused')));
      case 'no room':
        this.#fullUntil = timeline.ticks + amount * 5 * MINUTE_MS;
        return this.#answer(call, this.#run(call, cut('no room')));
      case 'out of reach':
        this.#awayUntil = timeline.ticks + amount * amount * 6 * MINUTE_MS;
        return this.#answer(call, UNREACHED);
      case 'dropped before':
        return this.#answer(call, UNREACHED);
      case 'dropped after':
        return this.#answer(call, this.#broken(this.#run(call)));
      case 'delayed':
        timeline.after(amount * 0.9 * PATIENCE_MS, () => {
          if (incarnation.state !== 'dead' && !shell.isOver) this.#serve(call);
        });
        return;
      case 'hung':
        if (amount < 0.5) shell.lastWords = this.#broken(this.#run(call));
        return;
      case 'late':
        // It had begun, or that was not heard either.
        if (amount < 0.5) shell.lastWords = this.#broken({ code: null, out: BEGUN, said: '' });
        timeline.after(PATIENCE_MS + amount * amount * 3 * MINUTE_MS, () => void this.#run(call, null, true));
        return;
      case 'suspended':
      case 'asleep':
        incarnation.suspend((0.5 + amount * 4) * MINUTE_MS, kind === 'asleep');
        return this.#serve(call);
      default:
        return this.#serve(call);
    }
  }

  /** Its end was not heard. */
  #broken({ out }: Said): Said {
    return { code: null, out: out.subarray(0, BEGUN.length), said: '' };
  }

  #run({ shell, act }: Call, given: Cut | null = null, isLate = false): Said {
    const { checker, timeline } = this.#ordeal;
    const isFull = timeline.ticks < this.#fullUntil;
    const cut = given ?? (isFull ? { at: 1, how: 'no room' as const, isBehind: false } : null);
    const before = isChange(act) ? (checker.files?.now() ?? []) : [];
    const uses = isChange(act) ? checker.admin.uses() : [];
    this.#machine.tune();
    const planted = this.#ordeal.plant?.script;
    if (isChange(act) && planted !== undefined) shell.script = planted(shell.script);
    const said = this.#machine.run(shell, cut);
    if (isChange(act)) {
      const how = cut === null ? '' : `, ${cut.how} ${cut.isBehind ? 'behind' : 'at'} its program ${cut.at}`;
      this.#ordeal.tell(`  ${this.#machine.name} ran it${how}: ${wordsOf(said)}`);
      checker.ran(before, uses, isLate || shell.isOver);
    }
    return said;
  }
}

const BEGUN = Buffer.from('keyturn-begin\n');

interface Call {
  readonly shell: Shell;
  readonly incarnation: Incarnation;
  readonly act: ScriptAct;
}

function cutAt(act: ScriptAct, how: Cut['how'], amount: number): Cut {
  const steps = act.kind === 'write' || act.kind === 'mark' || act.kind === 'restart' ? STEPS[act.kind] : 2;
  // What is left of the number behind the one that says how.
  const place = (amount * 997) % 1;
  return { at: 1 + Math.floor(place * steps), how, isBehind: (amount * 4001) % 1 < 0.5 };
}

/** Its answer, without what differs from one run to the next. */
function wordsOf({ code, out }: Said): string {
  const lines = out.toString('utf8').split('\n').slice(1, -2).join(' ');
  const end = /keyturn-end (\d+)/.exec(out.toString('utf8'))?.[1];
  return `${end ?? (code === null ? 'no end' : `ended with ${code}`)} ${lines.replaceAll(/\d{4,}[\d.]*/g, '…')}`.trim();
}
