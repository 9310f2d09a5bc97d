#!/bin/bash
# node.sh stop|kill|start|cut|heal N: what happens to one node of the lab. Each twice is as once.
#   stop   ends its dockerd as an operator does: its containers end with it
#   kill   ends its dockerd as a crash does: its containers go on
#   start  starts its dockerd, and waits until it answers
#   cut    takes it off the network, heal puts it back
# Touches only the process that the lab's own pid file names, and only while that is this node's dockerd.
set -euo pipefail

lab=${KEYTURN_LAB:?names the directory that up.sh printed}
ns=${KEYTURN_LAB_NS:?names the namespaces that up.sh printed}
what=${1:?stop, kill, start, cut or heal}
node=${2:?the number of a node}
home=$lab/n$node
[ -x "$home/start" ] || { echo "node.sh: the lab has no node $node" >&2; exit 2; }

answers() { curl -sf -m 2 -o /dev/null --unix-socket "$home/docker.sock" http://engine/_ping; }

# A pid file outlives a killed process, and its number may be someone else's by now.
dockerd_pid() {
  local pid
  [ -s "$home/pid" ] || return 0
  pid=$(<"$home/pid")
  if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--pidfile $home/pid"; then echo "$pid"; fi
}

end() {
  local pid
  pid=$(dockerd_pid)
  [ -n "$pid" ] || return 0
  kill "-$1" "$pid"
  for _ in $(seq 600); do
    [ -n "$(dockerd_pid)" ] || return 0
    sleep 0.05
  done
  echo "node.sh: the dockerd of node $node did not end" >&2
  exit 1
}

case $what in
  stop) end TERM ;;
  kill) end KILL ;;
  start)
    if [ -z "$(dockerd_pid)" ]; then
      rm -f "$home/pid"
      "$home/start" &
    fi
    for _ in $(seq 600); do
      answers && exit 0
      sleep 0.05
    done
    tail -5 "$home/log" >&2
    echo "node.sh: node $node did not start" >&2
    exit 1
    ;;
  cut) ip -n "$ns-hub" link set "p$node" down ;;
  heal) ip -n "$ns-hub" link set "p$node" up ;;
  *) echo "node.sh: what is '$what'?" >&2; exit 2 ;;
esac
