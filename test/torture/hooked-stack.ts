import type { Declared, DeclaredSecret, Effect, RefusalProbe } from '../../src/model/declared.ts';
import type { Random } from './random.ts';
import { COMMANDS } from './sources.ts';

/** The same secret with what it takes to show its death, and what else its emergency brings about. */
export function withHooks(secret: DeclaredSecret, random: Random): DeclaredSecret {
  const isRevoked = random.chance(0.4);
  const isInVain = random.chance(0.15);
  const isTried = random.chance(0.5);
  const control = random.chance(0.5);
  const effects = random.weighted([
    [3, 0],
    [1, 1],
    [2, 2],
  ]);
  const argv = isRevoked ? COMMANDS.tryListed : COMMANDS.tryMounted;
  const refused: RefusalProbe = { kind: 'command', argv, refused: 1, control, timeout: 'PT10S' };
  return {
    ...secret,
    ...(isRevoked
      ? {
          revoke: {
            kind: 'command',
            argv: isInVain ? COMMANDS.revokeInVain : COMMANDS.revoke,
            timeout: 'PT20S',
          },
        }
      : {}),
    ...(isTried ? { refused } : {}),
    ...(effects > 0
      ? { onCompromise: ['end sessions', 'open an issue'].slice(0, effects).map(effectOf) }
      : {}),
  };
}

function effectOf(name: string): Effect {
  return { name, timeout: 'PT15S', kind: 'command', argv: ['effect', name] };
}

/** The secret without one of these; undefined: it has none. */
export function lessHooked(secret: DeclaredSecret): DeclaredSecret | undefined {
  const { revoke, refused, onCompromise, ...plain } = secret;
  if (onCompromise !== undefined) return { ...plain, ...(revoke && { revoke }), ...(refused && { refused }) };
  if (refused !== undefined) return { ...plain, ...(revoke && { revoke }) };
  return revoke === undefined ? undefined : plain;
}

/** How many commands a stack declares. */
export function hooksIn({ secrets }: Declared): number {
  return secrets.reduce(
    (sum, { revoke, refused, onCompromise = [] }) =>
      sum + (revoke === undefined ? 0 : 1) + (refused === undefined ? 0 : 1) + onCompromise.length,
    0,
  );
}

export function hooksInWords({ revoke, refused, onCompromise = [] }: DeclaredSecret): string[] {
  return [
    revoke === undefined ? '' : revoke.argv.join(' '),
    refused?.kind === 'command' ? `${refused.argv.join(' ')}${refused.control ? ' with a control' : ''}` : '',
    ...onCompromise.map(({ name }) => `effect '${name}'`),
  ];
}
