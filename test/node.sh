#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# node.sh MAKE... -- COMMAND...: runs COMMAND on a private node: installed by "MAKE... install" to /opt/cgpu on a tmpfs,
# with /dev, /run, /etc/cdi, podman's storage, user database and network of its own, in namespaces that end
# with COMMAND. Nothing of it can stay on the machine or reach a configuration of a real node.
# COMMAND finds the settings that podman needs here in CONTAINERS_CONF and CONTAINERS_STORAGE_CONF.
set -eu
[ "$(id -u)" -eq 0 ] || { echo 'node.sh: needs root' >&2; exit 2; }
if [ "${1-}" != --inside ]; then
	exec unshare --mount --pid --net --fork --kill-child --mount-proc --propagation private "$0" --inside "$@"
fi
shift

busybox ip link set lo up
# A hybrid cgroup tree stops crun.
umount /sys/fs/cgroup/unified 2>/dev/null || true
mkdir -p /etc/cdi /var/lib/containers
for dir in /opt /run /etc/cdi /var/lib/containers; do
	mount -t tmpfs -o mode=755 tmpfs "$dir"
done
mkdir -p /run/lock /run/cdi

# A /dev of its own: nodes of an emulated GPU are made here, those of a real one are not seen.
dev=/run/dev
mkdir $dev
mount -t tmpfs -o mode=755,nosuid tmpfs $dev
for node in null zero full random urandom tty fuse kmsg; do
	[ ! -e /dev/$node ] || cp -a /dev/$node $dev/
done
mkdir $dev/pts $dev/shm $dev/mqueue $dev/net
[ ! -e /dev/net/tun ] || cp -a /dev/net/tun $dev/net/
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts $dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs $dev/shm
mount -t mqueue mqueue $dev/mqueue 2>/dev/null || true
ln -s pts/ptmx $dev/ptmx
ln -s /proc/self/fd $dev/fd
ln -s /proc/self/fd/0 $dev/stdin
ln -s /proc/self/fd/1 $dev/stdout
ln -s /proc/self/fd/2 $dev/stderr
mount --move $dev /dev
rmdir $dev

# The workers' user.
mkdir /run/node
for file in passwd group; do
	cp /etc/$file /run/node/$file
	mount --bind /run/node/$file /etc/$file
done
grep -q '^cgpu:' /etc/group || echo 'cgpu:x:799:' >>/etc/group
grep -q '^cgpu:' /etc/passwd || echo 'cgpu:x:799:799::/nonexistent:/usr/sbin/nologin' >>/etc/passwd

cat >/run/node/containers.conf <<'END'
[containers]
# Limits above those of a virtual machine without CAP_SYS_RESOURCE cannot be set.
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
hooks_dir = ["/opt/cgpu/share/containers/oci/hooks.d"]
END
cat >/run/node/storage.conf <<'END'
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
END
export CONTAINERS_CONF=/run/node/containers.conf CONTAINERS_STORAGE_CONF=/run/node/storage.conf
export TMPDIR=/tmp PODMAN_IGNORE_CGROUPSV1_WARNING=1

make=()
while [ "$1" != -- ]; do
	make+=("$1")
	shift
done
shift
"${make[@]}" -s install >/run/node/install.log 2>&1 || { cat /run/node/install.log; exit 1; }
# Not exec: this shell is process 1 here and reaps what containers leave.
status=0
"$@" || status=$?
exit $status
