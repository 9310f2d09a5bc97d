import type { Source as DeclaredSource } from '../model/declared.ts';

/** What makes a secret's values. */
export type Source = DeclaredSource;

export interface RandomProps {
  /** 8 to 4096; 32 unless said. */
  readonly bytes?: number;
  /** base64url unless said. */
  readonly encoding?: 'base64url' | 'base64' | 'hex';
}

export type KeyPairProps =
  | { readonly algorithm: 'ed25519' }
  | { readonly algorithm: 'ec'; readonly curve?: 'P-256' | 'P-384' | 'P-521' }
  | { readonly algorithm: 'rsa'; readonly bits?: 2048 | 3072 | 4096 };

export const Source = {
  /** Bytes of the system's random generator, as text. */
  random(props: RandomProps = {}): Source {
    return { kind: 'random', bytes: props.bytes ?? 32, encoding: props.encoding ?? 'base64url' };
  },

  /** A private key as PKCS#8 PEM; ec on P-256 and rsa of 3072 bits unless said. */
  keyPair(props: KeyPairProps): Source {
    return {
      kind: 'keyPair',
      algorithm: props.algorithm,
      curve: props.algorithm === 'ec' ? (props.curve ?? 'P-256') : null,
      bits: props.algorithm === 'rsa' ? (props.bits ?? 3072) : null,
    };
  },

  /** A person brings the value to `keyturn apply --value`; `instructions` say where to get it. */
  manual(props: { readonly instructions?: string } = {}): Source {
    return { kind: 'manual', instructions: props.instructions ?? null };
  },
} as const;
