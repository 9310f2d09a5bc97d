import Docker from 'dockerode';

/** The docker program, as far as tests of drift use it, for an engine where that program may not be installed. */
export async function dockerWords(socketPath: string, args: readonly string[]): Promise<void> {
  const engine = new Docker({ socketPath });
  const [noun = '', verb = ''] = args;
  const name = args.at(-1) ?? '';
  if (noun === 'secret' && verb === 'rm') {
    await engine.getSecret(await copyId(engine, name)).remove();
    return;
  }
  if (noun !== 'service') throw new Error(`not understood: docker ${args.join(' ')}`);
  const service = engine.getService(name);
  if (verb === 'rm') {
    await service.remove();
    return;
  }
  const { Spec, Version } = (await service.inspect()) as Docker.Service;
  if (verb === 'rollback') {
    await service.update({ ...Spec, version: Version?.Index, rollback: 'previous' });
    return;
  }
  const template = Spec?.TaskTemplate as Template;
  const flags = flagsOf(args.slice(2, -1));
  const removed = flags.filter(([flag]) => flag === '--secret-rm').map(([, value]) => value);
  const kept = (template.ContainerSpec.Secrets ?? []).filter(
    ({ SecretName }) => !removed.includes(SecretName),
  );
  const added: Mounted[] = [];
  for (const [flag, value] of flags) {
    if (flag !== '--secret-add') continue;
    const [, source = '', target = ''] = /^source=([^,]+),target=(.+)$/.exec(value) ?? [];
    const SecretID = await copyId(engine, source);
    added.push({ SecretID, SecretName: source, File: { Name: target, UID: '0', GID: '0', Mode: 0o444 } });
  }
  const Image = flags.find(([flag]) => flag === '--image')?.[1] ?? template.ContainerSpec.Image;
  const ContainerSpec = { ...template.ContainerSpec, Image, Secrets: [...kept, ...added] };
  const ForceUpdate = (template.ForceUpdate ?? 0) + (args.includes('--force') ? 1 : 0);
  const TaskTemplate = { ...template, ContainerSpec, ForceUpdate };
  await service.update({ ...Spec, TaskTemplate, version: Version?.Index });
}

interface Mounted {
  readonly SecretID: string;
  readonly SecretName: string;
  readonly File: object;
}

interface Template {
  readonly ForceUpdate?: number;
  readonly ContainerSpec: { readonly Image: string; readonly Secrets?: readonly Mounted[] };
}

/** Flags with their values; one that stands alone has an empty one. */
function flagsOf(words: readonly string[]): (readonly [flag: string, value: string])[] {
  return words.flatMap((word, index) => {
    const next = words[index + 1] ?? '';
    return word.startsWith('--') ? [[word, next.startsWith('-') ? '' : next] as const] : [];
  });
}

async function copyId(engine: Docker, name: string): Promise<string> {
  const found = (await engine.listSecrets()).find(({ Spec }) => Spec?.Name === name);
  if (found === undefined) throw new Error(`the engine has no secret ${name}`);
  return found.ID;
}
