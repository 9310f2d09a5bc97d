#!/bin/bash
# boot.sh HOSTS NAME: becomes PID 1 of one host. Run by up.sh in fresh namespaces; refuses to run anywhere else, because
# a systemd with the machine's own /tmp, /run or /etc would empty and rewrite them.
set -euo pipefail

hosts=$1
name=$2
home=$hosts/$name
root=$home/root
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ $$ = 1 ] || { echo 'boot.sh: only as PID 1 of a namespace of its own' >&2; exit 2; }

# First a control group of its own, then a namespace in which it is the top. By a mount of ours, wherever the machine
# has its own; it is gone with the old root.
if [ "${3:-}" != in-group ]; then
  # The machine's /proc is still there: its number is the one that the machine knows.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$home/pid.new"
  mkdir "$home/groups"
  mount -t cgroup2 cgroup2 "$home/groups"
  mkdir "$home/groups/${hosts##*/}-$name"
  echo 0 >"$home/groups/${hosts##*/}-$name/cgroup.procs"
  exec unshare --cgroup "${BASH_SOURCE[0]}" "$hosts" "$name" in-group
fi

mount -t tmpfs -o mode=755,size=256m tmpfs "$root"
mkdir -p "$root"/{usr,etc,var/log/journal,run,home,proc,sys,dev,srv,mnt,old}
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp"
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"

mount -t proc proc "$root/proc"
for kernel in sys sysrq-trigger; do
  [ -e "$root/proc/$kernel" ] || continue
  mount --bind "$root/proc/$kernel" "$root/proc/$kernel"
  mount -o remount,bind,ro "$root/proc/$kernel"
done
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
# With less than 16 MB free systemd refuses to reload.
mount -t tmpfs -o mode=755,size=64m tmpfs "$root/run"

# A mount of its own: where /dev is none, systemd puts the devices of the machine there, and works in them.
mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
mkdir "$root/dev/pts"
mkdir -m 1777 "$root/dev/shm"
for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
  read -r device major minor <<<"$node"
  mknod -m 666 "$root/dev/$device" c "$major" "$minor"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for stream in '0 stdin' '1 stdout' '2 stderr'; do ln -s "/proc/self/fd/${stream% *}" "$root/dev/${stream#* }"; done

# Of the machine's /etc what its programs need to start; system users, because units and rules in /usr name them.
for file in alternatives ld.so.cache ld.so.conf ld.so.conf.d login.defs pam.d security; do
  [ ! -e "/etc/$file" ] || cp -a "/etc/$file" "$root/etc/"
done
cp -r "$here/etc/." "$root/etc/"
{
  awk -F: '$3 < 1000 || $1 == "nobody"' /etc/passwd
  echo 'deploy:x:1000:1000::/home/deploy:/bin/bash'
  echo 'viewer:x:1001:1001::/home/viewer:/bin/bash'
} >"$root/etc/passwd"
{
  awk -F: -v OFS=: '$3 < 1000 || $1 == "nogroup" { $4 = $1 == "docker" ? "deploy" : ""; print }' /etc/group
  echo 'deploy:x:1000:'
  echo 'viewer:x:1001:'
} >"$root/etc/group"
awk -F: '{ print $1 ":*:19000:0:99999:7:::" }' "$root/etc/passwd" >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"
chmod 440 "$root/etc/sudoers"
echo "$name" >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
hostname "$name"

install -m 600 "$home/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
for user in root deploy viewer; do
  place=$root$(awk -F: -v user="$user" '$1 == user { print $6 }' "$root/etc/passwd")
  mkdir -p "$place/.ssh"
  cp "$hosts/user_key.pub" "$place/.ssh/authorized_keys"
  chmod 700 "$place" "$place/.ssh"
  chown -R --reference=/ "$place"
  [ "$user" = root ] || chown -R "$(awk -F: -v user="$user" '$1 == user { print $3 ":" $4 }' "$root/etc/passwd")" "$place"
done

if [ -n "${KEYTURN_HOSTS_DOCKER:-}" ]; then
  touch "$root/run/docker.sock"
  mount --bind "$KEYTURN_HOSTS_DOCKER" "$root/run/docker.sock"
fi
ln -s ../run "$root/var/run"

# What a host like this has no use for, or what would want devices and a kernel of its own.
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s /etc/systemd/system/ssh.service "$root/etc/systemd/system/multi-user.target.wants/ssh.service"
for unit in getty.target systemd-logind.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-ask-password-wall.path systemd-ask-password-console.path systemd-initctl.socket \
  systemd-journald-audit.socket proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount \
  sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  systemd-tmpfiles-clean.timer; do
  ln -s /dev/null "$root/etc/systemd/system/$unit"
done

cd "$root"
pivot_root . old
# Through the old root a last time: from now on the host can be entered.
mv "old$home/pid.new" "old$home/pid"
umount -l old
rmdir old
# A host cannot set the machine's clock or load modules into its kernel.
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-syslog \
  env -i container=keyturn PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
  /usr/lib/systemd/systemd --system --unit=multi-user.target
