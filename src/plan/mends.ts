import type { Address } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Finding } from '../model/finding.ts';
import type { View } from './view.ts';
import { barsOf, laterOf } from './when.ts';

/** What drifted, before it is known whose it is and where that is declared. */
export interface Drift extends Omit<Finding, 'stack' | 'place'> {
  /** A new version of this secret mends it, and nothing bars that now. Absent: it does not, or must wait. */
  readonly rotates?: true;
}

/** The command that does for one secret or consumer what is declared. */
export function applyTo(address: Address): string {
  return `keyturn apply --target ${address}`;
}

/** A new version everywhere: at once, or from when nothing that soaks bars it. */
export function rotation(secret: DeclaredSecret, view: View): Pick<Drift, 'next' | 'rotates'> {
  const isManual = secret.source.kind === 'manual';
  const command = `keyturn apply ${isManual ? `--value ${secret.address}=-` : `--rotate ${secret.address}`}`;
  const until = laterOf(view.now, ...barsOf(secret, view).map((bar) => bar.until));
  if (until > view.now) return { next: `once nothing soaks that bars it, after ${until}: ${command}` };
  return isManual ? { next: command } : { next: command, rotates: true };
}

/** Enables one version. */
export function enabling({ vault, name }: DeclaredSecret, storeId: string): string {
  return `az keyvault secret set-attributes --vault-name ${vault} --name ${name} --version ${storeId} --enabled true`;
}

/** Recovers a deleted secret with all of its versions. */
export function recovering({ vault, name }: DeclaredSecret): string {
  return `az keyvault secret recover --vault-name ${vault} --name ${name}`;
}

/** Writes tags of one version anew: all of them, because what is not named is taken away. */
export function tagging(
  { vault, name }: DeclaredSecret,
  storeId: string,
  tags: Readonly<Record<string, string>>,
): string {
  const pairs = Object.entries(tags).map(([key, value]) => shellWord(`${key}=${value}`));
  return `az keyvault secret set-attributes --vault-name ${vault} --name ${name} --version ${storeId} --tags ${pairs.join(' ')}`;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
