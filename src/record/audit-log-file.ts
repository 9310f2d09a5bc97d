import { z } from 'zod';
import type { AuditRow } from '../model/audit-row.ts';
import { Fault } from '../model/fault.ts';

/**
 * One line of a diagnostic setting's blobs (`operationName`, `properties`), or one row of a Log Analytics export: of the
 * table AZKVAuditLogs (`OperationName`, `Id`) or of AzureDiagnostics (`id_s`). Names: Microsoft's Key Vault logging page and
 * its table reference.
 */
const rowSchema = z.looseObject({
  time: z.string().optional(),
  TimeGenerated: z.string().optional(),
  operationName: z.string().optional(),
  OperationName: z.string().optional(),
  properties: z
    .looseObject({
      id: z.string().optional(),
      requestUri: z.string().optional(),
      httpStatusCode: z.coerce.number().optional(),
    })
    .optional(),
  Id: z.string().optional(),
  id_s: z.string().optional(),
  RequestUri: z.string().optional(),
  requestUri_s: z.string().optional(),
  HttpStatusCode: z.coerce.number().optional(),
  httpStatusCode_d: z.coerce.number().optional(),
});

/** `https://shop.vault.azure.net/secrets/db/0123…`; a request's address has a query and may lack the version. */
const SECRET_URI = /^https?:\/\/([^/]+)\/secrets\/([0-9A-Za-z-]+)(?:\/([0-9A-Za-z]+))?\/?(?:\?.*)?$/;

/**
 * The rows of an exported audit log of Key Vault that changed a secret, in order of time: JSON lines, a JSON list, or
 * `{"records": […]}`, as Azure writes and exports them. Rows of other operations, failed ones, and those of other
 * categories are left out. A text that is none of these is a `bad-file`.
 */
export function parseAuditLog(text: string, where: string): AuditRow[] {
  const rows = documentsIn(text, where).flatMap((document) => {
    const parsed = rowSchema.safeParse(document);
    return parsed.success ? rowOf(parsed.data) : [];
  });
  return rows.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function rowOf(row: z.infer<typeof rowSchema>): AuditRow[] {
  const act = { SecretSet: 'set' as const, SecretUpdate: 'update' as const }[
    row.operationName ?? row.OperationName ?? ''
  ];
  const time = Date.parse(row.time ?? row.TimeGenerated ?? '');
  const status = row.properties?.httpStatusCode ?? row.HttpStatusCode ?? row.httpStatusCode_d ?? 200;
  if (act === undefined || Number.isNaN(time) || status < 200 || status >= 300) return [];
  const uris = [
    row.properties?.id,
    row.Id,
    row.id_s,
    row.properties?.requestUri,
    row.RequestUri,
    row.requestUri_s,
  ];
  const found = uris.flatMap((uri) => {
    const match = SECRET_URI.exec(uri ?? '');
    return match === null ? [] : [match];
  });
  const [, host, secret] = found[0] ?? [];
  if (host === undefined || secret === undefined) return [];
  const storeId = found.map((match) => match[3]).find((id) => id !== undefined) ?? null;
  const at = new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
  return [{ at, act, host: host.toLowerCase(), secret, storeId }];
}

function documentsIn(text: string, where: string): unknown[] {
  const whole = parsed(text);
  if (whole !== undefined) return listIn(whole);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const documents = lines.map(parsed);
  const broken = documents.findIndex((document) => document === undefined);
  if (broken < 0 && lines.length > 0) return documents.flatMap(listIn);
  throw new Fault({
    code: 'bad-file',
    what:
      lines.length === 0
        ? 'the file is empty'
        : `line ${broken + 1} is no JSON, and neither is the whole file`,
    where,
    live: 'nothing was changed',
    next: 'give the JSON lines of insights-logs-auditevent, or an export of AZKVAuditLogs as JSON',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function listIn(document: unknown): unknown[] {
  if (Array.isArray(document)) return document as unknown[];
  if (typeof document !== 'object' || document === null) return [];
  for (const key of ['records', 'value']) {
    const list: unknown = (document as Record<string, unknown>)[key];
    if (Array.isArray(list)) return list as unknown[];
  }
  return [document];
}
