import { join, resolve } from 'node:path';
import { Fault } from '../../model/fault.ts';
import { renderCron } from '../../report/schedule-cron.ts';
import { renderGithub } from '../../report/schedule-github.ts';
import type { Schedule } from '../../report/schedule-order.ts';
import { renderFiles, renderRemarks } from '../../report/schedule-text.ts';
import { renderSwarm } from '../../report/schedule-swarm.ts';
import { renderSystemd } from '../../report/schedule-systemd.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { ScheduleArgs } from '../schedule-order.ts';
import { absolutePath, folderInRepository, localOrder, plainName, scheduleOrder } from '../schedule-order.ts';
import { present, writeNew } from '../new-files.ts';
import type { Terminal } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

/* Each prints what runs `apply --due`, or writes it with `--out`; runs nothing of the project, changes nothing else. */

interface ZonedArgs extends ScheduleArgs {
  readonly timeZone: string | undefined;
}

export async function cron(argv: ZonedArgs & { readonly log: string | undefined }): Promise<ExitCode> {
  return show(argv, async (terminal) => {
    const log = argv.log === undefined ? null : absolutePath(argv.log);
    return renderCron({ ...(await localOrder(argv, argv.timeZone, terminal)), log });
  });
}

export async function systemd(argv: ZonedArgs & { readonly user: string }): Promise<ExitCode> {
  return show(argv, async (terminal) => {
    const user = plainName(argv.user, '--user');
    return renderSystemd({ ...(await localOrder(argv, argv.timeZone, terminal)), user });
  });
}

export async function github(argv: ScheduleArgs & { readonly runsOn: string }): Promise<ExitCode> {
  return show(argv, async (terminal) => {
    const runsOn = argv.runsOn.split(',').map((label) => plainName(label.trim(), '--runs-on'));
    const folder = folderInRepository(argv.directory);
    return renderGithub({ ...(await scheduleOrder(argv, terminal)), runsOn, folder });
  });
}

interface SwarmArgs extends ScheduleArgs {
  readonly image: string;
  readonly node: string | undefined;
  readonly socket: string | undefined;
}

export async function swarm(argv: SwarmArgs): Promise<ExitCode> {
  return show(argv, async (terminal) => {
    const node = argv.node === undefined ? null : plainName(argv.node, '--node');
    const socket = argv.socket === undefined ? null : absolutePath(argv.socket);
    return renderSwarm({
      ...(await scheduleOrder(argv, terminal)),
      image: imageName(argv.image),
      node,
      socket,
    });
  });
}

async function show(argv: ScheduleArgs, make: (terminal: Terminal) => Promise<Schedule>): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  if (argv.force && argv.out === undefined) throw refusal('--force needs --out', 'add --out FOLDER');
  const made = await make(terminal);
  const { files, warnings, next } = made;
  const written = argv.out === undefined ? [] : await write(argv.out, argv.force, files);
  if (terminal.json) {
    terminal.printJson({ format: 1, files, written, warnings, next });
    return EXIT.done;
  }
  if (argv.out === undefined) terminal.print(renderFiles(made));
  for (const path of written) terminal.print(`wrote ${path}`);
  terminal.say(renderRemarks(made, terminal.errorPage));
  return EXIT.done;
}

/** All of them or, where one exists that may not be replaced, none. */
async function write(folder: string, replace: boolean, files: Schedule['files']): Promise<string[]> {
  const paths = files.map(({ path }) => path);
  const existing = replace ? [] : await present(folder, paths);
  if (existing.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `${existing.join(', ')} ${existing.length === 1 ? 'exists' : 'exist'} already`,
      where: resolve(folder),
      live: 'nothing was written',
      next: 'say --force to replace, or another --out or --name',
    });
  }
  for (const file of files) await writeNew(folder, file, replace);
  return paths.map((path) => join(folder, path));
}

/** A reference of an image, as far as YAML and a shell care. */
function imageName(name: string): string {
  if (/^[a-z0-9][\w.:/@-]*$/.test(name)) return name;
  throw refusal(`"${name}" is no name of an image`, 'say --image REGISTRY/NAME:TAG');
}

function refusal(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing was written', next });
}
