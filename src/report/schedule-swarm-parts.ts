import type { VaultAuth } from '../model/declared.ts';
import { APP, NODE_UID } from './schedule-image.ts';
import type { NextStep, ScheduleOrder } from './schedule-order.ts';
import { endpointsOf, isLocalEngine, signInsOf, withLocalRecord } from './schedule-order.ts';

export interface SwarmOrder extends ScheduleOrder {
  readonly image: string;
  /** The engine's socket on the managers, where another than the declared one. */
  readonly socket: string | null;
  /** The only node that may run it. */
  readonly node: string | null;
}

const SOCKET = '/var/run/docker.sock';
const READABLE = `uid: '${NODE_UID}', mode: 0400`;

/** Without a dash: docker takes what is behind one for a default. */
const SAY_GROUP = 'the number of the group of the socket';

/** What one way to the outside adds to the file: lines of YAML without their indentation. */
export interface Part {
  readonly service: readonly string[];
  readonly environment: readonly string[];
  readonly volumes: readonly string[];
  readonly secrets: readonly Handed[];
  readonly configs: readonly Handed[];
  readonly constraints: readonly string[];
  /** Named volumes of the stack. */
  readonly kept: readonly string[];
  /** What a person does before the deploy. */
  readonly prepare: readonly NextStep[];
}

/** A docker secret or config that is made beforehand, and its further keys in the service. */
export interface Handed {
  readonly source: string;
  readonly as: string;
}

const NOTHING: Part = {
  service: [],
  environment: [],
  volumes: [],
  secrets: [],
  configs: [],
  constraints: [],
  kept: [],
  prepare: [],
};

/** What the engines, the sign-ins, the record and the chosen node add. */
export function partsOf(order: SwarmOrder): Part[] {
  const endpoints = endpointsOf(order);
  return [
    ...socketParts(order, endpoints.filter(isLocalEngine)),
    ...(endpoints.some((endpoint) => endpoint?.startsWith('ssh://')) ? [sshPart(order)] : []),
    ...(endpoints.some((endpoint) => endpoint?.startsWith('tcp://')) ? [tlsPart(order)] : []),
    ...signInsOf(order).flatMap((way) => signInPart(order, way)),
    recordPart(order),
    { ...NOTHING, constraints: order.node === null ? [] : [`node.hostname == ${order.node}`] },
  ];
}

function socketParts(order: SwarmOrder, endpoints: readonly (string | null)[]): Part[] {
  if (endpoints.length === 0) return [];
  const targets = [...new Set(endpoints.map((endpoint) => endpoint?.slice('unix://'.length) ?? SOCKET))];
  return [
    {
      ...NOTHING,
      service: [
        '# Not root, but whoever has this socket is root on that manager.',
        `user: '${NODE_UID}:\${DOCKER_GID:?${SAY_GROUP}}'`,
      ],
      volumes: targets.map(
        (target) => `{ type: bind, source: ${path(order.socket ?? target)}, target: ${path(target)} }`,
      ),
      constraints: ['node.role == manager'],
    },
  ];
}

function sshPart({ name }: SwarmOrder): Part {
  const [key, hosts] = [`${name}_ssh_key`, `${name}_known_hosts`];
  return {
    ...NOTHING,
    secrets: [{ source: key, as: `target: /home/node/.ssh/id_ed25519, ${READABLE}` }],
    configs: [{ source: hosts, as: 'target: /home/node/.ssh/known_hosts' }],
    prepare: [
      {
        what: "a key of its own without a passphrase, and the hosts' keys",
        run: `docker secret create ${key} FILE; docker config create ${hosts} FILE`,
      },
    ],
  };
}

function tlsPart({ name }: SwarmOrder): Part {
  const files = ['ca', 'cert', 'key'];
  return {
    ...NOTHING,
    environment: ["DOCKER_TLS_VERIFY: '1'", 'DOCKER_CERT_PATH: /run/secrets'],
    secrets: files.map((file) => ({
      source: `${name}_docker_${file}`,
      as: `target: ${file}.pem, ${READABLE}`,
    })),
    prepare: [
      {
        what: "the engine's certificates",
        run: `for f in ca cert key; do docker secret create ${name}_docker_$f $f.pem; done`,
      },
    ],
  };
}

/** Ids come from the shell that deploys, keys from a docker secret; a managed identity needs neither. */
function signInPart({ name }: SwarmOrder, way: VaultAuth): Part[] {
  const ids = ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID'].map(
    (id) => `${id}: ${yamlWord(`\${${id}:?say whose}`)}`,
  );
  if (way === 'env') {
    return [
      {
        ...NOTHING,
        environment: [...ids, `AZURE_CLIENT_CERTIFICATE_PATH: /run/secrets/${name}_azure_certificate`],
        secrets: [{ source: `${name}_azure_certificate`, as: READABLE }],
        prepare: [
          {
            what: 'certificate and key in one PEM; whose they are is not secret',
            run: `docker secret create ${name}_azure_certificate FILE; export AZURE_CLIENT_ID=… AZURE_TENANT_ID=…`,
          },
        ],
      },
    ];
  }
  if (way !== 'workload') return [];
  return [
    {
      ...NOTHING,
      environment: [...ids, 'AZURE_FEDERATED_TOKEN_FILE: /run/azure/token'],
      volumes: [
        "# The workload's token lives an hour and a docker secret cannot be renewed:",
        '# an agent of the node writes it here.',
        '{ type: bind, source: /run/azure, target: /run/azure, read_only: true }',
      ],
      prepare: [
        {
          what: 'on each node that may run it: an agent that renews /run/azure/token',
          run: 'export AZURE_CLIENT_ID=… AZURE_TENANT_ID=…',
        },
      ],
    },
  ];
}

/** A record in Azure needs nothing here; what is local outlives the container in a volume of one node. */
function recordPart(order: SwarmOrder): Part {
  const folder = order.sandbox !== null ? '.keyturn' : withLocalRecord(order).length > 0 ? 'state' : null;
  if (folder === null) return NOTHING;
  return {
    ...NOTHING,
    volumes: [`{ type: volume, source: record, target: ${APP}/${folder} }`],
    kept: ['record'],
  };
}

/** The engine's socket on a manager; null where no local one is used. */
export function socketOf(order: SwarmOrder): string | null {
  const local = endpointsOf(order).filter(isLocalEngine);
  if (local.length === 0) return null;
  return order.socket ?? local[0]?.slice('unix://'.length) ?? SOCKET;
}

/** For a compose file, in which a $ begins a variable. */
function path(text: string): string {
  return yamlWord(text.replaceAll('$', '$$$$'));
}

/** As it is where YAML takes it for a text, else in single quotes. */
export function yamlWord(text: string): string {
  const isWord = /^[A-Za-z_./][\w./=-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isWord ? text : `'${text.replaceAll("'", "''")}'`;
}
