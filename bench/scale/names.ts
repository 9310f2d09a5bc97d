/** How a world's things are called; servers and stack must agree. */
export const STACK = 'scale';
export const VAULT = 'scale-secrets';
export const SWARM = 'scale';

export const secretName = (n: number): string => `secret-${String(n).padStart(5, '0')}`;
export const baseName = (n: number): string => `secret_${String(n).padStart(5, '0')}`;
export const serviceName = (n: number): string => `service_${String(n).padStart(4, '0')}`;

/** Which secrets a service reads. */
export function secretsOf(service: number, secrets: number, services: number): number[] {
  const found: number[] = [];
  for (let n = service; n < secrets; n += services) found.push(n);
  return found;
}
