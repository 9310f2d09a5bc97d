import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Source } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import { SecretValue } from '../model/secret-value.ts';

/**
 * A new value for a source that needs no person, from the system's random generator. A key pair's value is its
 * private key as PKCS#8 PEM; the public key can be derived from it. Throws for a manual source.
 */
export function generateValue(source: Source): SecretValue {
  switch (source.kind) {
    case 'random':
      return new SecretValue(randomBytes(source.bytes).toString(source.encoding));
    case 'keyPair':
      return new SecretValue(privateKey(source));
    case 'manual':
      throw new Fault({ code: 'value-missing', what: "a manual secret needs a person's value" });
  }
}

function privateKey(source: Extract<Source, { kind: 'keyPair' }>): string {
  switch (source.algorithm) {
    case 'ed25519':
      return pem(generateKeyPairSync('ed25519').privateKey);
    case 'ec':
      return pem(generateKeyPairSync('ec', { namedCurve: source.curve ?? 'P-256' }).privateKey);
    case 'rsa':
      return pem(generateKeyPairSync('rsa', { modulusLength: source.bits ?? 3072 }).privateKey);
  }
}

function pem(key: ReturnType<typeof generateKeyPairSync>['privateKey']): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
