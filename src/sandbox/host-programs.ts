/** First lines of each stand-in: where the host is, and a number that no process of it had yet. */
const HEAD = `
here=$(cd "$(dirname "$0")/.." && pwd)
root=$here/root
state=$root/run/keyturn
new_pid() {
  pid=$(($(cat "$state/pids") + 1))
  until mkdir "$root/proc/$pid" 2>/dev/null; do pid=$((pid + 1)); done
  echo "$pid" >"$state/pids"
}
# What a process is seen by: its environment, of which the marker alone is kept, and when it began.
marker_of() {
  while read -r file; do
    [ ! -r "$root$file.keyturn" ] || grep '^KEYTURN_VERSIONS=' "$root$file.keyturn"
  done <"$1" | tail -n 1
}
refused_by() {
  [ -s "$1/refuses" ] && marker_of "$1/files" | grep -qF -f "$1/refuses"
}
`;

/**
 * `show -p … -- UNIT`, `restart`, `reload` and `reset-failed -- UNIT`. A unit is a folder of files and its process a
 * record of one: nothing runs. It starts unless a file of variables is missing, and stops being started after five
 * failures in a row, as systemd does. Files in its folder change that:
 *
 *     fails      it ends as it starts
 *     refuses    it ends as it starts where its marker names one of the versions in here
 *     crashes    it ends and is started again each time somebody looks
 *     hides      its environment has no marker
 *     forbidden  nobody may restart it
 */
const SYSTEMCTL = `#!/bin/sh
# A stand-in for systemctl: it keeps records of units in files and starts nothing.${HEAD}
verb=$1
for last in "$@"; do unit=$last; done
folder=$state/units/$unit
begin() {
  reason=
  while read -r file; do [ -e "$root$file" ] || reason=resources; done <"$folder/files"
  if [ -e "$folder/fails" ] || refused_by "$folder"; then reason=exit-code; fi
  [ "$(cat "$folder/failures")" -lt 5 ] || reason=start-limit-hit
  if [ -n "$reason" ]; then
    echo $(($(cat "$folder/failures") + 1)) >"$folder/failures"
    echo "failed failed $reason" >"$folder/state"
    echo 0 >"$folder/pid"
    return 1
  fi
  new_pid
  read -r up rest </proc/uptime
  echo "$pid ($unit) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 \${up%.*}\${up#*.} 0" >"$root/proc/$pid/stat"
  : >"$root/proc/$pid/environ"
  [ -e "$folder/hides" ] || marker_of "$folder/files" | tr '\\n' '\\0' >"$root/proc/$pid/environ"
  echo "active running success" >"$folder/state"
  echo "$pid" >"$folder/pid"
}
end() {
  pid=$(cat "$folder/pid")
  [ "$pid" -eq 0 ] || rm -rf "$root/proc/$pid"
}
show() {
  if [ ! -d "$folder" ]; then
    printf '%s\\n' LoadState=not-found ActiveState=inactive SubState=dead MainPID=0 NRestarts=0
    return
  fi
  if [ -e "$folder/crashes" ] && [ "$(cat "$folder/pid")" -ne 0 ]; then
    end
    begin
    echo $(($(cat "$folder/restarts") + 1)) >"$folder/restarts"
  fi
  read -r active sub result <"$folder/state"
  printf '%s\\n' LoadState=loaded "ActiveState=$active" "SubState=$sub" "Result=$result" CanReload=yes \\
    "MainPID=$(cat "$folder/pid")" "NRestarts=$(cat "$folder/restarts")" ExecMainStartTimestampMonotonic=0
}
if [ "$verb" = show ]; then
  show | grep -E "^($(printf '%s' "$3" | tr , '|'))="
  exit 0
fi
if [ ! -d "$folder" ]; then
  echo "Failed to $verb $unit: Unit $unit not found." >&2
  exit 5
fi
if [ -e "$folder/forbidden" ]; then
  echo "Failed to $verb $unit: Interactive authentication required." >&2
  exit 1
fi
case $verb in
  reset-failed)
    echo 0 >"$folder/failures"
    ! grep -q '^failed' "$folder/state" || echo "inactive dead success" >"$folder/state"
    ;;
  reload) [ "$(cat "$folder/pid")" -ne 0 ] ;;
  restart)
    end
    echo 0 >"$folder/restarts"
    echo "$unit" >>"$state/restarted"
    begin || {
      echo "Job for $unit failed because the control process exited with error code." >&2
      echo "See \\"systemctl status $unit\\" and \\"journalctl -xeu $unit\\" for details." >&2
      exit 1
    }
    ;;
  *)
    echo "the stand-in for systemctl knows no $verb" >&2
    exit 64
    ;;
esac
`;

/**
 * `compose [-f F]… --project-directory D [-p P] ps -q S | up -d --no-deps (--force-recreate | --no-recreate) [--scale S=N] S
 * | config --services`, `inspect --format F ID`, `ps -aq --filter label=…`, `stop`, `rm` and `image inspect NAME`. A container is a folder of files,
 * and `inspect` prints the one form that keyturn asks for, whatever F says. Files in the folder of a service:
 *
 *     fails      compose brings it up no more
 *     refuses    a new container ends where its marker names one of the versions in here
 *     unhealthy  a new container's health check fails
 *     hides      its environment has no marker
 */
const DOCKER = `#!/bin/sh
# A stand-in for docker and docker compose: it keeps records of containers in files and starts nothing.${HEAD}
containers=$state/containers
ids_of() {
  for each in "$containers"/*; do
    [ -d "$each" ] && [ "$(cat "$each/of")" = "$1" ] && [ "$(cat "$each/status")" = running ] && basename "$each"
  done
  true
}
all_of() {
  for each in "$@"; do
    case $each in
      *compose.service=*) service=\${each##*=} ;;
      *working_dir=*) directory=\${each#*working_dir=} ;;
    esac
  done
  directory=\${directory#"$root"}
  key=$(printf '%s' "$directory" | tr / %)%$service
  for each in "$containers"/*; do
    [ -d "$each" ] && [ "$(cat "$each/of")" = "$key" ] && basename "$each"
  done
  true
}
make() {
  new_pid
  id=c0ffee$pid
  mkdir -p "$containers/$id"
  echo "$key" >"$containers/$id/of"
  echo "$service-$pid" >"$containers/$id/name"
  status=running health=healthy
  if refused_by "$folder"; then status=exited; fi
  [ ! -e "$folder/unhealthy" ] || health=unhealthy
  echo "$health" >"$containers/$id/health"
  set -- $(TZ=UTC stat -Lc '%y' /proc/self)
  echo "$1T$2Z" >"$containers/$id/started"
  : >"$containers/$id/marker"
  [ -e "$folder/hides" ] || marker_of "$folder/files" >"$containers/$id/marker"
  echo "$status" >"$containers/$id/status"
  echo "$service" >>"$state/restarted"
}
compose() {
  directory= scale= recreate=yes
  while [ $# -gt 0 ]; do
    case $1 in
      -f | -p) shift ;;
      --project-directory)
        directory=\${2#"$root"}
        shift
        ;;
      *) break ;;
    esac
    shift
  done
  verb=$1
  for last in "$@"; do service=$last; done
  while [ $# -gt 0 ]; do
    case $1 in
      --scale) scale=\${2#*=} ;;
      --no-recreate) recreate=no ;;
    esac
    shift
  done
  key=$(printf '%s' "$directory" | tr / %)%$service
  folder=$state/services/$key
  case $verb in
    config) (cd "$state/services" && for each in "$(printf '%s' "$directory" | tr / %)"%*; do echo "\${each##*%}"; done) ;;
    ps)
      [ -d "$folder" ] || exit 1
      ids_of "$key"
      ;;
    up)
      [ -d "$folder" ] || { echo "no such service: $service" >&2; exit 1; }
      [ ! -e "$folder/fails" ] || { echo "Container $service  Error" >&2; exit 1; }
      have=$(ids_of "$key")
      count=$(printf '%s' "$have" | grep -c .)
      [ -n "$scale" ] || scale=1
      if [ $recreate = yes ]; then
        for id in $have; do rm -rf "$containers/$id"; done
        count=0
      fi
      while [ "$count" -lt "$scale" ]; do
        make
        count=$((count + 1))
      done
      ;;
    *)
      echo "the stand-in for compose knows no $verb" >&2
      exit 64
      ;;
  esac
}
inspect() {
  one=$containers/$1
  [ -d "$one" ] || { echo "Error: No such object: $1" >&2; exit 1; }
  echo "$1 /$(cat "$one/name") $(cat "$one/status") $(cat "$one/health") 0 $(cat "$one/started")"
  cat "$one/marker"
}
case $1 in
  compose)
    shift
    compose "$@"
    ;;
  inspect) inspect "$4" ;;
  image) grep -qxF -e "$3" "$state/images" ;;
  ps) all_of "$@" ;;
  stop) [ -d "$containers/$2" ] && echo exited >"$containers/$2/status" ;;
  rm) rm -rf "$containers/$2" ;;
  *)
    echo "the stand-in for docker knows no $1" >&2
    exit 64
    ;;
esac
`;

const DOCKER_COMPOSE = `#!/bin/sh
# A stand-in for docker-compose, version 1.
exec "$(dirname "$0")/docker" compose "$@"
`;

/** What a stack declares to be run on a host is not run in a sandbox: it is written down, and an image is as good as built. */
const RUN = `#!/bin/sh
# A stand-in for whatever program is declared: it writes down its name.${HEAD}
echo "$1" >>"$state/ran"
[ ! -e "$state/run-fails" ] || exit 1
[ -z "$KEYTURN_IMAGE" ] || [ -e "$state/builds-nothing" ] || echo "$KEYTURN_IMAGE" >>"$state/images"
`;

/** Nothing listens: it answers as it should unless `probe-fails` says what it answers instead. */
const PROBE = `#!/bin/sh
# A stand-in for a request to a port of this host: nothing listens.${HEAD}
[ ! -e "$state/probe-fails" ] || { cat "$state/probe-fails"; exit 1; }
`;

const CHOWN = `#!/bin/sh
# A stand-in for chown: an embedded host has no users, and its files stay with who made them.
`;

/** name → text of the programs that an embedded host has in the place of real ones. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'systemctl': SYSTEMCTL,
  'docker': DOCKER,
  'docker-compose': DOCKER_COMPOSE,
  'keyturn-run': RUN,
  'keyturn-probe': PROBE,
  'chown': CHOWN,
};
