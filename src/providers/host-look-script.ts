import type { EnvFile, Restart } from '../model/host.ts';
import { MARKER_SUFFIX } from '../model/host.ts';
import { MARKER_LINES, MARKER_VARIABLE_LINE } from './host-marker.ts';
import { quoted, quotedAll } from './host-quoted.ts';

/** Where a path of the host is for the shell that runs: an embedded host is a folder. */
export type Place = (path: string) => string;

type Compose = Extract<Restart, { kind: 'compose-service' }>;

/** What a script that compares files needs: `identity PATH` prints `<inode>.<seconds>.<nanoseconds>`. */
export const IDENTITY = `
identity() {
  set -- $(stat -Lc '%i %Y %y' "$1" 2>/dev/null)
  [ $# -ge 4 ] || return 1
  case $4 in *.*) echo "$1.$2.\${4#*.}" ;; *) echo "$1.$2.0" ;; esac
}`;

const GREP_MARKER = `grep -E ${MARKER_LINES.map((line) => `-e ${quoted(line)}`).join(' ')}`;
const GREP_VARIABLE = `grep -E ${quoted(MARKER_VARIABLE_LINE)}`;

const PROPERTIES =
  'LoadState,ActiveState,SubState,MainPID,NRestarts,Result,CanReload,ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic';

/** Of a container's environment the marker alone: docker reads it all to us otherwise. */
const CONTAINER =
  '{{.Id}} {{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}} {{.State.StartedAt}}{{println}}' +
  '{{range .Config.Env}}{{if eq (index (split . "=") 0) "KEYTURN_VERSIONS"}}{{println .}}{{end}}{{end}}';
const CONTAINER_LINE = '^[0-9a-f]+ /?[A-Za-z0-9_.-]+ [a-z]+ [a-z]+ [0-9]+ [0-9TZ:.+-]+$';

/**
 * Compose alone knows its project, and shows no container that ended; those docker shows by compose's labels.
 *
 * Each function prints lines that begin with what they are of. No value and no part of a file leaves the host: what
 * compose says is dropped, because it quotes lines of the files that it cannot read.
 */
const FUNCTIONS = `${IDENTITY}
clock() {
  read -r before rest </proc/uptime
  now=$(stat -Lc '%Y %y' /proc/self)
  read -r after rest </proc/uptime
  echo "clock $before $after $now"
}
file() {
  dir=\${2%/*}
  if seen=$(stat -Lc '%a %u:%g %h %F' "$2" 2>&1); then
    echo "file $1 there $(identity "$2") $seen"
  elif seen=$(LC_ALL=C stat -Lc %F "\${dir:-/}" 2>&1); then
    if seen=$(stat -Lc %F "$2" 2>&1); then :; fi
    case $seen in *'No such file'*) echo "file $1 absent" ;; *) echo "file $1 unseen $seen" ;; esac
  else
    case $seen in *'No such file'*) echo "file $1 nowhere" ;; *) echo "file $1 unseen $seen" ;; esac
  fi
  [ -e "$2${MARKER_SUFFIX}" ] || return 0
  [ -r "$2${MARKER_SUFFIX}" ] || { echo "file $1 unseen the marker beside it may not be read"; return 0; }
  echo "marked $1 $(identity "$2${MARKER_SUFFIX}")"
  ${GREP_MARKER} "$2${MARKER_SUFFIX}" | sed "s/^/said $1 /"
}
process() {
  [ "$3" -gt 0 ] 2>/dev/null || return 0
  at="$1 $2"
  pid=$3
  read -r line 2>/dev/null <"$root/proc/$pid/stat" || return 0
  set -- \${line##*) }
  [ $# -ge 20 ] || return 0
  shift 19
  echo "ticks $at $1"
  [ -r "$root/proc/$pid/environ" ] || return 0
  tr '\\0' '\\n' 2>/dev/null <"$root/proc/$pid/environ" | ${GREP_VARIABLE} | tail -n 1 | sed "s/^/env $at /"
}
unit() {
  command -v systemctl >/dev/null || { echo "missing $1 $2 systemctl"; return 0; }
  if shown=$(systemctl show -p ${PROPERTIES} -- "$3" 2>&1); then
    printf '%s\\n' "$shown" | sed "s/^/unit $1 $2 /"
    process "$1" "$2" "$(printf '%s\\n' "$shown" | sed -n 's/^MainPID=//p')"
  else
    echo "unseen $1 $2 $shown" | tr '\\n' ' '
    echo
  fi
}
containers() {
  at="$1 $2" engine=$3 service=$4 folder=$5 label=$6
  shift 6
  command -v "$engine" >/dev/null || { echo "missing $at $engine"; return 0; }
  shown=$(cd "$folder" 2>/dev/null && "$@" ps -q "$service" 2>/dev/null)
  ids=$("$engine" ps -aq --no-trunc --filter "label=com.docker.compose.service=$service" \\
    --filter "label=com.docker.compose.oneoff=False" --filter "label=$label" 2>&1) ||
    { echo "unseen $at $ids" | tr '\\n' ' '; echo; return 0; }
  echo "compose $at"
  for id in $(printf '%s\\n' "$shown" "$ids" | sort -u); do
    "$engine" inspect --format ${quoted(CONTAINER)} "$id" 2>/dev/null |
      grep -E -e ${quoted(CONTAINER_LINE)} -e ${quoted(MARKER_VARIABLE_LINE)} | sed "s/^/container $at /"
  done
}`;

/** Looks at files and at what is declared to read them, in one go. */
export function lookScript(files: readonly EnvFile[], place: Place): string {
  const calls = files.flatMap((file, at) => [
    `file ${at} ${quoted(place(file.path))}`,
    ...file.restarts.map((restart, which) => looked(restart, `${at} ${which}`, place)),
  ]);
  return [
    FUNCTIONS,
    'read -r machine 2>/dev/null <"$root/etc/machine-id" && echo "machine $machine"',
    'clock; clock; clock',
    ...calls,
    'true',
  ].join('\n');
}

function looked(restart: Restart, at: string, place: Place): string {
  switch (restart.kind) {
    case 'systemd-unit':
      return `unit ${at} ${quoted(restart.unit)}`;
    case 'compose-service': {
      const { service, directory, project } = restart;
      const label =
        project === null
          ? `com.docker.compose.project.working_dir=${place(directory)}`
          : `com.docker.compose.project=${project}`;
      const fixed = [engineOf(restart), service, place(directory), label];
      return `containers ${at} ${quotedAll([...fixed, ...composeWords(restart, place)])}`;
    }
    case 'command':
      return ':';
  }
}

/** Compose as it is declared, up to its own subcommand. Runs in the project's directory. */
export function composeWords({ program, files, directory, project }: Compose, place: Place): string[] {
  return [
    ...program,
    ...files.flatMap((file) => ['-f', file.startsWith('/') ? place(file) : file]),
    '--project-directory',
    place(directory),
    ...(project === null ? [] : ['-p', project]),
  ];
}

/** The program that shows containers: compose of version 2 is a part of it, that of version 1 is a program of its own. */
export function engineOf({ program }: Pick<Compose, 'program'>): string {
  return program.length > 1 ? (program[0] ?? 'docker') : 'docker';
}
