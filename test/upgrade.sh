#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# upgrade.sh O: the Debian package of make deb, in O/deb, is installed, upgraded, removed, installed again and purged on a machine of
# its own: the files of this one below an overlay, systemd as process 1 in namespaces of its own, no network. Needs root.
# A program that is called crio and watches the hooks directory stands for CRI-O.
# shellcheck disable=SC2016 # for the shells of that machine
set -u
self=$(realpath "$0")

# The machine, from inside its namespaces: SCRATCH has its root.
boot() {
	local root=$1/root
	set -e
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs "$1"
	mkdir "$root" "$1/upper" "$1/work"
	mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"
	mount -t proc proc "$root/proc"
	# The kernel is not this machine's alone.
	mount --bind "$root/proc/sys" "$root/proc/sys"
	mount -o remount,ro,bind "$root/proc/sys"
	mount -t sysfs -o ro sysfs "$root/sys"
	for place in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$place"; done
	for node in null zero full random urandom tty; do cp -a /dev/$node "$root/dev/"; done
	mkdir "$root"/dev/{pts,shm,mqueue}
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
		mkdir "$root/sys/fs/cgroup/systemd"
		mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
	else
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	fi
	# What takes long and is not looked at.
	rm -rf "$root"/etc/systemd/system/*.wants "$root/var/lib/man-db/auto-update"
	# Units with mounts of their own need it as the root of the namespace.
	cd "$root"
	mount --move . /
	exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --unit=sysinit.target
}

if [ "$1" = --boot ]; then boot "$2"; fi

cd "$(dirname "$self")/.." || exit 1
# shellcheck source=test/count.bash
. test/count.bash
package=$(find "$1/deb" -maxdepth 1 -name 'oci-cgpu-hook_*.deb' 2>/dev/null)
leave() { skip "$1"; finish; exit; }
[ -n "$package" ] || leave 'no Debian package: make deb'
[ "$(id -u)" -eq 0 ] || leave 'upgrades need root'
[ -x /lib/systemd/systemd ] || leave 'no systemd'
command -v python3 >/dev/null || leave 'no python3'

scratch=$(mktemp -d)
mkdir "$scratch/machine"
unshare --mount --pid --fork --kill-child --uts --ipc --net --cgroup "$self" --boot "$scratch/machine" </dev/null \
	>"$scratch/console" 2>&1 &
outer=$!
trap 'kill -9 $outer 2>/dev/null; wait $outer 2>/dev/null; rm -rf "$scratch"' EXIT

init=
machine() {
	timeout 120 nsenter -t "$init" -m -u -i -n -p -C -r env -i -C / PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}
soon() { # COMMAND...: true within half a minute
	for _ in $(seq 150); do
		! "$@" || return 0
		sleep 0.2
	done
	return 1
}
started() {
	init=$(pgrep -P $outer) && [ "$(cat "/proc/$init/comm")" = systemd ] && machine systemctl is-active -q sysinit.target 2>/dev/null
}
soon started || { tail "$scratch/console"; leave 'systemd does not start as process 1 of a namespace'; }

hooks=/usr/share/containers/oci/hooks.d
output=$scratch/output
# Two versions: what there is, and the same with a lesser number.
dpkg-deb -R "$package" "$scratch/old"
sed -i 's/^Version: .*/Version: 0.0.1-1/' "$scratch/old/DEBIAN/control"
dpkg-deb -b "$scratch/old" "$scratch/old.deb" >/dev/null
machine sh -c 'cat >/root/old.deb' <"$scratch/old.deb"
machine sh -c 'cat >/root/new.deb' <"$package"

dpkg_does() { # OPERATION...: what it says is in $output
	machine dpkg --force-unsafe-io "$@" >"$output" 2>&1 || { cat "$output"; false; }
}
says() { grep -qF -- "$1" "$output" || { cat "$output"; false; }; }
silent_about() { ! says "$1" >/dev/null; }
units() { # STATE...: ours, in one line
	machine systemctl list-units --all --plain --no-legend --state="$1" 'cgpu-*' | awk '{ print $1 }' | sort | tr '\n' ' '
}
active() { units active; }
dangling() { machine find /etc/systemd/system -xtype l -name 'cgpu*'; }
# What is there, but for what others write all the time.
files() {
	machine find /etc /usr /run /var/lib /var/log/cgpu /var/cache/cgpu \( -path /var/lib/dpkg -o -path /var/lib/systemd/catalog \
		-o -path /var/lib/verified -o -path /run/systemd -o -path /run/log -o -name '*.cache' \) -prune -o -print 2>/dev/null | sort
}
inode() { machine stat -c %i $hooks; }
doctor() { machine cgpu doctor >"$output" 2>/dev/null || :; }
gated() { machine grep -q cgpu-hook /run/cdi/"$1"; }
specification() {
	machine sh -c "cat >/run/cdi/.$1 && mv /run/cdi/.$1 /run/cdi/$1" <<-'END'
	{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}]}}]}
	END
}
crio() {
	machine sh -c 'pkill -x crio; cp "$(realpath /usr/bin/python3)" /usr/local/bin/crio; rm -f /run/crio-watches'
	machine sh -c "cat >/run/crio.py" <<-END
	import ctypes, time
	libc = ctypes.CDLL(None)
	libc.inotify_add_watch(libc.inotify_init(), b"$hooks", 0xfc6)
	open("/run/crio-watches", "w")
	time.sleep(600)
	END
	machine systemd-run -q --collect /usr/local/bin/crio /run/crio.py
	soon machine test -e /run/crio-watches
}

# These are every engine's, and not taken away.
machine mkdir -p /etc/cdi /run/cdi
before=$(files)
check 'installation failed' dpkg_does -i /root/old.deb
check 'the timer of stored collateral does not run' machine systemctl -q is-active cgpu-collateral.timer
check 'more is on than the timer of stored collateral' [ "$(active)" = 'cgpu-collateral.timer ' ]

# Not the ready state of emulated GPUs: that it stays as it was. Features are not turned on.
machine sh -c 'mkdir -p /etc/systemd/system/cgpu-ready.service.d
	printf "[Service]\nExecStart=\nExecStart=/bin/sh -c \"echo >>/var/lib/verified\"\n" >/etc/systemd/system/cgpu-ready.service.d/test.conf'
machine systemctl daemon-reload
check 'units cannot be turned on' machine systemctl enable --now cgpu-cdi.path cgpu-cdi.timer cgpu-refresh.timer cgpu-metrics.timer \
	cgpu-ready.service 2>/dev/null
on=$(active)
check 'not all of them are active' [ "$on" = \
	'cgpu-cdi.path cgpu-cdi.timer cgpu-collateral.timer cgpu-metrics.timer cgpu-ready.service cgpu-refresh.timer ' ]
check 'upgrade failed' dpkg_does -i /root/new.deb
check "active before the upgrade: $on, after it: $(active)" [ "$(active)" = "$on" ]
check 'the upgrade verified the GPUs again' [ "$(machine wc -l /var/lib/verified)" = '1 /var/lib/verified' ]
machine systemctl stop cgpu-cdi.timer
specification one.json
check 'a specification that was written after the upgrade stays ungated' soon gated one.json
doctor
check 'the doctor does not name a unit that is enabled and not active' says 'cgpu-cdi.timer is enabled and not active'
machine systemctl start cgpu-cdi.timer

# Removed and installed again, with an engine that watches.
crio
kept=$(inode)
doctor
check 'the doctor does not see the watch' says 'ok    crio-hook'
check 'removal failed' dpkg_does -r oci-cgpu-hook
check 'the removal does not name the gated specification' says /run/cdi/one.json
check 'the removal does not say what takes the gate away' says 'cgpu-cdi unguard'
check "left active or failed: $(units active,failed)" [ -z "$(units active,failed)" ]
check "dangling: $(dangling)" [ -z "$(dangling)" ]
check 'the definition is left' machine test ! -e $hooks/zz-cgpu.json
check 'another installation failed' dpkg_does -i /root/new.deb
check "active before the removal: $on, after another installation: $(active)" [ "$(active)" = "$on" ]
check 'the hooks directory is another one' [ "$(inode)" = "$kept" ]
check 'the installation complains about an engine that watches' silent_about crio-hook
dpkg_does -r oci-cgpu-hook
machine rm -r $hooks
check 'a third installation failed' dpkg_does -i /root/new.deb
check 'the installation does not say that CRI-O watches another directory' says 'systemctl restart crio'
doctor
check 'the doctor does not say that CRI-O watches another directory' says 'fail  crio-hook'
crio
doctor
check 'the doctor does not see the new watch' says 'ok    crio-hook'

machine rm -r /etc/systemd/system/cgpu-ready.service.d /run/cdi/one.json
machine systemctl daemon-reload
machine pkill -x crio
machine rm -f /usr/local/bin/crio /run/crio-watches /run/crio.py
check 'purge failed' dpkg_does -P oci-cgpu-hook
check "left active or failed: $(units active,failed)" [ -z "$(units active,failed)" ]
files >"$scratch/after"
check "left after purge: $(diff <(echo "$before") "$scratch/after" | grep '^[<>]' | tr '\n' ' ')" cmp -s <(echo "$before") "$scratch/after"
finish
