#!/bin/bash
# Boots hosts, each with a real systemd as PID 1 and a real sshd, and prints a line of JSON for each:
#   test/live/hosts/up.sh web-1 web-2
#   test/live/hosts/up.sh --check       says why none can be booted here
# Each has namespaces of every kind but users and time, and a root of its own in memory: nothing of the machine's own
# files, units or network is touched, and several run side by side. Needs root. README.md says more.
#   KEYTURN_HOSTS_WITH=PID      they end when this process does, whatever ended it
#   KEYTURN_HOSTS_DOCKER=PATH   the engine's socket that becomes their /run/docker.sock
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hosts=

give_up() {
  echo "up.sh: $1" >&2
  [ -z "$hosts" ] || "$here/down.sh" "$hosts" >&2 || true
  exit 1
}
trap 'give_up "line $LINENO failed"' ERR

[ $# -gt 0 ] || give_up 'which hosts? up.sh NAME…'
[ "$(id -u)" = 0 ] || give_up 'only root can boot hosts'
for tool in unshare nsenter setpriv pivot_root ssh-keygen busybox sudo dbus-daemon; do
  command -v "$tool" >/dev/null || give_up "$tool is missing (README.md lists the packages)"
done
for program in /usr/lib/systemd/systemd /usr/sbin/sshd; do
  [ -x "$program" ] || give_up "$program is missing (README.md lists the packages)"
done
unshare --mount --propagation private --pid --uts --ipc --net --cgroup --fork mount -t cgroup2 cgroup2 /mnt ||
  give_up 'no namespaces or no cgroup2 here'
[ "$1" != --check ] || exit 0
for name in "$@"; do
  [[ $name =~ ^[a-z][a-z0-9-]*$ ]] || give_up "'$name' is not a name of a host"
done
hosts=$(mktemp -d "${TMPDIR:-/tmp}/keyturn-hosts.XXXXXX")

# A namespace of mounts of its own from the beginning: what boot.sh mounts is never seen by the machine.
start_host() {
  local home=$hosts/$1
  mkdir -p "$home/root"
  ssh-keygen -q -t ed25519 -N '' -C "root@$1" -f "$home/host_key"
  setsid unshare --mount --propagation private --pid --uts --ipc --net --fork --kill-child \
    "$here/boot.sh" "$hosts" "$1" >"$home/log" 2>&1 </dev/null &
  echo $! >"$home/starter"
}

wait_for_host() {
  local home=$hosts/$1 state=
  for _ in $(seq 600); do
    kill -0 "$(<"$home/starter")" 2>/dev/null || break
    if [ -s "$home/pid" ]; then
      state=$(nsenter -t "$(<"$home/pid")" --mount --pid --uts --ipc --net systemctl is-system-running --wait 2>/dev/null) || true
      [ "$state" != running ] || return 0
      [ "$state" != degraded ] || break
    fi
    sleep 0.05
  done
  cat "$home/log" >&2
  [ ! -s "$home/pid" ] ||
    nsenter -t "$(<"$home/pid")" --mount --pid --uts --ipc --net journalctl --no-pager -p warning >&2 || true
  give_up "host $1 did not boot: ${state:-it ended}"
}

describe_host() {
  local home=$hosts/$1 pid
  pid=$(<"$home/pid")
  printf '{"name":"%s","pid":%s,"root":"/proc/%s/root","directory":"%s","key":"%s","hostKey":"%s"}\n' \
    "$1" "$pid" "$pid" "$hosts" "$hosts/user_key" "$(cut -d' ' -f1,2 "$home/host_key.pub")"
}

ssh-keygen -q -t ed25519 -N '' -C user -f "$hosts/user_key"
for name in "$@"; do start_host "$name"; done
for name in "$@"; do wait_for_host "$name"; done
if [ -n "${KEYTURN_HOSTS_WITH:-}" ]; then
  setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" "$3"' watch \
    "$KEYTURN_HOSTS_WITH" "$here/down.sh" "$hosts" >/dev/null 2>&1 </dev/null &
  echo $! >"$hosts/watcher"
fi
for name in "$@"; do describe_host "$name"; done
