import { RoleAssignment } from '@cdktf/provider-azurerm/lib/role-assignment/index.js';
import { TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import { Cadence, Duration, KeyVault, Secret, Source } from '../src/declare/declare.ts';

const quarterly = Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'UTC' });
const onCompromise = Cadence.onCompromise();

/** The products whose fields tracker-service encrypts, one master key each. */
const PRODUCTS = ['tracker', 'notelett'];

/**
 * The inventory of tracker-web and the platform-service behind it, every row that is kept in Key Vault. The
 * runbook keeps the previous version for 24 hours. Agent API keys are not here: their users rotate them, and only
 * their hashes are stored. What reads these are env files, which come later.
 */
export class TrackerStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'bytelyst-prod' });
    const common = { vault, soak: Duration.hours(24), owner: 'platform', environment: 'production' };

    new Secret(this, 'bytelyst-jwt-secret', {
      ...common,
      cadence: quarterly,
      classification: 'restricted',
      description: 'JWT_SECRET of platform-service and the API routes of tracker-web',
      source: Source.random({ bytes: 64, encoding: 'base64url' }),
    });
    // The one service that reads the vault itself: what else is here reaches its readers through their env files.
    const trackerService = new TerraformVariable(this, 'tracker_service_principal_id', {
      type: 'string',
      description: 'Object id of the identity of the host of tracker-service',
    });
    for (const product of PRODUCTS) {
      // The fields encrypted under the prior key are re-encrypted before it retires; the sweep must end in the soak.
      new Secret(this, `tracker-mek-${product}`, {
        ...common,
        cadence: quarterly,
        classification: 'restricted',
        description: `TRACKER_MEK_ID_${product.toUpperCase()}, master key of the field encryption of tracker-service`,
        source: Source.keyPair({ algorithm: 'rsa', bits: 3072 }),
      });
      new RoleAssignment(this, `tracker-service-${product}`, {
        scope: `${vault.resourceId}/secrets/tracker-mek-${product}`,
        roleDefinitionName: 'Key Vault Secrets User',
        principalId: trackerService.stringValue,
      });
    }
    new Secret(this, 'tracker-posthog-key', {
      ...common,
      cadence: onCompromise,
      classification: 'public',
      description: 'POSTHOG_KEY, telemetry of tracker-web in the browser',
      source: fromPerson('PostHog, project settings: reset the project API key'),
    });
    new Secret(this, 'bytelyst-cosmos-conn', {
      ...common,
      cadence: onCompromise,
      classification: 'restricted',
      description: 'COSMOS_CONNECTION_STRING of platform-service',
      source: fromPerson('az cosmosdb keys regenerate for the key not in use; give its connection string'),
    });
    new Secret(this, 'bytelyst-valkey-password', {
      ...common,
      cadence: quarterly,
      classification: 'restricted',
      description: 'VALKEY_PASSWORD, sessions and cache of platform-service',
      source: fromPerson('ACL SETUSER on Valkey: add a second password to the user; give that password'),
    });
    // Phase 1.4
    new Secret(this, 'tracker-turnstile-secret', {
      ...common,
      cadence: onCompromise,
      classification: 'restricted',
      description: 'TURNSTILE_SECRET, captcha of public submissions in tracker-web',
      source: fromPerson('Cloudflare, Turnstile, the widget: rotate the secret key'),
    });
    // Phase 3.3
    new Secret(this, 'tracker-gh-webhook-secret', {
      ...common,
      cadence: onCompromise,
      classification: 'restricted',
      description: 'GITHUB_WEBHOOK_SECRET, signs what GitHub sends to tracker-service',
      source: fromPerson('GitHub, settings of the webhook: set a new secret; give the same'),
    });
    // Phase 3.3
    new Secret(this, 'tracker-gitea-webhook-secret', {
      ...common,
      cadence: onCompromise,
      classification: 'restricted',
      description: 'GITEA_WEBHOOK_SECRET, signs what Gitea sends to tracker-service',
      source: fromPerson('Gitea, settings of the webhook: set a new secret; give the same'),
    });
  }
}

function fromPerson(instructions: string): Source {
  return Source.manual({ instructions });
}
