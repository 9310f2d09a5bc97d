#!/bin/bash
# down.sh DIRECTORY: ends the hosts that up.sh booted there and leaves nothing of them: processes, mounts, control
# groups, files. Touches only processes whose number stands there, and only while they are those hosts. Twice is as once.
set -uo pipefail

hosts=${1:?the directory that up.sh printed}
case $hosts in */keyturn-hosts.*) ;; *) echo "down.sh: '$hosts' is not a directory of hosts" >&2; exit 2 ;; esac
[ -d "$hosts" ] || exit 0

# A number may belong to someone else by now: ask the process itself. It dies with its PID 1, and that with it.
starter_of_host() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "/boot.sh $hosts "; }
watcher_of_hosts() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "/down.sh $hosts "; }

# Its own group, because it has a child; this may be it.
if [ -s "$hosts/watcher" ]; then
  watcher=$(<"$hosts/watcher")
  [ "$watcher" = $$ ] || ! watcher_of_hosts "$watcher" || kill -- "-$watcher" 2>/dev/null
fi

for file in "$hosts"/*/starter; do
  [ -s "$file" ] || continue
  pid=$(<"$file")
  starter_of_host "$pid" && kill -9 "$pid" 2>/dev/null
done

# The namespace of processes is gone when its last one is: only then its control groups can be removed.
unshare --mount --propagation private bash -s "$hosts" <<'REMOVE'
mount -t cgroup2 cgroup2 /mnt || exit
for host in "$1"/*/; do
  host=${host%/}
  group=/mnt/${1##*/}-${host##*/}
  for _ in $(seq 200); do
    [ -d "$group" ] || break
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    sleep 0.02
  done
done
REMOVE

rm -rf --one-file-system "$hosts"
[ ! -e "$hosts" ] || { echo "down.sh: could not remove $hosts" >&2; exit 1; }
