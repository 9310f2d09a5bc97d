/** What a request of the Engine API may say of a service, a secret or a network: types, checks and defaults. */

/** An answer of the engine that is not a success. `message` is its text, to the letter. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const invalid = (text: string) => new Refusal(400, `rpc error: code = InvalidArgument desc = ${text}`);
export const outOfSequence = () =>
  new Refusal(500, 'rpc error: code = Unknown desc = update out of sequence');

export type Labels = Readonly<Record<string, string>>;

export interface SecretReference {
  readonly File: {
    readonly Name: string;
    readonly UID?: string;
    readonly GID?: string;
    readonly Mode?: number;
  };
  readonly SecretID: string;
  readonly SecretName: string;
}

export interface UpdateConfig {
  readonly Parallelism: number;
  readonly FailureAction: 'pause' | 'continue' | 'rollback';
  readonly MaxFailureRatio: number;
  readonly Order: 'stop-first' | 'start-first';
  /** Nanoseconds. */
  readonly Delay?: number;
  readonly Monitor?: number;
}

export interface ContainerSpec {
  readonly Image: string;
  readonly Labels?: Labels;
  readonly Command?: readonly string[];
  readonly Args?: readonly string[];
  readonly Env?: readonly string[];
  readonly Healthcheck?: { readonly Test?: readonly string[] };
  readonly StopGracePeriod?: number;
  readonly Secrets?: readonly SecretReference[];
}

/** Fields that are not named here are kept, compared and given back as they came. */
export interface TaskTemplate {
  readonly ContainerSpec: ContainerSpec;
  readonly RestartPolicy?: {
    readonly Condition?: 'any' | 'on-failure' | 'none';
    readonly Delay?: number;
    readonly MaxAttempts?: number;
  };
  readonly Placement?: { readonly Constraints?: readonly string[] };
  readonly Networks?: readonly { readonly Target: string }[];
  readonly ForceUpdate: number;
  readonly Runtime?: string;
}

export interface ServiceMode {
  readonly Replicated?: { readonly Replicas: number };
  readonly Global?: object;
  readonly ReplicatedJob?: { readonly MaxConcurrent: number; readonly TotalCompletions: number };
  readonly GlobalJob?: object;
}

export interface ServiceSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly TaskTemplate: TaskTemplate;
  readonly Mode: ServiceMode;
  readonly UpdateConfig?: UpdateConfig;
  readonly RollbackConfig?: UpdateConfig;
}

export interface SecretSpec {
  readonly Name: string;
  readonly Labels: Labels;
  /** Standard base64. */
  readonly Data: string;
}

const NAME = /^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$/;
const SERVICE_NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const VALUE_LIMIT = 512_000;

export type Json = Readonly<Record<string, unknown>>;

export function record(json: unknown): Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Json) : {};
}

const text = (json: unknown) => (typeof json === 'string' ? json : '');
const count = (json: unknown, otherwise: number) => (typeof json === 'number' ? json : otherwise);

function labels(json: unknown): Labels {
  return Object.fromEntries(Object.entries(record(json)).map(([key, value]) => [key, text(value)]));
}

/** Reads the body of a secret's create or update; only the base64 is checked. */
export function parseSecret(json: unknown): SecretSpec {
  const body = record(json);
  const data = text(body['Data']);
  const wrong = wrongBase64At(data);
  if (wrong !== null) throw new Refusal(400, `illegal base64 data at input byte ${wrong}`);
  return { Name: text(body['Name']), Labels: labels(body['Labels']), Data: data };
}

/** What a secret that is to be made must fulfil. */
export function checkNewSecret(secret: SecretSpec): void {
  checkName(secret.Name);
  const size = Buffer.from(secret.Data, 'base64').length;
  if (size === 0 || size >= VALUE_LIMIT)
    throw invalid(`secret data must be larger than 0 and less than ${VALUE_LIMIT} bytes`);
}

function checkName(name: string): void {
  if (name === '') throw invalid('name must be provided');
  if (name.length > 64 || !NAME.test(name))
    throw invalid(
      'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
    );
}

function wrongBase64At(data: string): number | null {
  const at = data.search(/[^A-Za-z0-9+/=]/);
  if (at >= 0) return at;
  const padding = data.search(/=/);
  if (padding >= 0 && !/^={1,2}$/.test(data.slice(padding))) return padding;
  return data.length % 4 === 0 ? null : data.length - (data.length % 4);
}

/** A service's spec with the engine's defaults filled in, as inspect gives it back. Names of networks become ids. */
export function parseService(json: unknown, networkId: (target: string) => string): ServiceSpec {
  const body = record(json);
  const template = record(body['TaskTemplate']);
  if (body['TaskTemplate'] === undefined || template['ContainerSpec'] === undefined)
    throw new Refusal(400, 'mismatched Runtime and *Spec fields');
  const networks = list(template['Networks'] ?? body['Networks']).map((each) => {
    const network = record(each);
    return { ...network, Target: networkId(text(network['Target'])) };
  });
  const task: TaskTemplate = {
    ...template,
    ContainerSpec: parseContainer(record(template['ContainerSpec'])),
    ...(template['RestartPolicy'] === undefined
      ? {}
      : { RestartPolicy: parseRestart(template['RestartPolicy']) }),
    ...(networks.length === 0 ? {} : { Networks: networks }),
    ForceUpdate: count(template['ForceUpdate'], 0),
    Runtime: 'container',
  };
  const { UpdateConfig, RollbackConfig, Networks: _networks, ...rest } = body;
  return {
    ...rest,
    Name: text(body['Name']),
    Labels: labels(body['Labels']),
    TaskTemplate: task,
    Mode: parseMode(record(body['Mode'])),
    ...(record(UpdateConfig) === UpdateConfig
      ? { UpdateConfig: parseUpdate(record(UpdateConfig), 'update') }
      : {}),
    ...(record(RollbackConfig) === RollbackConfig
      ? { RollbackConfig: parseUpdate(record(RollbackConfig), 'rollback') }
      : {}),
  };
}

function parseContainer(json: Json): ContainerSpec {
  const { Secrets, ...rest } = json;
  const references = list(Secrets).map(parseReference);
  return {
    ...rest,
    Image: text(json['Image']),
    ...(references.length === 0 ? {} : { Secrets: references }),
    Isolation: 'default',
  } as ContainerSpec;
}

function parseReference(json: unknown): SecretReference {
  const reference = record(json);
  if (reference['File'] === undefined || reference['File'] === null)
    throw invalid('malformed secret reference, no target provided');
  const file = record(reference['File']);
  return {
    File: { ...file, Name: text(file['Name']) },
    SecretID: text(reference['SecretID']),
    SecretName: text(reference['SecretName']),
  };
}

function parseRestart(json: unknown): NonNullable<TaskTemplate['RestartPolicy']> {
  const { Condition, ...rest } = record(json);
  if (Condition !== undefined && Condition !== '' && !['any', 'on-failure', 'none'].includes(text(Condition)))
    throw new Refusal(400, `invalid RestartCondition: "${text(Condition)}"`);
  const condition = text(Condition);
  return {
    ...rest,
    Condition: condition === 'none' || condition === 'on-failure' ? condition : 'any',
    MaxAttempts: count(rest['MaxAttempts'], 0),
  };
}

function parseMode(json: Json): ServiceMode {
  if (json['Global'] !== undefined) return { Global: {} };
  if (json['GlobalJob'] !== undefined) return { GlobalJob: {} };
  if (json['ReplicatedJob'] !== undefined) {
    const job = record(json['ReplicatedJob']);
    const concurrent = count(job['MaxConcurrent'], 1);
    return {
      ReplicatedJob: {
        MaxConcurrent: concurrent,
        TotalCompletions: count(job['TotalCompletions'], concurrent),
      },
    };
  }
  return { Replicated: { Replicas: count(record(json['Replicated'])['Replicas'], 1) } };
}

function parseUpdate(json: Json, which: 'update' | 'rollback'): UpdateConfig {
  const action = text(json['FailureAction']);
  const order = text(json['Order']);
  if (action !== '' && action !== 'pause' && action !== 'continue' && action !== 'rollback')
    throw new Refusal(400, `unrecognized update failure action ${action}`);
  if (order !== '' && order !== 'stop-first' && order !== 'start-first')
    throw new Refusal(400, `unrecognized update order ${order}`);
  const ratio = count(json['MaxFailureRatio'], 0);
  if (ratio < 0 || ratio > 1)
    throw invalid(`TaskSpec: ${which}-maxfailureratio cannot be less than 0 or bigger than 1`);
  return {
    Parallelism: count(json['Parallelism'], 0),
    FailureAction: action === '' ? 'pause' : action,
    MaxFailureRatio: ratio,
    Order: order === '' ? 'stop-first' : order,
    ...(count(json['Delay'], 0) === 0 ? {} : { Delay: count(json['Delay'], 0) }),
    ...(count(json['Monitor'], 0) === 0 ? {} : { Monitor: count(json['Monitor'], 0) }),
  };
}

const list = (json: unknown): readonly unknown[] => (Array.isArray(json) ? json : []);

/** What the engine checks in a spec before it looks at what exists. */
export function checkService(spec: ServiceSpec): void {
  if (spec.Name !== '' && (spec.Name.length > 63 || !SERVICE_NAME.test(spec.Name)))
    throw invalid('name must be valid as a DNS name component');
  if (spec.TaskTemplate.ContainerSpec.Image === '')
    throw invalid('ContainerSpec: image reference must be provided');
  const isJob = spec.Mode.ReplicatedJob !== undefined || spec.Mode.GlobalJob !== undefined;
  if (isJob && spec.UpdateConfig !== undefined) throw invalid('Jobs may not have an update config');
  const targets = new Map<string, string>();
  for (const reference of spec.TaskTemplate.ContainerSpec.Secrets ?? []) {
    const target = reference.File.Name;
    if (reference.SecretID === '' || reference.SecretName === '') throw invalid('malformed secret reference');
    if (target === '') throw invalid('malformed file secret reference, invalid target file name provided');
    const other = targets.get(target);
    if (other !== undefined)
      throw invalid(
        `secret references '${other}' and '${reference.SecretName}' have a conflicting target: '${target}'`,
      );
    targets.set(target, reference.SecretName);
  }
}
