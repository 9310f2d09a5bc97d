import type { Effect, RefusalProbe, Revocation, Setting } from '../model/declared.ts';
import { millisecondsOf } from '../model/duration.ts';
import type { Fault } from '../model/fault.ts';
import { guarded } from '../model/guard.ts';
import type { HookContext, Hooks } from '../model/hooks.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { webAddressProblem } from '../model/setting.ts';
import type { Ended, HookEnvironment } from './hooks-command.ts';
import { childEnvironment, runProgram, saidOf } from './hooks-command.ts';
import type { Tried } from './hooks-faults.ts';
import {
  acceptedFault,
  effectFault,
  proofFault,
  revokeFault,
  smokeFault,
  throwIfStopped,
} from './hooks-faults.ts';
import { isGood, post, saidOf as saidOfStatus, tryOverHttp } from './hooks-http.ts';
import { Output } from './hooks-output.ts';
import { tryOverTcp } from './hooks-tcp.ts';

export interface HooksOptions {
  /** Of keyturn: variables that a stack names are looked up in it, and programs see what they need of it. */
  readonly environment: HookEnvironment;
  /** How long a program has between SIGTERM and SIGKILL, and how long before an address is asked again. */
  readonly pace?: Pace;
}

interface Pace {
  readonly graceMs: number;
  readonly retryMs: number;
}

type EffectContext = Parameters<Hooks['effect']>[1];

const PACE: Pace = { graceMs: 2_000, retryMs: 1_000 };

/** Runs what a stack declares to be done outside of vaults and platforms. Connects nothing before it is called. */
export function connectHooks({ environment, pace = PACE }: HooksOptions): Hooks {
  const program = (
    { argv, timeout }: Pick<Revocation, 'argv' | 'timeout'>,
    input: SecretValue | string,
    context: HookContext & { readonly idempotencyKey?: string },
    signal?: AbortSignal,
  ): Promise<Ended> =>
    runProgram(
      {
        argv,
        input,
        environment: childEnvironment(environment, context),
        timeoutMs: millisecondsOf(timeout),
        graceMs: pace.graceMs,
      },
      signal,
    );
  return {
    revoke: async (revocation, value, context, signal) => {
      const name = programName(revocation.argv);
      throwIfStopped(name, context.secret, signal);
      const ended = await program(revocation, value, context, signal);
      if (ended.kind === 'stopped') throwIfStopped(name, context.secret, signal);
      const said = `${name} ${saidOf(ended, revocation.timeout)}`;
      if (isDone(ended)) return `revoked: ${said}`;
      throw revokeFault(said, context);
    },

    prove: (probe, value, control, context, signal) => {
      const attempt = (each: SecretValue): Promise<Tried> => {
        switch (probe.kind) {
          case 'http':
            return tryOverHttp(probe, each, signal);
          case 'tcp':
            return tryOverTcp(probe, each, signal);
          case 'command':
            return program(probe, each, context, signal).then((ended) => judged(ended, probe));
        }
      };
      return prove(probe, value, control, attempt, context, signal);
    },

    effect: async (effect, context, signal) => {
      const name =
        effect.kind === 'command' ? programName(effect.argv) : addressName(effect.url, effect.method);
      throwIfStopped(name, context.secret, signal);
      if (effect.kind === 'http') return sendEffect(effect, name, context, environment, pace, signal);
      const ended = await program(effect, `${bodyOf(effect, context)}\n`, context, signal);
      if (ended.kind === 'stopped') throwIfStopped(name, context.secret, signal);
      const said = `${name} ${saidOf(ended, effect.timeout)}`;
      if (isDone(ended)) return said;
      throw effectFault(effect.name, said, context);
    },

    smoke: async (test, stack, signal) => {
      const name = programName(test.argv);
      const stop = (): void => throwIfStopped(name, stack, signal, 'what it tries is not known to be good');
      stop();
      const output = new Output();
      const ended = await runProgram(
        {
          argv: test.argv,
          input: '',
          environment: childEnvironment(environment, { stack }),
          timeoutMs: millisecondsOf(test.timeout),
          graceMs: pace.graceMs,
          output,
          ...(test.directory === null ? {} : { directory: test.directory }),
        },
        signal,
      );
      if (ended.kind === 'stopped') stop();
      const said = `${name} ${saidOf(ended, test.timeout)}`;
      if (isDone(ended)) return { proof: `passed: ${said}`, output: output.tail() };
      const place = ended.kind === 'not-started' && test.directory !== null ? ` in "${test.directory}"` : '';
      throw smokeFault(test.name, `${said}${place}`, stack, output.tail());
    },
  };
}

/** The control first, where there is one: a probe that refuses everything would bury the living with the dead. */
async function prove(
  probe: RefusalProbe,
  value: SecretValue,
  control: SecretValue | null,
  attempt: (value: SecretValue) => Promise<Tried>,
  context: HookContext,
  signal?: AbortSignal,
): Promise<string> {
  const name = probeName(probe);
  throwIfStopped(name, context.secret, signal);
  const living = control === null ? null : await attempt(control);
  throwIfStopped(name, context.secret, signal);
  if (living !== null && living.verdict !== 'accepted') {
    const what = 'the probe did not accept the current value, so a refusal proves nothing';
    throw proofFault(`${what}: ${name} ${living.said}`, context);
  }
  const tried = await attempt(value);
  if (tried.verdict === 'accepted') throw acceptedFault(name, tried.said, context);
  if (tried.verdict === 'unclear') {
    throwIfStopped(name, context.secret, signal);
    const what = `the probe of v${context.before} told neither a refusal nor an acceptance`;
    throw proofFault(`${what}: ${name} ${tried.said}`, context);
  }
  const before = living === null ? '' : `; the current value was accepted (it ${living.said})`;
  return `refused: ${name} ${tried.said}${before}`;
}

function judged(ended: Ended, probe: Extract<RefusalProbe, { kind: 'command' }>): Tried {
  const said = saidOf(ended, probe.timeout);
  if (isDone(ended)) return { verdict: 'accepted', said };
  const isRefusal = ended.kind === 'exited' && ended.code === probe.refused;
  return { verdict: isRefusal ? 'refused' : 'unclear', said };
}

async function sendEffect(
  effect: Extract<Effect, { kind: 'http' }>,
  name: string,
  context: EffectContext,
  environment: HookEnvironment,
  pace: Pace,
  signal?: AbortSignal,
): Promise<string> {
  const failed = (what: string): Fault => effectFault(effect.name, what, context);
  const settings = [effect.url, ...Object.values(effect.headers)];
  const missing = settings.flatMap((setting) =>
    'env' in setting && !environment[setting.env] ? [setting.env] : [],
  );
  if (missing.length > 0)
    throw failed(`not set in the environment: ${[...new Set(missing)].join(', ')}; nothing was sent`);
  const textOf = (setting: Setting): string =>
    'env' in setting ? (environment[setting.env] ?? '') : setting.text;
  const problem = webAddressProblem(textOf(effect.url));
  if (problem !== null) throw failed(`${placeName(effect.url)} ${problem.what}; nothing was sent`);
  const headers = {
    ...Object.fromEntries(
      Object.entries(effect.headers).map(([header, setting]) => [
        header,
        // What the environment holds lets us in there; what is declared is for everybody to read.
        'env' in setting ? textOf(setting) : guarded(setting.text),
      ]),
    ),
    'content-type': 'application/json',
    'idempotency-key': context.idempotencyKey,
  };
  const answer = await post(
    {
      url: textOf(effect.url),
      method: effect.method,
      headers,
      body: bodyOf(effect, context),
      timeoutMs: millisecondsOf(effect.timeout),
      retryMs: pace.retryMs,
    },
    signal,
  );
  const tries = answer.tries === 1 ? '' : ` (${answer.tries} tries)`;
  const said = `${name} ${'none' in answer ? answer.none : saidOfStatus(answer.status)}${tries}`;
  if ('status' in answer && isGood(answer.status)) return said;
  throwIfStopped(name, context.secret, signal);
  throw failed(said);
}

/**
 * Names, versions and times, never a value: what whoever brings an effect about is told. Free text goes through the
 * guard; addresses stay what they are, because they say what has to be done.
 */
function bodyOf(effect: Effect, context: EffectContext): string {
  const { stack, secret, before, now, incident, at, idempotencyKey } = context;
  return JSON.stringify({
    format: 1,
    effect: guarded(effect.name),
    stack,
    secret,
    before,
    now,
    incident: incident === null ? null : guarded(incident),
    at,
    idempotencyKey,
  });
}

function isDone(ended: Ended): boolean {
  return ended.kind === 'exited' && ended.code === 0;
}

function probeName(probe: RefusalProbe): string {
  switch (probe.kind) {
    case 'http':
      return `${probe.method} ${probe.url}`;
    case 'tcp':
      return `tcp ${probe.host}:${probe.port}`;
    case 'command':
      return programName(probe.argv);
  }
}

/** Its arguments are not said: nobody promised that nothing secret is among them. */
function programName(argv: readonly string[]): string {
  return `"${argv[0] ?? ''}"`;
}

function addressName(url: Setting, method: string): string {
  return 'env' in url ? placeName(url) : `${method} ${url.text}`;
}

function placeName(url: Setting): string {
  return 'env' in url ? `the address in ${url.env}` : `the address ${url.text}`;
}
