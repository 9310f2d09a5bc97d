#!/bin/bash
# Starts a private swarm of N managers on this machine and prints what its users need to know:
#   eval "$(test/live/lab/up.sh 3)"     exports KEYTURN_LIVE_DOCKER_HOST, KEYTURN_LAB, KEYTURN_LAB_NS
# Each node is a dockerd in a network namespace of its own, wired to a bridge in a further namespace: nothing of
# the machine's own network or engine is touched, and several labs run side by side. Needs root. README.md says more.
set -euo pipefail

nodes=${1:-3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=$(mktemp -d "${TMPDIR:-/tmp}/keyturn-lab.XXXXXX")
ns=ktlab-${lab##*.}

give_up() {
  echo "up.sh: $1" >&2
  KEYTURN_LAB=$lab KEYTURN_LAB_NS=$ns "$here/down.sh" >&2 || true
  exit 1
}
trap 'give_up "line $LINENO failed"' ERR

for tool in dockerd docker ip nsenter unshare curl busybox perl; do
  command -v "$tool" >/dev/null || give_up "$tool is missing (README.md lists the packages)"
done

engine() { local node=$1; shift; docker -H "unix://$lab/n$node/docker.sock" "$@"; }

wire() {
  ip netns add "$ns-hub"
  ip -n "$ns-hub" link add br0 type bridge
  ip -n "$ns-hub" link set br0 up
  for i in $(seq "$nodes"); do
    ip netns add "$ns-$i"
    ip -n "$ns-$i" link set lo up
    ip -n "$ns-hub" link add "p$i" type veth peer name eth0 netns "$ns-$i"
    ip -n "$ns-hub" link set "p$i" master br0 up
    ip -n "$ns-$i" addr add "10.99.0.$i/24" dev eth0
    ip -n "$ns-$i" link set eth0 up
  done
}

# nsenter, because `ip netns exec` mounts /sys anew and runc then finds no cgroups. A hostname for each node, so
# that messages name it. Without PREFER_OFFLINE_IMAGE each task would first wait for a registry's DNS to time out.
# The start line is kept as a file: a test that kills a node starts it again with it.
start_node() {
  local home=$lab/n$1
  mkdir -p "$home"
  cat >"$home/start" <<START
#!/bin/bash
export DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1
exec setsid nsenter --net=/run/netns/$ns-$1 unshare --uts bash -c 'hostname node-$1; exec "\$@"' start \\
  dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$home/pid" \\
  -H "unix://$home/docker.sock" --log-level ${KEYTURN_LAB_LOG:-debug} >>"$home/log" 2>&1 </dev/null
START
  chmod +x "$home/start"
  "$home/start" &
}

wait_for_node() {
  for _ in $(seq 300); do
    curl -sf -o /dev/null --unix-socket "$lab/n$1/docker.sock" http://engine/_ping && return
    sleep 0.1
  done
  tail -5 "$lab/n$1/log" >&2
  give_up "node $1 did not start"
}

# One image for everything: the application, its health command, a client, and a shell for probes. Not busybox's
# wget and nc: they are static and crash where the C library's name service files are missing.
build_image() {
  local root=$lab/image
  local inc
  inc=$(perl -e 'print grep { m{/perl-base$} } @INC')
  mkdir -p "$root"/{bin,usr/bin,srv,tmp,etc}
  cp /bin/bash "$root/bin/bash"
  ln -s bash "$root/bin/sh"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in cat env head hostname kill ls ps sed sleep tail test; do ln -s busybox "$root/bin/$applet"; done
  cp "$(command -v perl)" "$root/usr/bin/perl"
  mkdir -p "$root$inc"
  cp -r "$inc/." "$root$inc/"
  { ldd /bin/bash; ldd "$(command -v perl)"; } | grep -o '/[^ ]*' | sort -u | while read -r library; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
  done
  for library in "$root"/lib*/*/libc.so.6; do # names from the DNS; part of libc itself since glibc 2.34
    cp -L "${library#"$root"}" "$library"
  done
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  cp "$here"/image/* "$root/"
  tar -C "$root" -cf "$lab/image.tar" .
}

wire
for i in $(seq "$nodes"); do start_node "$i"; done
build_image
for i in $(seq "$nodes"); do wait_for_node "$i"; done

loads=()
for i in $(seq "$nodes"); do
  engine "$i" import --change 'CMD ["/app"]' "$lab/image.tar" lab/app:1 >/dev/null &
  loads+=($!)
done
for load in "${loads[@]}"; do wait "$load"; done

engine 1 swarm init --advertise-addr 10.99.0.1 --listen-addr 10.99.0.1:2377 >/dev/null
token=$(engine 1 swarm join-token -q manager)
for i in $(seq 2 "$nodes"); do
  engine "$i" swarm join --token "$token" --advertise-addr "10.99.0.$i" --listen-addr "10.99.0.$i:2377" \
    10.99.0.1:2377 >/dev/null
done
rm -rf "$lab/image" "$lab/image.tar"

echo "export KEYTURN_LIVE_DOCKER_HOST=unix://$lab/n1/docker.sock KEYTURN_LAB=$lab KEYTURN_LAB_NS=$ns"
