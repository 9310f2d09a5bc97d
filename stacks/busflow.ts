import { RoleAssignment } from '@cdktf/provider-azurerm/lib/role-assignment/index.js';
import { TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import {
  Cadence,
  Duration,
  KeyVault,
  Probe,
  Secret,
  Source,
  Swarm,
  SwarmService,
} from '../src/declare/declare.ts';

const quarterly = Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'Europe/Berlin' });

/**
 * Busflow's infrastructure credentials, each a Docker secret on the swarm: rotated on the first Monday of the
 * quarter, the prior copy kept for 72 hours. Not here: the tenants' API configurations (encrypted in the database)
 * and the managers' host keys (made by terraform apply).
 */
export class BusflowStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'busflow-prod' });
    const swarm = new Swarm(this, 'swarm', { name: 'busflow', endpoint: 'ssh://deploy@manager-1' });

    const common = { vault, cadence: quarterly, soak: Duration.hours(72), environment: 'production' };
    const platform = { ...common, owner: 'platform' };
    const observability = { ...common, owner: 'observability' };

    const dbWriter = new Secret(this, 'db-writer', {
      ...platform,
      classification: 'restricted',
      description: 'Postgres URI of the role that writes',
      source: fromPerson(
        'ubicloud postgres rotate-password --database busflow --role writer; give the whole URI',
      ),
    });
    const dbReader = new Secret(this, 'db-reader', {
      ...platform,
      classification: 'restricted',
      description: 'Postgres URI of the role that reads',
      source: fromPerson(
        'ubicloud postgres rotate-password --database busflow --role reader; give the whole URI',
      ),
      together: [dbWriter],
    });
    const slackOps = new Secret(this, 'slack-ops-webhook', {
      ...platform,
      classification: 'internal',
      description: 'SLACK_OPS_WEBHOOK, posts to #ops',
      source: fromPerson('Slack Manager: rotate the webhook of #ops'),
    });
    const slackSecurityAlerts = new Secret(this, 'slack-security-alerts-webhook', {
      ...platform,
      classification: 'internal',
      description: 'SLACK_SECURITY_ALERTS_WEBHOOK, posts to #security-alerts',
      source: fromPerson('Slack Manager: rotate the webhook of #security-alerts'),
    });
    const hcloudToken = new Secret(this, 'hcloud-token', {
      ...platform,
      classification: 'restricted',
      description: 'HCLOUD_TOKEN',
      source: fromPerson(
        'Hetzner console: make a token with only the rights it needs, no root project scope',
      ),
    });
    const ubicloudToken = new Secret(this, 'ubicloud-token', {
      ...platform,
      classification: 'restricted',
      description: 'UBICLOUD_TOKEN',
      source: fromPerson(
        'Ubicloud console: make a token with only the rights it needs, no root project scope',
      ),
    });
    const grafanaSso = new Secret(this, 'grafana-sso', {
      ...observability,
      classification: 'restricted',
      description: 'Shared by Grafana and the proxy that signs people in',
      source: Source.random({ bytes: 32, encoding: 'base64url' }),
    });
    // Read by GitHub Actions from the vault, by no service of the swarm.
    new Secret(this, 'github-deploy-token', {
      ...platform,
      classification: 'restricted',
      description: 'Deploy token of the GitHub Actions workflows',
      source: fromPerson('GitHub, settings of the deploy app: make a fine-grained token'),
      readers: 'latest',
    });
    new RoleAssignment(this, 'github-actions', {
      scope: `${vault.resourceId}/secrets/github-deploy-token`,
      roleDefinitionName: 'Key Vault Secrets User',
      principalId: new TerraformVariable(this, 'github_actions_principal_id', {
        type: 'string',
        description: 'Object id of the identity that the deploy workflows sign in as',
      }).stringValue,
    });

    // The runbook names `api` and its pair; the other services are inferred from what the secrets are for.
    new SwarmService(this, 'api', {
      swarm,
      service: 'busflow_api',
      mounts: [dbWriter.at('busflow_db_writer'), dbReader.at('busflow_db_reader')],
      probe: Probe.http({ path: '/healthz', port: 8080 }),
    });
    new SwarmService(this, 'notifier', {
      swarm,
      service: 'busflow_notifier',
      mounts: [
        slackOps.at('busflow_slack_ops_webhook'),
        slackSecurityAlerts.at('busflow_slack_security_alerts_webhook'),
      ],
      probe: Probe.http({ path: '/healthz', port: 8080 }),
    });
    new SwarmService(this, 'provisioner', {
      swarm,
      service: 'busflow_provisioner',
      mounts: [hcloudToken.at('busflow_hcloud_token'), ubicloudToken.at('busflow_ubicloud_token')],
      probe: Probe.http({ path: '/healthz', port: 8080 }),
    });
    const ssoProxy = new SwarmService(this, 'sso-proxy', {
      swarm,
      service: 'busflow_sso_proxy',
      mounts: [grafanaSso.at('busflow_grafana_sso')],
      probe: Probe.http({ path: '/healthz', port: 8080 }),
    });
    new SwarmService(this, 'grafana', {
      swarm,
      service: 'busflow_grafana',
      mounts: [grafanaSso.at('busflow_grafana_sso')],
      probe: Probe.http({ path: '/api/health', port: 3000 }),
      dependsOn: [ssoProxy],
    });
  }
}

function fromPerson(instructions: string): Source {
  return Source.manual({ instructions });
}
