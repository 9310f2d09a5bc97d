import type { IsoDuration } from './address.ts';
import type { DeclaredSecret, Effect, RefusalProbe, Setting } from './declared.ts';
import { millisecondsOf } from './duration.ts';
import type { SettingProblem } from './setting.ts';
import { urlProblem, variableProblem, webAddressProblem } from './setting.ts';

/** The longest timeout of one program or request. */
const LONGEST = 'PT1H';
const MAX_ANSWER = 256;
const MAX_AROUND = 1_024;
const MAX_EFFECT_NAME = 100;

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** These say how a request is sent, or are written by keyturn itself. */
const OWN_HEADERS =
  /^(host|connection|content-length|content-type|transfer-encoding|te|trailer|upgrade|expect|keep-alive|idempotency-key)$/i;
const SECRET_HEADER = /authorization|cookie|token|secret|password|api-?key|signature/i;
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * What is wrong with what a secret declares to be done outside, and what to write instead. One rule for the synth
 * and for the reader of a manifest, which may come from a pull request. Durations that are none are not its matter.
 */
export function hookProblems(
  secret: Pick<DeclaredSecret, 'source' | 'revoke' | 'refused' | 'onCompromise'>,
): SettingProblem[] {
  const { source, revoke, refused, onCompromise = [] } = secret;
  const problems: SettingProblem[] = [];
  if (revoke !== undefined) problems.push(...programProblems('revoke', revoke));
  if (refused !== undefined) problems.push(...probeProblems(refused));
  if (refused?.kind === 'http' && source.kind === 'keyPair') {
    problems.push({
      what: 'refused sends a key pair in a header, and its line breaks fit in none',
      next: 'use Probe.refused.command, which gets it on standard input',
    });
  }
  problems.push(...onCompromise.flatMap(effectProblems));
  const names = onCompromise.map(({ name }) => name);
  for (const name of new Set(names.filter((each, at) => names.indexOf(each) !== at))) {
    problems.push({ what: `two effects are called "${name}"`, next: 'give each a name of its own' });
  }
  return problems;
}

/** What is wrong with a program that a stack declares; `of` says for what, `example` what one looks like. */
export function programProblems(
  of: string,
  { argv, timeout }: { readonly argv: readonly string[]; readonly timeout: IsoDuration },
  example = "['./revoke-key', 'stripe']",
): SettingProblem[] {
  const problems = timeoutProblems(of, timeout);
  if (argv.length === 0 || argv[0] === '') {
    problems.push({
      what: `${of} has no command`,
      next: `give the program and its arguments: ${example}`,
    });
  }
  if (argv.some((argument) => argument.includes('\0')))
    problems.push({ what: `${of} has an argument with a zero byte`, next: 'leave it out' });
  return problems;
}

function timeoutProblems(of: string, timeout: IsoDuration): SettingProblem[] {
  const ms = millisecondsOf(timeout);
  if (Number.isNaN(ms) || (ms > 0 && ms <= millisecondsOf(LONGEST))) return [];
  return [{ what: `timeout "${timeout}" of ${of}`, next: `give more than zero and at most ${LONGEST}` }];
}

function probeProblems(probe: RefusalProbe): SettingProblem[] {
  switch (probe.kind) {
    case 'http':
      return [...timeoutProblems('refused', probe.timeout), ...httpProbeProblems(probe)];
    case 'tcp':
      return [...timeoutProblems('refused', probe.timeout), ...tcpProbeProblems(probe)];
    case 'command':
      if (isWithin(probe.refused, 1, 255)) return programProblems('refused', probe);
      return [
        ...programProblems('refused', probe),
        {
          what: `${probe.refused} is no exit code of a refusal`,
          next: 'give 1 to 255; 0 says that the value was accepted',
        },
      ];
  }
}

function httpProbeProblems(probe: Extract<RefusalProbe, { kind: 'http' }>): SettingProblem[] {
  const { url, header, prefix, refused } = probe;
  const problems: SettingProblem[] = [];
  const address = webAddressProblem(url);
  if (address !== null) problems.push({ what: `the url of refused ${address.what}`, next: address.next });
  problems.push(...headerProblems('refused', header));
  if (!PRINTABLE.test(prefix)) {
    problems.push({
      what: 'the prefix of refused has characters that fit in no header',
      next: "give printable ones: 'Bearer '",
    });
  }
  if (refused.length === 0)
    problems.push({ what: 'refused names no status', next: 'give those of a refusal: [401, 403]' });
  for (const status of refused) {
    if (isWithin(status, 300, 599)) continue;
    problems.push({
      what: `${status} is no status of a refusal`,
      next: 'give 300 to 599; 200 to 299 says that the value was accepted',
    });
  }
  return problems;
}

function tcpProbeProblems(probe: Extract<RefusalProbe, { kind: 'tcp' }>): SettingProblem[] {
  const { host, port, before, after, refused, accepted } = probe;
  const problems: SettingProblem[] = [];
  if (!/^[a-zA-Z0-9._-]{1,253}$|^(?=.*:.*:)[0-9a-fA-F:.]{2,45}$/.test(host)) {
    problems.push({
      what: `"${host}" is no host to probe`,
      next: 'give a name or an address by itself; the port is a field of its own',
    });
  }
  if (!isWithin(port, 1, 65_535))
    problems.push({ what: `${port} is no port to probe`, next: 'give 1 to 65535' });
  if (before.length > MAX_AROUND || after.length > MAX_AROUND) {
    problems.push({
      what: 'what refused sends around the value is too long',
      next: `give at most ${MAX_AROUND} characters before and after it, or use Probe.refused.command`,
    });
  }
  for (const [field, text] of Object.entries({ refused, accepted })) {
    if (text.length > 0 && text.length <= MAX_ANSWER) continue;
    problems.push({
      what: `"${text.slice(0, 40)}" is no beginning of an answer (${field})`,
      next: `give 1 to ${MAX_ANSWER} characters that tell it from any other answer`,
    });
  }
  if (refused !== '' && accepted !== '' && (refused.startsWith(accepted) || accepted.startsWith(refused))) {
    problems.push({
      what: `an answer that begins with "${refused}" and one with "${accepted}" cannot be told apart`,
      next: 'give more of both, up to where they differ',
    });
  }
  return problems;
}

function effectProblems(effect: Effect): SettingProblem[] {
  const of = `effect "${effect.name.slice(0, MAX_EFFECT_NAME)}"`;
  const problems: SettingProblem[] = [];
  if (!/^[^\p{C}]*[^\p{C}\s][^\p{C}]*$/u.test(effect.name) || effect.name.length > MAX_EFFECT_NAME) {
    problems.push({
      what: 'an effect has no name that can be shown',
      next: `say what it does, in at most ${MAX_EFFECT_NAME} characters: 'end all sessions'`,
    });
  }
  if (effect.kind === 'command') return [...problems, ...programProblems(of, effect)];
  problems.push(...timeoutProblems(of, effect.timeout));
  const url = urlProblem(effect.url);
  if (url !== null) problems.push({ what: `the url of ${of} ${url.what}`, next: url.next });
  const names = Object.keys(effect.headers).map((name) => name.toLowerCase());
  for (const name of new Set(names.filter((each, at) => names.indexOf(each) !== at)))
    problems.push({
      what: `${of} has the header "${name}" twice`,
      next: 'give it once; case does not count',
    });
  for (const [name, setting] of Object.entries(effect.headers))
    problems.push(...headerProblems(of, name), ...headerTextProblems(of, name, setting));
  return problems;
}

function headerProblems(of: string, name: string): SettingProblem[] {
  if (!HEADER.test(name))
    return [{ what: `"${name}" of ${of} is no name of a header`, next: 'use letters, digits and hyphens' }];
  if (!OWN_HEADERS.test(name)) return [];
  return [{ what: `the header "${name}" of ${of} is written by keyturn`, next: 'use another header' }];
}

function headerTextProblems(of: string, name: string, setting: Setting): SettingProblem[] {
  const where = `the header "${name}" of ${of}`;
  if ('env' in setting) {
    const problem = variableProblem(setting.env);
    return problem === null ? [] : [{ what: `${where} ${problem.what}`, next: problem.next }];
  }
  if (SECRET_HEADER.test(name)) {
    return [
      {
        what: `${where} lets somebody in, and a manifest is read by many`,
        next: "put its text into the environment of apply and write fromEnvironment('NAME')",
      },
    ];
  }
  if (PRINTABLE.test(setting.text)) return [];
  return [{ what: `${where} has characters that fit in none`, next: 'give printable ones' }];
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
