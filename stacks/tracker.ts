import { RoleAssignment } from '@cdktf/provider-azurerm/lib/role-assignment/index.js';
import { TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import {
  Cadence,
  ComposeService,
  Duration,
  EnvFile,
  Hosts,
  KeyVault,
  Probe,
  Secret,
  SmokeTest,
  Source,
  SystemdUnit,
} from '../src/declare/declare.ts';

const quarterly = Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'UTC' });
const onCompromise = Cadence.onCompromise();

/** The products whose fields tracker-service encrypts, one master key each. */
const PRODUCTS = ['tracker', 'notelett'];

/**
 * The inventory of tracker-web, tracker-service and the platform-service behind them: every row with what reads it. The
 * runbook keeps the previous version for 24 hours. It names no hosts, paths, ports and units: those are inferred.
 */
export class TrackerStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'bytelyst-prod' });
    const common = { vault, soak: Duration.hours(24), owner: 'platform', environment: 'production' };
    const restricted = { ...common, classification: 'restricted' };

    const jwt = new Secret(this, 'bytelyst-jwt-secret', {
      ...restricted,
      cadence: quarterly,
      description: 'JWT_SECRET of platform-service and the API routes of tracker-web',
      source: Source.random({ bytes: 64, encoding: 'base64url' }),
    });
    // The fields encrypted under the prior key are re-encrypted before it retires; the sweep must end in the soak.
    const masterKeys = PRODUCTS.map((product) => {
      const variable = `TRACKER_MEK_ID_${product.toUpperCase()}`;
      const secret = new Secret(this, `tracker-mek-${product}`, {
        ...restricted,
        cadence: quarterly,
        description: `${variable}, master key of the field encryption of tracker-service`,
        source: Source.keyPair({ algorithm: 'rsa', bits: 3072 }),
      });
      return { product, variable, secret };
    });
    const posthog = new Secret(this, 'tracker-posthog-key', {
      ...common,
      cadence: onCompromise,
      classification: 'public',
      description: 'POSTHOG_KEY, telemetry of tracker-web in the browser',
      source: fromPerson('PostHog, project settings: reset the project API key'),
    });
    const cosmos = new Secret(this, 'bytelyst-cosmos-conn', {
      ...restricted,
      cadence: onCompromise,
      description: 'COSMOS_CONNECTION_STRING of platform-service',
      source: fromPerson('az cosmosdb keys regenerate for the key not in use; give its connection string'),
    });
    const valkey = new Secret(this, 'bytelyst-valkey-password', {
      ...restricted,
      cadence: quarterly,
      description: 'VALKEY_PASSWORD, sessions and cache of platform-service',
      source: fromPerson('ACL SETUSER on Valkey: add a second password to the user; give that password'),
    });
    // Phase 1.4
    const turnstile = new Secret(this, 'tracker-turnstile-secret', {
      ...restricted,
      cadence: onCompromise,
      description: 'TURNSTILE_SECRET, captcha of public submissions in tracker-web',
      source: fromPerson('Cloudflare, Turnstile, the widget: rotate the secret key'),
    });
    // Phase 3.3
    const github = new Secret(this, 'tracker-gh-webhook-secret', {
      ...restricted,
      cadence: onCompromise,
      description: 'GITHUB_WEBHOOK_SECRET, signs what GitHub sends to tracker-service',
      source: fromPerson('GitHub, settings of the webhook: set a new secret; give the same'),
    });
    // Phase 3.3
    const gitea = new Secret(this, 'tracker-gitea-webhook-secret', {
      ...restricted,
      cadence: onCompromise,
      description: 'GITEA_WEBHOOK_SECRET, signs what Gitea sends to tracker-service',
      source: fromPerson('Gitea, settings of the webhook: set a new secret; give the same'),
    });
    // Phase 3.1. Never due, and without a version: Cosmos keeps their hashes, in its collection apikeys.
    new Secret(this, 'tracker-agent-api-keys', {
      ...restricted,
      cadence: Cadence.userManaged(),
      description: 'API keys of agents: their users rotate them, only hashes are stored',
      source: fromPerson('nothing to bring: users make and revoke their keys in the tracker'),
    });

    const api = new Hosts(this, 'api', {
      hosts: [
        { name: 'api-1', endpoint: 'ssh://deploy@api-1' },
        { name: 'api-2', endpoint: 'ssh://deploy@api-2' },
      ],
      sudo: true,
      restarts: { atOnce: 1 },
    });
    const web = new Hosts(this, 'web', {
      hosts: [
        { name: 'web-1', endpoint: 'ssh://deploy@web-1' },
        { name: 'web-2', endpoint: 'ssh://deploy@web-2' },
      ],
      restarts: { atOnce: 1 },
    });

    const platformService = new EnvFile(this, 'platform-service', {
      on: api,
      path: '/etc/bytelyst/platform-service.env',
      format: 'systemd',
      variables: [jwt.as('JWT_SECRET'), cosmos.as('COSMOS_CONNECTION_STRING'), valkey.as('VALKEY_PASSWORD')],
      restarts: [SystemdUnit.restart('platform-service.service')],
      probe: Probe.http({ path: '/healthz', port: 4000 }),
      canary: 'api-1',
    });
    const trackerService = new EnvFile(this, 'tracker-service', {
      on: api,
      path: '/etc/tracker/tracker-service.env',
      format: 'systemd',
      variables: [
        ...masterKeys.map(({ secret, variable }) => secret.as(variable)),
        github.as('GITHUB_WEBHOOK_SECRET'),
        gitea.as('GITEA_WEBHOOK_SECRET'),
      ],
      restarts: [SystemdUnit.restart('tracker-service.service')],
      probe: Probe.http({ path: '/healthz', port: 4100 }),
      canary: 'api-1',
    });
    const trackerWeb = new EnvFile(this, 'tracker-web', {
      on: web,
      path: '/srv/tracker-web/.env',
      format: 'compose',
      variables: [jwt.as('JWT_SECRET'), turnstile.as('TURNSTILE_SECRET'), posthog.as('POSTHOG_KEY')],
      builds: [
        {
          variable: 'TRACKER_WEB_IMAGE',
          image: 'tracker-web',
          command: ['./build-image'],
          directory: '/srv/tracker-web/source',
          args: [posthog.buildArg('NEXT_PUBLIC_POSTHOG_KEY')],
        },
      ],
      restarts: [ComposeService.up({ service: 'web', directory: '/srv/tracker-web' })],
      probe: Probe.http({ path: '/api/health', port: 3000 }),
      dependsOn: [platformService],
      canary: 'web-1',
    });
    new SmokeTest(this, 'smoke', {
      command: ['pnpm', 'run', 'smoke:local'],
      consumers: [platformService, trackerService, trackerWeb],
    });

    // To decrypt what an earlier master key encrypted, tracker-service reads that from the vault itself.
    const principal = new TerraformVariable(this, 'tracker_service_principal_id', {
      type: 'string',
      description: 'Object id of the identity of the hosts of tracker-service',
    });
    for (const { product } of masterKeys) {
      new RoleAssignment(this, `tracker-service-${product}`, {
        scope: `${vault.resourceId}/secrets/tracker-mek-${product}`,
        roleDefinitionName: 'Key Vault Secrets User',
        principalId: principal.stringValue,
      });
    }
  }
}

function fromPerson(instructions: string): Source {
  return Source.manual({ instructions });
}
