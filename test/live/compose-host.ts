import { randomBytes } from 'node:crypto';
import type { LiveHost } from './hosts.ts';
import { freshValue } from './tracker-host.ts';

/** A compose project on a host, whose containers run in an engine of the lab. */
export interface ComposeProject {
  readonly directory: string;
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly values: { readonly JWT_SECRET: string };
  compose(...args: string[]): Promise<string>;
  /** Ids of the service's containers, in the order in which they were made. */
  containers(service: string): Promise<string[]>;
  /** A container, as the engine's inspection says it. */
  inspect(id: string): Promise<Container>;
  remove(): Promise<void>;
}

export interface Container {
  readonly Id: string;
  readonly Created: string;
  readonly Config: { readonly Env: readonly string[] };
  readonly State: { readonly Status: string; readonly Health?: { readonly Status: string } };
}

/**
 * Starts `web`, scaled, and `cache` beside it. What web does follows the word that JWT_SECRET begins with: `crash-…`
 * ends it at once, `bad-…` fails its health check, anything else is well.
 */
export async function installCompose(host: LiveHost, scale: number): Promise<ComposeProject> {
  const name = `kt${randomBytes(3).toString('hex')}`;
  const directory = `/srv/${name}`;
  const path = `${directory}/web.env`;
  const values = { JWT_SECRET: freshValue() };
  const text = `# of the web\nPORT=8080\nJWT_SECRET=${values.JWT_SECRET}\n\nLOG_LEVEL=info\n`;
  await host.write(path, text, 0o600);
  await host.write(`${path}.keyturn`, 'KEYTURN_VERSIONS=\n');
  await host.write(`${directory}/docker-compose.yml`, composeFile(scale));
  const compose = (...args: string[]): Promise<string> =>
    host.run(
      'docker-compose',
      '--project-name',
      name,
      '--project-directory',
      directory,
      ...inDirectory(directory),
      ...args,
    );
  const inspect = async (id: string): Promise<Container> => {
    const [found] = JSON.parse(await host.run('docker', 'inspect', id)) as Container[];
    if (found === undefined) throw new Error(`no container ${id}`);
    return found;
  };
  const project: ComposeProject = {
    directory,
    name,
    path,
    text,
    values,
    compose,
    inspect,
    containers: async (service) => {
      const ids = (await compose('ps', '--quiet', service)).split('\n').filter(Boolean);
      const found = await Promise.all(ids.map(inspect));
      return found.toSorted((a, b) => (a.Created < b.Created ? -1 : 1)).map(({ Id }) => Id);
    },
    remove: async () => {
      await compose('down', '--timeout', '1', '--volumes');
    },
  };
  await compose('up', '--detach');
  return project;
}

function inDirectory(directory: string): string[] {
  return ['--file', `${directory}/docker-compose.yml`];
}

function composeFile(scale: number): string {
  return `version: '2.4'
services:
  web:
    image: lab/app:1
    command: ['/bin/sh', '-c', 'case $$JWT_SECRET in crash-*) exit 7 ;; esac; exec /app']
    env_file: [web.env, web.env.keyturn]
    scale: ${scale}
    depends_on: [cache]
    healthcheck:
      test: ['CMD-SHELL', 'case $$JWT_SECRET in bad-*) exit 1 ;; esac; /hc']
      interval: 500ms
      retries: 2
    stop_grace_period: 1s
  cache:
    image: lab/app:1
`;
}
