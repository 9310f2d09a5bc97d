#!/bin/bash
# Stops the lab named by KEYTURN_LAB and KEYTURN_LAB_NS and leaves nothing of it: processes, mounts, namespaces,
# control groups, files; also after a dockerd was killed. Touches only what names the lab's own directory.
set -uo pipefail

lab=${KEYTURN_LAB:?names the directory that up.sh printed}
ns=${KEYTURN_LAB_NS:?names the namespaces that up.sh printed}
case $lab in */keyturn-lab.*) ;; *) echo "down.sh: '$lab' is not a lab" >&2; exit 2 ;; esac
[ -d "$lab" ] || exit 0

# A pid file may outlive its process, and the number may belong to someone else by now: ask the process itself.
daemon_of_lab() {
  tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$lab/" &&
    grep -qE '^(dockerd|containerd|containerd-shim.*)$' "/proc/$1/comm" 2>/dev/null
}
# A container has the lab's layer as its root, and keeps running when its dockerd is killed.
container_of_lab() {
  awk -v lab="$lab/" '$5 == "/" && index($0, lab) { found = 1 } END { exit !found }' "/proc/$1/mountinfo" 2>/dev/null
}
alive() { for pid in "$@"; do daemon_of_lab "$pid" && return 0; done; return 1; }

# Leaving removes a node's tasks without their grace period; then dockerd has nothing left to wait for.
leaves=()
for node in "$lab"/n*; do
  [ -S "$node/docker.sock" ] || continue
  timeout 10 docker -H "unix://$node/docker.sock" swarm leave --force >/dev/null 2>&1 &
  leaves+=($!)
done
for leave in ${leaves[@]+"${leaves[@]}"}; do wait "$leave"; done

pids=()
for file in "$lab"/n*/pid; do
  [ -s "$file" ] || continue
  pid=$(<"$file")
  daemon_of_lab "$pid" && pids+=("$pid") && kill "$pid" 2>/dev/null
done
for _ in $(seq 100); do
  alive ${pids[@]+"${pids[@]}"} || break
  sleep 0.1
done

# What a crash left: twice, since a shim may have been starting something.
for _ in 1 2; do
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    if daemon_of_lab "$pid" || container_of_lab "$pid"; then kill -9 "$pid" 2>/dev/null; fi
  done
  sleep 0.1
done

# Shims put their sockets outside of the lab; each says where in its bundle.
for file in "$lab"/n*/exec/containerd/daemon/io.containerd.runtime.v2.task/*/*/address; do
  [ -f "$file" ] || continue
  socket=$(<"$file")
  case $socket in unix:///run/containerd/s/*) rm -f "${socket#unix://}" ;; esac
done
for container in "$lab"/n*/data/containers/*; do
  id=${container##*/}
  [ ${#id} -eq 64 ] || continue
  find /sys/fs/cgroup -depth -type d -path "*/docker/$id*" -exec rmdir {} + 2>/dev/null
done

awk -v lab="$lab/" 'index($2, lab) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
  umount -l "$mount" 2>/dev/null
done
ip netns list | awk '{ print $1 }' | grep -E "^$ns-(hub|[0-9]+)$" | while read -r name; do ip netns del "$name"; done
rm -rf "$lab"
[ ! -e "$lab" ] || { echo "down.sh: could not remove $lab" >&2; exit 1; }
