import type { Instant } from '../../src/model/address.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { StatusRow } from '../../src/model/status.ts';
import { byAttention } from '../../src/model/status.ts';

const SERVICES = ['billing', 'booking', 'gateway', 'ledger', 'mailer', 'planner', 'routing', 'tickets'];
const KEYS = ['api-key', 'db-reader', 'db-writer', 'jwt-key', 'smtp-password'];

/** Days from 2026-11-22 on, as an instant at 03:00. */
const day = (days: number): Instant =>
  new Date(Date.parse('2026-11-22T03:00:00Z') + days * 86_400_000).toISOString().replace('.000', '');

function calm(index: number): StatusRow {
  const name = `${SERVICES[index % 8]}-${KEYS[Math.floor(index / 8) % 5]}${index < 40 ? '' : `-${Math.floor(index / 40) + 1}`}`;
  const soaks = index % 17 === 0;
  return {
    address: secretAddress('busflow-prod', name),
    path: `busflow/${name}`,
    name,
    current: 3 + (index % 9),
    prior: soaks ? 2 + (index % 9) : null,
    rotatedAt: soaks ? day(-1) : day(-(index % 80) - 4),
    cadence: 'quarterly, first monday 03:00 Europe/Berlin',
    windows: ['daily 02:00-05:00 Europe/Berlin'],
    nextDue: day(43 + 91 * (index % 2)),
    due: 'no',
    opens: null,
    waitsFor: null,
    overdueAt: day(44 + 91 * (index % 2)),
    frozen: null,
    soakUntil: soaks ? day(1 + (index % 3)) : null,
    wayBackGone: null,
    consumers: [
      {
        address: consumerAddress('prod', `busflow_${SERVICES[index % 8]}`),
        reads: 3 + (index % 9),
        inStep: true,
        settleAfter: soaks ? day(3) : null,
        parked: null,
      },
    ],
    held: null,
    letsGo: null,
    awaiting: false,
    retiring: [],
    pinned: [],
    vault: 'ok',
    note: null,
  };
}

const TROUBLE: ReadonlyMap<number, Partial<StatusRow>> = new Map([
  [31, { pinned: ['swarm://staging/busflow_tickets pins v3'] }],
  [58, { due: 'overdue', nextDue: day(-48), overdueAt: day(-47) }],
  [
    77,
    {
      due: 'due',
      nextDue: day(-1),
      held: 'since 2026-11-21T03:04:12Z: 2 tasks of "busflow_planner" failed on the expected secrets',
      letsGo:
        'when the reason is mended: `keyturn apply --rotate vault://busflow-prod/planner-smtp-password-2`',
    },
  ],
  [101, { due: 'due', nextDue: day(0), awaiting: true }],
  [
    120,
    {
      due: 'due',
      nextDue: day(-2),
      opens: '2027-01-04T01:00:00Z',
      waitsFor: 'freeze (year end), window (daily 02:00-05:00 Europe/Berlin)',
      frozen: { until: '2027-01-03T23:00:00Z', reason: 'year end', path: 'busflow/year-end' },
    },
  ],
  [
    144,
    {
      consumers: [
        {
          address: consumerAddress('prod', 'busflow_billing'),
          reads: 3,
          inStep: true,
          settleAfter: day(2),
          parked: null,
        },
        {
          address: consumerAddress('prod', 'busflow_reports'),
          reads: 2,
          inStep: false,
          settleAfter: null,
          parked: null,
        },
      ],
    },
  ],
  [163, { vault: 'absent', note: 'v4 is recorded, but the vault does not list ledger-api-key-5' }],
]);

/** 200 secrets of which six need attention, as `status` orders them. */
export const manySecrets: readonly StatusRow[] = Array.from({ length: 200 }, (_, index) => ({
  ...calm(index),
  ...TROUBLE.get(index),
})).sort(byAttention);
