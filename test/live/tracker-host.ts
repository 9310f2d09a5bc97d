import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { LiveHost } from './hosts.ts';

/** The tracker's web application on a host: a unit that reads a file of variables (test/live/hosts/tracker). */
export interface Tracker {
  readonly unit: string;
  readonly path: string;
  /** The file as it was installed. */
  readonly text: string;
  readonly values: { readonly JWT_SECRET: string; readonly VALKEY_PASSWORD: string };
}

interface TrackerOptions {
  /** More lines of the unit's [Unit] and [Service]. */
  readonly unit?: readonly string[];
  readonly service?: readonly string[];
  readonly mode?: number;
  /** `user:group`. */
  readonly owner?: string;
}

/** A value that no file on any host holds by chance; with a word in front the tracker does what the word says. */
export function freshValue(word = 'well'): string {
  return `${word}-${randomBytes(18).toString('hex')}`;
}

/** Installs and starts it, with an env file of forty lines. */
export async function installTracker(host: LiveHost, options: TrackerOptions = {}): Promise<Tracker> {
  const { service = [], mode = 0o640, owner = 'root:deploy' } = options;
  const unit = 'tracker.service';
  const path = '/etc/tracker/web.env';
  const values = { JWT_SECRET: freshValue(), VALKEY_PASSWORD: freshValue() };
  const text = fortyLines(values);
  await host.write(path, text, mode);
  await host.run('chown', owner, path);
  const program = await readFile(new URL('hosts/tracker', import.meta.url), 'utf8');
  await host.write('/srv/tracker/web', program, 0o755);
  await host.unit(
    unit,
    [
      '[Unit]',
      'Description=tracker web',
      ...(options.unit ?? []),
      '[Service]',
      'Type=notify',
      `EnvironmentFile=${path}`,
      `EnvironmentFile=-${path}.keyturn`,
      'ExecStart=/srv/tracker/web',
      'ExecReload=/bin/kill -HUP $MAINPID',
      'TimeoutStartSec=5',
      ...service,
      '',
    ].join('\n'),
  );
  await host.run('systemctl', 'start', unit);
  return { unit, path, text, values };
}

function fortyLines({ JWT_SECRET, VALKEY_PASSWORD }: Tracker['values']): string {
  return `# tracker-web, production
# Edited by hand; ask #platform before you change anything here.

; --- server
NODE_ENV=production
PORT=8080
HOST=127.0.0.1
PUBLIC_URL="https://tracker.example/app?from=mail&lang=de"
LOG_LEVEL=info
LOG_FORMAT='{"level": "%l", "text": "%m"}'

# --- sign-in
JWT_ISSUER=tracker
JWT_AUDIENCE="tracker web"
JWT_SECRET=${JWT_SECRET}
JWT_LIFETIME=3600
   # an indented comment
COOKIE_NAME=tracker_session
SESSION_IDLE=  900

# --- database
DATABASE_HOST=10.0.3.7
DATABASE_PORT=5432
DATABASE_NAME=tracker
DATABASE_USER=tracker_web
DATABASE_OPTIONS=-c statement_timeout=5000 \\
  -c lock_timeout=1000
# --- valkey
VALKEY_URL=valkey://10.0.3.8:6379/0
VALKEY_PASSWORD="${VALKEY_PASSWORD}"
VALKEY_PREFIX='tracker:'
#VALKEY_PASSWORD=an-example-that-was-left-here

# --- features
FEATURE_BOARD=on
FEATURE_EXPORT=off
FEATURE_GREETING="Say \\"hello\\" to \\$USER"
MAIL_FROM=Tracker <tracker@tracker.example>
MAIL_REPLY_TO=
# the last line
`;
}
