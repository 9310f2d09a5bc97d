import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import {
  Cadence,
  Command,
  ComposeService,
  Duration,
  EnvFile,
  Host,
  Hosts,
  KeyVault,
  Probe,
  Secret,
  SmokeTest,
  Source,
  Swarm,
  SwarmService,
  SystemdUnit,
} from '../../../src/declare/declare.ts';

/** Hosts, with every kind of property once: what hosts.keyturn.json beside it is made from. */
export class HostsStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'shop-prod', terraform: false });
    const swarm = new Swarm(this, 'swarm');
    const here = new Host(this, 'here');
    const web = new Hosts(this, 'web', {
      hosts: [
        { name: 'web-2', endpoint: 'ssh://deploy@web-2:2222' },
        { name: 'web-1', endpoint: 'ssh://deploy@web-1' },
      ],
      sudo: true,
      restarts: { atOnce: 1, pause: Duration.minutes(2) },
    });

    const common = { vault, cadence: Cadence.onRequest(), source: Source.random() };
    const jwt = new Secret(this, 'jwt-secret', common);
    const valkey = new Secret(this, 'valkey', { ...common, name: 'valkey-password' });
    const posthog = new Secret(this, 'posthog-key', { ...common, classification: 'public' });

    const worker = new SwarmService(this, 'worker', {
      swarm,
      service: 'shop_worker',
      mounts: [jwt.at('jwt')],
    });
    const service = new EnvFile(this, 'service-env', {
      on: here,
      path: '/etc/shop/service.env',
      format: 'systemd',
      variables: [valkey.as('VALKEY_PASSWORD'), jwt.as('JWT_SECRET', { version: 3 })],
      restarts: [
        SystemdUnit.restart('shop.service'),
        SystemdUnit.reload('nginx.service'),
        Command.run(['./reread', 'shop']),
      ],
      mode: 0o640,
      owner: 'root:shop',
      canary: true,
    });
    const page = new EnvFile(this, 'web-env', {
      on: web,
      path: '/srv/shop/.env',
      format: 'compose',
      variables: [jwt.as('JWT_SECRET'), posthog.as('POSTHOG_KEY')],
      builds: [
        {
          variable: 'WEB_IMAGE',
          image: 'registry.example:5000/shop/web',
          command: ['./build-web'],
          directory: '/srv/shop',
          args: [posthog.buildArg('NEXT_PUBLIC_POSTHOG_KEY')],
        },
      ],
      restarts: [
        ComposeService.up({ service: 'web', directory: '/srv/shop' }),
        ComposeService.up({
          service: 'api',
          directory: '/srv/shop',
          files: ['docker-compose.prod.yml'],
          project: 'shop',
          program: ['docker-compose'],
          rolling: true,
        }),
      ],
      probe: Probe.http({ path: '/healthz', port: 3000 }),
      settle: Duration.seconds(10),
      deadline: Duration.minutes(10),
      dependsOn: [service, worker],
      optional: true,
      canary: 'web-2',
    });
    new SmokeTest(this, 'smoke', {
      command: ['pnpm', 'run', 'smoke:local'],
      directory: 'apps/shop',
      consumers: [page, worker],
    });
  }
}
