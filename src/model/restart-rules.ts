import type { Mount } from './declared.ts';
import { programProblems } from './hook-rules.ts';
import type { ImageBuild, Restart } from './host.ts';
import { pathProblem } from './path-rules.ts';
import type { SettingProblem } from './setting.ts';

type OnCompose = Extract<Restart, { kind: 'compose-service' }>;

/** `registry.example:5000/shop/tracker-web`, as Docker reads a reference, without tag and digest. */
const IMAGE =
  /^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:\d{1,5})?\/)?[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)*$/;
const MAX_IMAGE = 200;
/** Docker's limit for the tag of an image, which says the versions that are baked into it. */
const MAX_TAG = 128;

/** What is wrong with what is restarted once a file is written, and what to write instead. */
export function restartProblems(restarts: readonly Restart[]): SettingProblem[] {
  return restarts.flatMap((restart) => {
    switch (restart.kind) {
      case 'systemd-unit':
        return unitProblems(restart.unit);
      case 'compose-service':
        return composeProblems(restart);
      case 'command':
        return programProblems('the command that restarts', restart, "['./restart', 'web']");
    }
  });
}

function unitProblems(unit: string): SettingProblem[] {
  if (/^[a-zA-Z0-9:_.][a-zA-Z0-9:_.\\@-]{0,246}\.service$/.test(unit)) return [];
  const isBare = /^[a-zA-Z0-9][a-zA-Z0-9_@-]*$/.test(unit);
  return [
    {
      what: `"${unit}" is no name of a systemd service`,
      next: `write it whole: ${isBare ? `${unit}.service` : 'tracker.service'}`,
    },
  ];
}

function composeProblems({ service, directory, files, project, program }: OnCompose): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/.test(service)) {
    problems.push({
      what: `"${service}" is no name of a compose service`,
      next: 'give what the compose file calls it, for instance web',
    });
  }
  problems.push(...directoryProblems('the directory of the compose project', directory));
  for (const file of files) {
    if (file !== '' && !file.startsWith('-') && !/\p{C}/u.test(file)) continue;
    problems.push({
      what: `"${file}" is no compose file`,
      next: 'name a file of the host: docker-compose.yml starts in the directory of the project',
    });
  }
  if (project !== null && !/^[a-z0-9][a-z0-9_-]{0,127}$/.test(project)) {
    problems.push({
      what: `"${project}" is no name of a compose project`,
      next: 'use lower-case letters, digits, hyphens and underscores, a letter or digit first, or leave it out',
    });
  }
  if (program.length === 0 || program.some((part) => part === '' || part.includes('\0'))) {
    problems.push({
      what: 'a compose service without the program of compose',
      next: "write program: ['docker-compose'], or leave it out for docker compose",
    });
  }
  return problems;
}

/** What is wrong with the images that are built, and with what is said to be baked into them. */
export function buildProblems(
  builds: readonly ImageBuild[],
  mounts: readonly Pick<Mount, 'target' | 'build' | 'base'>[],
): SettingProblem[] {
  const problems = builds.flatMap((build) => [...imageProblems(build), ...tagProblems(build, mounts)]);
  for (const { variable, image } of builds) {
    if (mounts.some((mount) => mount.build === variable)) continue;
    problems.push({
      what: `nothing is baked into "${image}": no rotation would ever build it`,
      next: "give args: [secret.buildArg('NEXT_PUBLIC_…')], or leave the build out",
    });
  }
  for (const { target, build } of mounts) {
    if (build === undefined || builds.some(({ variable }) => variable === build)) continue;
    problems.push({
      what: `"${target}" is baked into the image of "${build}", which is not built here`,
      next: 'name the variable of one of the builds',
    });
  }
  return problems;
}

function imageProblems(build: ImageBuild): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (!isImage(build.image)) {
    const untagged = build.image.replace(/(@[^@/]*|:[^:/]*)$/, '');
    const example = isImage(untagged) ? untagged : 'registry.example/tracker-web';
    problems.push({
      what: `"${build.image}" is no image without a tag`,
      next: `write it like ${example}: keyturn gives the tag`,
    });
  }
  problems.push(...directoryProblems('the directory of the build', build.directory));
  problems.push(...programProblems('the build', build, "['./build-web']"));
  return problems;
}

function tagProblems(
  { variable, image }: ImageBuild,
  mounts: readonly Pick<Mount, 'build' | 'base'>[],
): SettingProblem[] {
  const baked = mounts.filter(({ build }) => build === variable).map(({ base }) => `${base}_v9999`);
  const tag = baked.join('.');
  if (tag.length <= MAX_TAG && !tag.startsWith('-')) return [];
  return [
    {
      what: `"${tag}" is no tag of the image "${image}", which says what is baked into it`,
      next: `give the secrets names of fewer characters, a letter or digit first: ${MAX_TAG} in all, with versions`,
    },
  ];
}

function isImage(name: string): boolean {
  return name.length <= MAX_IMAGE && IMAGE.test(name);
}

function directoryProblems(of: string, directory: string): SettingProblem[] {
  const problem = pathProblem(directory);
  return problem === null ? [] : [{ what: `${of} ${problem.what}`, next: problem.next }];
}
