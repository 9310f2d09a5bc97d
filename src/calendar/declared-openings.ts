import type { SecretAddress } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { Openings } from './openings.ts';

/** When the calendar may rotate a secret: its windows, and the freezes that hold it. */
export function openingsOf(secret: DeclaredSecret, declared: Declared): Openings {
  return { windows: secret.windows, freezes: freezesOf([secret.address], declared) };
}

/** When what is no rotation may be done to these by date: at any time that no freeze of one of them covers. */
export function alwaysBut(secrets: readonly SecretAddress[], declared: Declared): Openings {
  return { windows: [], freezes: freezesOf(secrets, declared) };
}

function freezesOf(secrets: readonly SecretAddress[], { freezes }: Declared): Openings['freezes'] {
  return freezes.filter(
    (freeze) => freeze.secrets.length === 0 || freeze.secrets.some((address) => secrets.includes(address)),
  );
}
