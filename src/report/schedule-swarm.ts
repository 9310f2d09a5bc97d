import { APP, dockerfileText, ignoreText } from './schedule-image.ts';
import { shortText } from './schedule-interval.ts';
import type { Schedule } from './schedule-order.ts';
import {
  applyWords,
  endpointsOf,
  placeIn,
  shellWord,
  signInsOf,
  withLocalRecord,
  writeFirst,
} from './schedule-order.ts';
import type { Handed, Part, SwarmOrder } from './schedule-swarm-parts.ts';
import { partsOf, socketOf, yamlWord } from './schedule-swarm-parts.ts';
import { installWarnings } from './schedule-warnings.ts';

/**
 * A stack of one service: one replica that ends after each run and is started again after the interval. Swarm
 * has no cron, and its jobs may run twice; that this one does is harmless, because the lease lets one work.
 */
export function renderSwarm(order: SwarmOrder): Schedule {
  const parts = partsOf(order);
  const stack = `${order.name}.stack.yml`;
  const dockerfile = `${order.name}.Dockerfile`;
  const endpoints = endpointsOf(order);
  const ssh = endpoints.some((endpoint) => endpoint?.startsWith('ssh://'));
  const socket = socketOf(order);
  const group = socket === null ? '' : `DOCKER_GID=$(stat -c %g ${shellWord(socket)}) `;
  return {
    files: [
      { path: stack, text: stackText(order, parts) },
      { path: dockerfile, text: dockerfileText(order, ssh) },
      { path: `${dockerfile}.dockerignore`, text: ignoreText(order) },
    ],
    warnings: warningsOf(order),
    next: [
      ...writeFirst(order),
      {
        what: 'build the image in the project, and push it where the swarm has several nodes',
        run: `docker build -f ${placeIn(order, dockerfile)} -t ${order.image} .`,
      },
      ...parts.flatMap(({ prepare }) => prepare),
      {
        what: 'deploy it on a manager',
        run: `${group}docker stack deploy -c ${placeIn(order, stack)} ${order.name}`,
      },
      { what: 'look', run: `docker service ps ${order.name}_due; docker service logs ${order.name}_due` },
    ],
  };
}

function stackText(order: SwarmOrder, parts: readonly Part[]): string {
  const all = (key: 'service' | 'environment' | 'volumes' | 'constraints' | 'kept'): string[] => [
    ...new Set(parts.flatMap((part) => part[key])),
  ];
  const handed = (key: 'secrets' | 'configs'): readonly Handed[] => parts.flatMap((part) => part[key]);
  const listed = (lines: readonly string[]): string[] =>
    lines.map((line) => (line.startsWith('#') ? line : `- ${line}`));
  const service = [
    `image: ${order.image}`,
    `command: [${applyWords(order).map(yamlWord).join(', ')}]`,
    ...all('service'),
    'read_only: true',
    'cap_drop: [ALL]',
    '# SIGTERM is Ctrl-C: the running steps are finished first.',
    'stop_grace_period: 10m',
    ...signInNotes(order),
    ...block('environment', all('environment')),
    ...block('volumes', listed([...TEMPORARY, ...all('volumes')])),
    ...block('secrets', handed('secrets').map(handedLine)),
    ...block('configs', handed('configs').map(handedLine)),
    ...block('deploy', [
      ...RUNS(order),
      ...block('placement', block('constraints', listed(all('constraints')))),
    ]),
  ];
  return [
    `# ${order.name}.stack.yml: a service that does what is due, ends, and is started`,
    `# again ${shortText(order.interval.seconds)} later, because Swarm has no cron. Should two of it run, the lease`,
    '# lets one work; the other says so in a line and ends with 0.',
    "version: '3.8'",
    '',
    ...block('services', block('due', service)),
    ...block(
      'volumes',
      all('kept').map((volume) => `${volume}: {}`),
    ),
    ...block('secrets', handed('secrets').map(externalLine)),
    ...block('configs', handed('configs').map(externalLine)),
    '',
  ].join('\n');
}

const handedLine = ({ source, as }: Handed): string => `- { source: ${source}, ${as} }`;
const externalLine = ({ source }: Handed): string => `${source}: { external: true }`;

/** The only places that a run writes to, beside the record. */
const TEMPORARY = [`{ type: tmpfs, target: /tmp }`, `{ type: tmpfs, target: ${APP}/cdktf.out }`];

const RUNS = ({ interval }: SwarmOrder): string[] => [
  'replicas: 1',
  'endpoint_mode: dnsrr',
  'restart_policy:',
  '  condition: any',
  `  delay: ${shortText(interval.seconds)}`,
  'update_config:',
  '  failure_action: continue',
];

function signInNotes(order: SwarmOrder): string[] {
  const ways = signInsOf(order);
  if (order.sandbox !== null || ways.includes('env') || ways.includes('workload')) return [];
  return [
    "# Azure: the managed identity of the node. Elsewhere declare auth 'env' and",
    '# print this anew: a certificate then comes from a docker secret.',
  ];
}

/** A key and what is under it; nothing where there is nothing. */
function block(key: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${key}:`, ...lines.map((line) => `  ${line}`)];
}

function warningsOf(order: SwarmOrder): string[] {
  const local = withLocalRecord(order);
  const elsewhere = signInsOf(order).filter((way) => way === 'cli' || way === 'github-oidc');
  return [
    ...(local.length === 0
      ? []
      : [
          `the record of ${local.join(', ')} is local: it is kept in a volume of one node and lost with it; declare AzurermBackend`,
        ]),
    ...((local.length > 0 || order.sandbox !== null) && order.node === null
      ? ['started on another node it finds no record and does nothing: name its node with --node']
      : []),
    ...elsewhere.map(
      (way) =>
        `something signs in to Azure with auth "${way}", which a container has not: declare "managed" or "env"`,
    ),
    ...installWarnings(order, true),
  ];
}
