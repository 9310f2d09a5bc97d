import type { Setting } from './declared.ts';

/** What is wrong, behind the words that say of what, and what to write instead. The wrong text is not in it. */
export interface SettingProblem {
  readonly what: string;
  readonly next: string;
}

/** Whoever may name a variable could send it to a host of his choice: what we sign in with is nobody else's. */
const OURS = /^(AZURE|ARM|ACTIONS|DOCKER|KEYTURN|TF)_/i;
const KNOWN_WEBHOOK =
  /^(hooks\.slack(-gov)?\.com|(canary\.|ptb\.)?discord(app)?\.com|.+\.webhook\.office\.com|chat\.googleapis\.com)$/;
const TOKEN_NAME =
  /^(access_?|auth_?|api_?)?(token|key|sig|signature|secret|password|passwd|pwd|code|auth|apikey)$/i;

/** What is wrong with an address that something of ours is sent to, or null: https, or http on loopback. */
export function webAddressProblem(text: string): SettingProblem | null {
  if (!URL.canParse(text)) return { what: 'is no address', next: 'write it whole: https://host/path' };
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:')
    return { what: 'is no address of the web', next: 'write it as https://host/path' };
  if (username !== '' || password !== '') {
    return {
      what: 'has a user or a password in it',
      next: "leave them out; what lets somebody in goes into a header, as fromEnvironment('NAME')",
    };
  }
  if (protocol === 'http:' && !isLoopback(hostname)) {
    return {
      what: 'goes to another machine without TLS',
      next: 'write https://…; http is taken on loopback only',
    };
  }
  return null;
}

function isLoopback(hostname: string): boolean {
  return /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname);
}

/** Whether an address looks as if whoever knows it were let in: a webhook's, or one with a token in it. */
export function looksSecret(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, pathname, searchParams } = new URL(text);
  if (KNOWN_WEBHOOK.test(hostname) && pathname.length > 1) return true;
  if ([...searchParams.keys()].some((name) => TOKEN_NAME.test(name))) return true;
  // Twenty characters or more that mix digits, capitals and small letters: no word, no UUID, no commit.
  return pathname.split('/').some((part) => /^(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[\w~-]{20,}$/.test(part));
}

/** What is wrong with the name of a variable in the environment of apply, or null. */
export function variableProblem(name: string): SettingProblem | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
    return {
      what: 'names no environment variable',
      next: "give the variable's name, never its text: letters, digits and underscores, no digit first",
    };
  }
  if (!OURS.test(name)) return null;
  return {
    what: `names ${name}, which is how keyturn itself is let in`,
    next: 'use a variable of another name, for this purpose only',
  };
}

/** What is wrong with an address that is declared, or named by a variable; null: nothing that can be told now. */
export function urlProblem(url: Setting): SettingProblem | null {
  if ('env' in url) return variableProblem(url.env);
  const problem = webAddressProblem(url.text);
  if (problem !== null || !looksSecret(url.text)) return problem;
  return {
    what: 'looks as if it held a token, and a manifest is read by many',
    next: "put it into the environment of apply and write url: fromEnvironment('NAME')",
  };
}
