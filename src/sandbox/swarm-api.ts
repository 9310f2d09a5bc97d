import type { SecretRecord, ServiceRecord } from './swarm-cluster.ts';
import type { Engine } from './swarm-engine.ts';
import { isDirty, isJob } from './swarm-slots.ts';
import { Refusal, parseSecret, parseService, record } from './swarm-spec.ts';
import {
  API_VERSION,
  ENGINE_VERSION,
  clusterView,
  hasLabels,
  infoView,
  logStream,
  matches,
  nodeView,
  parseFilters,
  secretView,
  serviceView,
  taskView,
} from './swarm-views.ts';

/** A request after its connection was dealt with: the path has no version in front, and no query. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  /** JSON, plain text, or a stream of the engine's own kind. */
  readonly body: object | string | Buffer | null;
}

interface Handled {
  readonly engine: Engine;
  readonly name: string;
  readonly call: Call;
  /** The name or id in the path; empty where it has none. */
  readonly subject: string;
}

type Route = readonly [method: string, path: RegExp, operation: string, answer: (handled: Handled) => Reply];

const ok = (body: Reply['body']): Reply => ({ status: 200, body });

const ROUTES = [
  ['GET', /^\/_ping$/, 'Ping', () => ok('OK')],
  ['HEAD', /^\/_ping$/, 'Ping', () => ok('')],
  ['GET', /^\/version$/, 'Version', () => ok(versionView())],
  ['GET', /^\/info$/, 'Info', ({ engine, name }) => ok(infoView(engine.cluster, name))],
  ['GET', /^\/swarm$/, 'SwarmInspect', ({ engine }) => ok(clusterView(engine.cluster))],
  ['GET', /^\/nodes$/, 'NodeList', listNodes],
  ['GET', /^\/nodes\/([^/]+)$/, 'NodeInspect', inspectNode],
  ['POST', /^\/secrets\/create$/, 'SecretCreate', createSecret],
  ['GET', /^\/secrets$/, 'SecretList', listSecrets],
  ['GET', /^\/secrets\/([^/]+)$/, 'SecretInspect', (h) => ok(secretView(findSecret(h)))],
  ['POST', /^\/secrets\/([^/]+)\/update$/, 'SecretUpdate', updateSecret],
  ['DELETE', /^\/secrets\/([^/]+)$/, 'SecretRemove', removeSecret],
  ['POST', /^\/services\/create$/, 'ServiceCreate', createService],
  ['GET', /^\/services$/, 'ServiceList', listServices],
  ['GET', /^\/services\/([^/]+)$/, 'ServiceInspect', inspectService],
  ['POST', /^\/services\/([^/]+)\/update$/, 'ServiceUpdate', updateService],
  ['DELETE', /^\/services\/([^/]+)$/, 'ServiceRemove', removeService],
  ['GET', /^\/services\/([^/]+)\/logs$/, 'ServiceLogs', serviceLogs],
  ['GET', /^\/tasks$/, 'TaskList', listTasks],
  ['GET', /^\/tasks\/([^/]+)$/, 'TaskInspect', inspectTask],
  ['POST', /^\/networks\/create$/, 'NetworkCreate', createNetwork],
  ['GET', /^\/networks$/, 'NetworkList', listNetworks],
  ['GET', /^\/networks\/([^/]+)$/, 'NetworkInspect', inspectNetwork],
  ['DELETE', /^\/networks\/([^/]+)$/, 'NetworkRemove', removeNetwork],
] as const satisfies readonly Route[];

/** What a request asks for, by the names that fault rules use. */
export type SwarmOperation = (typeof ROUTES)[number][2];

/** The operation of a request and what carries it out; null where the engine has no such page. */
export function routeOf(
  method: string,
  path: string,
): { readonly operation: SwarmOperation; readonly subject: string; readonly answer: Route[3] } | null {
  for (const [wanted, pattern, operation, answer] of ROUTES) {
    const match = wanted === method ? pattern.exec(path) : null;
    if (match !== null) return { operation, subject: decodeURIComponent(match[1] ?? ''), answer };
  }
  return null;
}

/** Throws nothing: a refusal becomes an answer, with the engine's status and text. */
export function answerCall(engine: Engine, name: string, call: Call): Reply {
  try {
    const route = routeOf(call.method, call.path);
    if (route === null) throw new Refusal(404, 'page not found');
    engine.advance();
    const reply = route.answer({ engine, name, call, subject: route.subject });
    if (call.method !== 'GET') {
      engine.advance();
      engine.cluster.save();
    }
    return reply;
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { message: error.message } };
    throw error;
  }
}

const versionView = () => ({
  Platform: { Name: 'keyturn sandbox' },
  Version: ENGINE_VERSION,
  ApiVersion: API_VERSION,
  MinAPIVersion: '1.12',
  Os: 'linux',
  Arch: 'amd64',
});

function json(call: Call): unknown {
  if (call.body === '') throw new Refusal(400, 'got EOF while reading request body');
  try {
    return JSON.parse(call.body);
  } catch {
    // The parser's own text would quote the body.
    throw new Refusal(400, `invalid character '${call.body.slice(0, 1)}' looking for beginning of value`);
  }
}

/** An exact id, then an exact name, then a prefix of an id, as the engine looks things up. */
function find<T extends { readonly id: string }>(
  kind: string,
  objects: readonly T[],
  subject: string,
  nameOf: (object: T) => string,
): T {
  const found =
    objects.find(({ id }) => id === subject) ?? objects.find((object) => nameOf(object) === subject);
  if (found !== undefined) return found;
  const prefixed = objects.filter(({ id }) => id.startsWith(subject));
  if (prefixed.length > 1)
    throw new Refusal(400, `${kind} ${subject} is ambiguous (${prefixed.length} matches found)`);
  if (prefixed[0] === undefined) throw new Refusal(404, `${kind} ${subject} not found`);
  return prefixed[0];
}

const byId = <T extends { readonly id: string }>(objects: Iterable<T>): T[] =>
  [...objects].sort((a, b) => (a.id < b.id ? -1 : 1));

function listNodes({ engine, call }: Handled): Reply {
  const filters = parseFilters(call.query, ['id', 'name', 'role', 'label', 'membership', 'node.label']);
  const nodes = [...engine.cluster.nodes.values()];
  return ok(
    nodes
      .filter((node) => matches(filters['id'], (word) => node.id.startsWith(word)))
      .map((node) => nodeView(node, node === nodes[0])),
  );
}

function inspectNode({ engine, subject }: Handled): Reply {
  const nodes = [...engine.cluster.nodes.values()];
  const node = find('node', nodes, subject === 'self' ? (nodes[0]?.id ?? '') : subject, () => '');
  return ok(nodeView(node, node === nodes[0]));
}

function createSecret({ engine, call }: Handled): Reply {
  return { status: 201, body: { ID: engine.createSecret(parseSecret(json(call))).id } };
}

function listSecrets({ engine, call }: Handled): Reply {
  const filters = parseFilters(call.query, ['id', 'name', 'names', 'label']);
  const secrets = byId(engine.cluster.secrets.values()).filter(
    (secret) =>
      matches(filters['id'], (word) => secret.id.startsWith(word)) &&
      matches(filters['name'], (word) => secret.name.startsWith(word)) &&
      matches(filters['names'], (word) => secret.name === word) &&
      hasLabels(filters['label'], secret.labels),
  );
  return ok(secrets.map(secretView));
}

const findSecret = ({ engine, subject }: Handled): SecretRecord =>
  find('secret', [...engine.cluster.secrets.values()], subject, (secret) => secret.name);

function updateSecret(handled: Handled): Reply {
  const version = handled.call.query.get('version') ?? '';
  if (!/^[0-9]+$/.test(version)) throw new Refusal(400, 'invalid secret version');
  const spec = parseSecret(json(handled.call));
  handled.engine.updateSecret(findSecret(handled), Number(version), spec);
  return ok(null);
}

function removeSecret(handled: Handled): Reply {
  handled.engine.removeSecret(findSecret(handled));
  return { status: 204, body: null };
}

function networkId({ engine }: Handled, target: string): string {
  const networks = [...engine.cluster.networks.values()];
  const network = networks.find(({ id, name }) => id === target || name === target);
  if (network === undefined) throw new Refusal(500, `network ${target} not found`);
  return network.id;
}

function createService(handled: Handled): Reply {
  const spec = parseService(json(handled.call), (target) => networkId(handled, target));
  return { status: 201, body: { ID: handled.engine.createService(spec).id } };
}

const findService = ({ engine, subject }: Handled): ServiceRecord =>
  find('service', engine.listServices(), subject, (service) => service.spec.Name);

function listServices({ engine, call }: Handled): Reply {
  const filters = parseFilters(call.query, ['id', 'name', 'label', 'mode', 'runtime']);
  const services = engine
    .listServices()
    .filter(
      ({ id, spec }) =>
        matches(filters['id'], (word) => id.startsWith(word)) &&
        matches(filters['name'], (word) => spec.Name.startsWith(word)) &&
        hasLabels(filters['label'], spec.Labels) &&
        matches(filters['mode'], (word) => Object.keys(spec.Mode).some((mode) => modeWord(mode) === word)),
    );
  const withStatus = ['1', 'true'].includes(call.query.get('status') ?? '');
  return ok(services.map((service) => serviceView(engine.cluster, service, withStatus)));
}

const modeWord = (mode: string) => mode.toLowerCase().replace('job', '-job');

function inspectService(handled: Handled): Reply {
  return ok(serviceView(handled.engine.cluster, findService(handled), false));
}

function updateService(handled: Handled): Reply {
  const { engine, call } = handled;
  const version = call.query.get('version') ?? '';
  if (!/^[0-9]+$/.test(version))
    throw new Refusal(
      400,
      `invalid service version '${version}': strconv.ParseUint: parsing "${version}": invalid syntax`,
    );
  const spec = parseService(json(call), (target) => networkId(handled, target));
  const service = findService(handled);
  const rollback = call.query.get('rollback') ?? '';
  if (!['', 'none', 'previous'].includes(rollback))
    throw new Refusal(500, `unrecognized rollback option ${rollback}`);
  engine.updateService(service, Number(version), spec, rollback === 'previous');
  return ok({ Warnings: null });
}

function removeService(handled: Handled): Reply {
  handled.engine.removeService(findService(handled));
  return ok(null);
}

function serviceLogs(handled: Handled): Reply {
  const asks = (name: string) => ['1', 'true'].includes(handled.call.query.get(name) ?? '');
  const streams = new Set([...(asks('stdout') ? [1] : []), ...(asks('stderr') ? [2] : [])]);
  if (streams.size === 0) throw new Refusal(400, 'Bad parameters: you must choose at least one stream');
  return ok(logStream(handled.engine.cluster, findService(handled), streams));
}

const TASK_FILTERS = ['id', 'name', 'label', 'service', 'node', 'desired-state', '_up-to-date', 'runtime'];

function listTasks({ engine, call }: Handled): Reply {
  const { cluster } = engine;
  const filters = parseFilters(call.query, TASK_FILTERS);
  const wanted = filters['desired-state'];
  for (const word of wanted ?? [])
    if (!['running', 'shutdown', 'accepted'].includes(word))
      throw new Refusal(500, `Invalid desired-state filter: '${word}'`);
  const named = filters['service']?.map(
    (subject) => find('service', engine.listServices(), subject, (s) => s.spec.Name).id,
  );
  const nodes = filters['node']?.map(
    (subject) => find('node', [...cluster.nodes.values()], subject, () => '').id,
  );
  const tasks = (named ?? [...cluster.tasks.keys()]).flatMap((id) => cluster.tasksOf(id));
  const current = (service: ServiceRecord | undefined, task: (typeof tasks)[number]) =>
    service !== undefined &&
    (isJob(service) ? task.iteration === service.iteration : !isDirty(cluster, service, task));
  return ok(
    byId(tasks)
      .filter(
        (task) =>
          matches(filters['id'], (word) => task.id.startsWith(word)) &&
          matches(nodes, (id) => task.nodeId === id) &&
          matches(wanted, (word) => task.desired === word) &&
          hasLabels(filters['label'], cluster.services.get(task.serviceId)?.spec.Labels ?? {}) &&
          matches(
            filters['_up-to-date'],
            (word) => String(current(cluster.services.get(task.serviceId), task)) === word,
          ),
      )
      .map((task) => taskView(cluster, task)),
  );
}

function inspectTask({ engine, subject }: Handled): Reply {
  const tasks = [...engine.cluster.tasks.values()].flatMap((own) => [...own.values()]);
  return ok(
    taskView(
      engine.cluster,
      find('task', tasks, subject, () => ''),
    ),
  );
}

const networkView = ({ id, name, subnet }: { id: string; name: string; subnet: number }) => ({
  Name: name,
  Id: id,
  Scope: 'swarm',
  Driver: 'overlay',
  IPAM: { Driver: 'default', Config: [{ Subnet: `10.0.${subnet}.0/24`, Gateway: `10.0.${subnet}.1` }] },
  Attachable: false,
  Labels: {},
});

function createNetwork({ engine, call }: Handled): Reply {
  const name = record(json(call))['Name'];
  if (typeof name !== 'string' || name === '') throw new Refusal(400, 'name must be provided');
  if ([...engine.cluster.networks.values()].some((network) => network.name === name))
    throw new Refusal(409, `network with name ${name} already exists`);
  return { status: 201, body: { Id: engine.cluster.addNetwork(name, engine.now).id, Warning: '' } };
}

function listNetworks({ engine, call }: Handled): Reply {
  const filters = parseFilters(call.query, ['id', 'name', 'label', 'driver', 'scope', 'type', 'dangling']);
  const networks = byId(engine.cluster.networks.values()).filter(
    ({ id, name }) =>
      matches(filters['id'], (word) => id.startsWith(word)) &&
      matches(filters['name'], (word) => name.includes(word)),
  );
  return ok(networks.map(networkView));
}

const findNetwork = ({ engine, subject }: Handled) =>
  find('network', [...engine.cluster.networks.values()], subject, (network) => network.name);

function inspectNetwork(handled: Handled): Reply {
  return ok(networkView(findNetwork(handled)));
}

function removeNetwork(handled: Handled): Reply {
  const network = findNetwork(handled);
  const isUsed = handled.engine
    .listServices()
    .some(({ spec }) => (spec.TaskTemplate.Networks ?? []).some(({ Target }) => Target === network.id));
  if (isUsed)
    throw new Refusal(
      400,
      `rpc error: code = FailedPrecondition desc = network ${network.id} is in use by a service`,
    );
  handled.engine.cluster.forget(handled.engine.cluster.networks, network.id);
  return { status: 204, body: null };
}
