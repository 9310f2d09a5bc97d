import { millisecondsOf } from '../model/duration.ts';
import { Fault } from '../model/fault.ts';
import type { BuildRead, ImageBuild } from '../model/host.ts';
import { referenceTo } from '../model/host.ts';
import type { FlipOrder } from '../model/platform.ts';
import { engineOf } from './host-look-script.ts';
import { quoted, quotedAll } from './host-quoted.ts';
import type { HostRoom } from './host-room.ts';
import { change, heard } from './host-room.ts';
import { limited } from './host-restart.ts';

type Write = NonNullable<FlipOrder['write']>;

/** What docker takes as a tag. */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Holds afterwards: the images that bake in what `write` reads are there, by names that say which versions are in them.
 * Returns variable → image. One that is there is not built again, and no value is asked for.
 */
export async function buildImages(
  room: HostRoom,
  write: Write,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const images = new Map<string, string>();
  for (const build of write.file.builds) {
    const reads = write.reads.filter((read) => read.build === build.variable);
    if (reads.length === 0) continue;
    const image = `${build.image}:${tagOf(build, reads, room.where)}`;
    if (!(await isThere(room, image, write, signal)))
      await buildImage(room, build, reads, image, write, signal);
    images.set(build.variable, image);
  }
  return images;
}

function tagOf({ image }: ImageBuild, reads: readonly BuildRead[], where: string): string {
  const tag = reads.map(({ secret, ordinal }) => referenceTo(secret, ordinal)).join('.');
  if (TAG.test(tag)) return tag;
  throw new Fault({
    code: 'bad-declaration',
    what: `"${tag}" is no tag of an image "${image}": docker takes 128 characters`,
    where,
    live: 'nothing was changed',
    next: 'give the secrets shorter names, or bake fewer of them into one image',
  });
}

async function isThere(room: HostRoom, image: string, write: Write, signal?: AbortSignal): Promise<boolean> {
  const body = `${quotedAll([engineFor(write), 'image', 'inspect', image])} >/dev/null 2>&1`;
  const { code } = await room.shell.run({ body, timeoutMs: 60_000 }, signal);
  return code === 0;
}

function engineFor({ file }: Write): string {
  const compose = file.restarts.find((restart) => restart.kind === 'compose-service');
  return compose?.kind === 'compose-service' ? engineOf(compose) : 'docker';
}

/** These values are public, which the declaration has shown: whoever runs the image can read them. */
async function buildImage(
  room: HostRoom,
  { argv, directory, timeout }: ImageBuild,
  reads: readonly BuildRead[],
  image: string,
  write: Write,
  signal?: AbortSignal,
): Promise<void> {
  const exports: string[] = [];
  for (const read of reads) {
    const value = await write.valueOf(read);
    exports.push(`${read.target}=${quoted(value.reveal())}; export ${read.target}`);
  }
  const body = [
    `cd ${quoted(room.place(directory))} || exit 4`,
    ...exports,
    `KEYTURN_IMAGE=${quoted(image)}; export KEYTURN_IMAGE`,
    `${limited(room, argv, timeout)} >&2`,
  ].join('\n');
  const answer = await change(room, body, millisecondsOf(timeout) + 10_000, signal);
  const failed = (what: string) =>
    new Fault({
      code: 'hook-failed',
      what: `"${argv[0] ?? ''}" ${what}`,
      where: room.where,
      live: 'the file and what reads it are as they were',
      next: `run it by hand in ${directory} with KEYTURN_IMAGE=${image}`,
    });
  const said = heard(room, answer.said);
  if (answer.code === 124) throw failed(`did not end within ${timeout}: ${said}`);
  if (answer.code !== 0) throw failed(`exited with ${answer.code}: ${said}`);
  if (!(await isThere(room, image, write, signal))) throw failed(`left no image "${image}"`);
}
