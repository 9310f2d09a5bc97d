import { Fault } from '../model/fault.ts';
import { ACTIONS } from './github-actions.ts';
import { cronTimes, everyText, requireEven } from './schedule-interval.ts';
import type { Schedule, ScheduleOrder } from './schedule-order.ts';
import {
  applyWords,
  endpointsOf,
  isLocalEngine,
  signInsOf,
  withLocalRecord,
  writeFirst,
} from './schedule-order.ts';
import { installWarnings } from './schedule-warnings.ts';

export interface GithubOrder extends ScheduleOrder {
  /** Labels of the runner. */
  readonly runsOn: readonly string[];
  /** The project inside of its repository; empty: its root. */
  readonly folder: string;
}

/** Off the hour and off the fives, when GitHub is busiest and drops runs. */
const MINUTE = 3;

/** A workflow that signs in with the job's own identity: no secret of Azure is kept at GitHub. */
export function renderGithub(order: GithubOrder): Schedule {
  requireEven(order.interval, 300, 'GitHub');
  if (order.sandbox !== null) {
    throw new Fault({
      code: 'bad-usage',
      what: 'a runner forgets the embedded vault after each run, so nothing would ever be due',
      where: 'command line',
      live: 'nothing was written',
      next: 'leave --sandbox out, or try it with keyturn schedule cron or swarm',
    });
  }
  const path = `${order.name}.yml`;
  const ssh = endpointsOf(order).some((endpoint) => endpoint?.startsWith('ssh://'));
  return {
    files: [{ path, text: workflow(order, ssh) }],
    warnings: warningsOf(order),
    next: [
      ...writeFirst(order),
      {
        what: `commit it as .github/workflows/${path} on the default branch: schedules run nowhere else`,
        run: null,
      },
      {
        what: 'set the variables AZURE_CLIENT_ID and AZURE_TENANT_ID of the repository: ids, no secrets',
        run: 'gh variable set AZURE_CLIENT_ID; gh variable set AZURE_TENANT_ID',
      },
      {
        what: 'give that app registration a federated credential for repo:OWNER/REPOSITORY:ref:refs/heads/BRANCH',
        run: null,
      },
      ...(ssh ? [SSH_STEP] : []),
      { what: 'start it once by hand', run: `gh workflow run ${path}` },
    ],
  };
}

const SSH_STEP = {
  what: "a key of its own, and the hosts' keys after you compared them",
  run: 'gh secret set KEYTURN_SSH_KEY <FILE; gh variable set KEYTURN_KNOWN_HOSTS <FILE',
};

function workflow(order: GithubOrder, ssh: boolean): string {
  const labels = order.runsOn.length === 1 ? order.runsOn[0] : `[${order.runsOn.join(', ')}]`;
  const folder = `    defaults:\n      run:\n        working-directory: ${JSON.stringify(order.folder)}\n`;
  return `# ${order.name}.yml: what is due, ${everyText(order.interval)}. The stacks' records have
# to be in Azure, because a runner forgets its files.
name: ${order.name}

on:
  schedule:
    # UTC. When GitHub is busy it starts late or leaves a run out; due dates
    # are anchored, so the next one does what is due. In a public repository
    # schedules stop after 60 days without a commit.
    - cron: '${cronTimes(order.interval, MINUTE)}'
  workflow_dispatch:

permissions: {}

# One at a time; an apply that runs is never cancelled by the next.
concurrency:
  group: ${order.name}-apply
  cancel-in-progress: false

jobs:
  apply:
    runs-on: ${labels}
    timeout-minutes: 60
    permissions:
      contents: read
      id-token: write
${order.folder === '' ? '' : folder}    steps:
      - uses: ${ACTIONS.checkout}
        with:
          persist-credentials: false
      - uses: ${ACTIONS.setupNode}
        with:
          node-version: 24
          # A cache holds what other jobs put there: not where secrets rotate.
          package-manager-cache: false
      - run: npm ci --ignore-scripts
${ssh ? SSH : ''}${needsLogin(order) ? LOGIN : ''}      - name: Apply what is due
        # exec: only this process is told of a cancelled job; it stops in order.
        run: exec node ${order.program} ${applyWords(order).join(' ')}
        env:
          AZURE_CLIENT_ID: \${{ vars.AZURE_CLIENT_ID }}
${needsLogin(order) ? '          AZURE_TOKEN_CREDENTIALS: AzureCliCredential\n' : ''}`;
}

/** With `github-oidc` alone keyturn asks GitHub for the token itself, anew each time. */
function needsLogin(order: GithubOrder): boolean {
  const ways = signInsOf(order);
  return ways.length === 0 || ways.some((way) => way !== 'github-oidc');
}

const LOGIN = `      # Late, because what GitHub vouches for is good for minutes.
      - uses: ${ACTIONS.azureLogin}
        with:
          client-id: \${{ vars.AZURE_CLIENT_ID }}
          tenant-id: \${{ vars.AZURE_TENANT_ID }}
          allow-no-subscriptions: true
`;

const SSH = `      - name: The way to the swarm
        run: |
          mkdir -p -m 700 ~/.ssh
          printf '%s\\n' "$KNOWN_HOSTS" >>~/.ssh/known_hosts
          eval "$(ssh-agent -s)" >/dev/null
          ssh-add -q - <<<"$SSH_KEY"
          echo "SSH_AUTH_SOCK=$SSH_AUTH_SOCK" >>"$GITHUB_ENV"
        env:
          SSH_KEY: \${{ secrets.KEYTURN_SSH_KEY }}
          KNOWN_HOSTS: \${{ vars.KEYTURN_KNOWN_HOSTS }}
`;

function warningsOf(order: GithubOrder): string[] {
  const local = withLocalRecord(order);
  const isHosted = order.runsOn.every((label) => /^(ubuntu|windows|macos)-/.test(label));
  const elsewhere = signInsOf(order).filter(
    (way) => way === 'managed' || way === 'env' || way === 'workload',
  );
  const endpoints = endpointsOf(order);
  return [
    ...(local.length === 0
      ? []
      : [
          `the record of ${local.join(', ')} is local and a runner forgets it, so apply will refuse: declare AzurermBackend`,
        ]),
    ...(order.project.declared !== null && isHosted && endpoints.some(isLocalEngine)
      ? [
          'the engine is the local socket, and a runner of GitHub has no swarm: declare endpoint ssh://…, or say --runs-on self-hosted,…',
        ]
      : []),
    ...(endpoints.some((endpoint) => endpoint?.startsWith('tcp://'))
      ? ['an engine at tcp:// needs DOCKER_TLS_VERIFY and DOCKER_CERT_PATH in the last step']
      : []),
    ...(isHosted ? elsewhere : []).map(
      (way) =>
        `something signs in to Azure with auth "${way}", which a runner of GitHub has not: declare "github-oidc"`,
    ),
    ...installWarnings(order, false),
  ];
}
