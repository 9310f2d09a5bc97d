import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import {
  Cadence,
  Duration,
  Freeze,
  KeyVault,
  Probe,
  Secret,
  Source,
  Swarm,
  SwarmService,
  Window,
} from '../../../src/declare/declare.ts';

const BERLIN = { timeZone: 'Europe/Berlin' };
const quarterly = Cadence.quarterly({
  on: 'first monday',
  at: '03:00',
  offset: Duration.days(1),
  ...BERLIN,
});

/** Small, and every kind of property once: what small.keyturn.json beside it is made from. */
export class SmallStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'shop-prod', auth: 'workload', terraform: false });
    const swarm = new Swarm(this, 'swarm', {
      endpoint: 'ssh://deploy@manager-1',
      restarts: { atOnce: 2, pause: Duration.minutes(5) },
    });

    const writer = new Secret(this, 'db-writer', {
      vault,
      owner: 'platform',
      source: Source.random({ bytes: 32 }),
      cadence: quarterly,
      generation: 2,
      tags: { team: 'shop' },
    });
    const reader = new Secret(this, 'db-reader', {
      vault,
      name: 'db-reader-eu',
      source: Source.manual({ instructions: 'ask the DBA' }),
      cadence: Cadence.every(Duration.days(90), { from: '2026-01-05', at: '02:30', timeZone: 'UTC' }),
      soak: 'PT24H',
      windows: [
        Window.weekly({ days: ['tuesday', 'monday'], from: '22:00', until: '04:00', ...BERLIN }),
        Window.daily({ from: '12:00', until: '12:30', ...BERLIN }),
      ],
      grace: Duration.days(2),
      dependsOn: [writer],
    });
    writer.together(reader);
    const key = new Secret(this, 'signing-key', {
      vault,
      source: Source.keyPair({ algorithm: 'ec' }),
      cadence: Cadence.cron('0 3 * JAN,APR,JUL,OCT MON#2', BERLIN),
      derivedFrom: [writer],
      apart: [{ secret: writer, by: Duration.days(5) }],
      keep: 1,
      readers: 'latest',
    });

    new Freeze(this, 'year-end', { from: '12-18', through: '01-03', reason: 'year end', ...BERLIN });
    new Freeze(this, 'audit', { from: '2026-03-02', through: '2026-03-06', ...BERLIN, secrets: [writer] });

    const api = new SwarmService(this, 'api', {
      swarm,
      service: 'shop_api',
      mounts: [
        writer.at('db_writer'),
        reader.at('/etc/shop/db.reader', { version: 3, uid: 1000, mode: 0o400 }),
      ],
      probe: Probe.http({ path: '/healthz', port: 8080 }),
      canary: true,
    });
    new SwarmService(this, 'worker', {
      swarm,
      service: 'shop_worker',
      mounts: [key.at('signing.pem', { base: 'shop_signing' })],
      probe: Probe.command(['./smoke', 'worker']),
      settle: Duration.seconds(30),
      deadline: Duration.minutes(2),
      dependsOn: [api],
      optional: true,
    });
  }
}
