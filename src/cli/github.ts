import { appendFileSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Place } from '../model/finding.ts';
import { guarded } from '../model/guard.ts';
import type { Annotation } from '../report/annotations.ts';
import { annotationLines } from '../report/annotations.ts';
import type { Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A step's summary: GitHub shows none of a larger one. */
const SUMMARY_LIMIT = 1024 * 1024;
/** A summary that has less room than this is not worth its beginning. */
const LEAST_ROOM = 1024;

export interface GithubArgs {
  readonly noGithub: boolean;
  readonly directory: string;
}

/** The job of GitHub Actions in which a command runs: its summary, and remarks at lines of the code. */
export interface GithubJob {
  /**
   * Adds to the job's summary. `write` is told how many bytes there is room for, and is not asked where there is none.
   * Fails nothing: that it could not be written is said on stderr.
   */
  summarize(write: (room: number) => string): void;
  /** On stderr, where the runner looks for them as well and no JSON or Markdown of ours stands. */
  annotate(annotations: readonly Annotation[]): void;
}

/** The job, or null outside of GitHub Actions and with `--no-github`. */
export function githubJob(argv: GithubArgs, environment: Environment, terminal: Terminal): GithubJob | null {
  if (argv.noGithub || environment['GITHUB_ACTIONS'] !== 'true') return null;
  const file = environment['GITHUB_STEP_SUMMARY'] ?? '';
  return {
    summarize: (write) => {
      if (file === '') return;
      try {
        const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
        const room = SUMMARY_LIMIT - size - 2;
        if (room < LEAST_ROOM) return;
        const text = guarded(write(room));
        if (Buffer.byteLength(text) <= room) appendFileSync(file, `${text}\n\n`);
        else remark(terminal, 'the job summary has no room for this');
      } catch (thrown) {
        const why = thrown instanceof Error && 'code' in thrown ? ` (${String(thrown.code)})` : '';
        remark(terminal, `the job summary could not be written${why}`);
      }
    },
    annotate: (annotations) => {
      const root = environment['GITHUB_WORKSPACE'] ?? '';
      const placed = annotations.map((each) => ({
        ...each,
        place: each.place === null ? null : inRepository(each.place, argv.directory, root),
      }));
      for (const line of annotationLines(placed)) terminal.say(line);
    },
  };
}

/** A place of the project as one of the repository, which is what GitHub counts from. */
function inRepository(place: Place, directory: string, root: string): Place {
  if (root === '') return place;
  const file = relative(resolve(root), resolve(directory, place.file));
  return file.startsWith('..') || isAbsolute(file) ? place : { ...place, file: file.split(sep).join('/') };
}
