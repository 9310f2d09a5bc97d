import { z } from 'zod';

/** A secret in a vault. */
export const secretRef = z.templateLiteral(['vault://', z.string(), '/', z.string()]);
/** A service of a swarm, or a file on a host: `host://web-1/etc/tracker/web.env`. */
export const consumerRef = z.templateLiteral([z.enum(['swarm', 'host']), '://', z.string(), '/', z.string()]);
