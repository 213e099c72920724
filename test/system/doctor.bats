#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu doctor` on a private node: an installation that holds, and each broken state of one, in its line.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
DEFINITION=/opt/cgpu/share/containers/oci/hooks.d/zz-cgpu.json
SPEC=/etc/cdi/nvidia.json
EXTRA=/usr/local/sbin

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	# What podman's service would read; programs that stand for other engines.
	mkdir -p /etc/containers /usr/local/sbin
	mount -t tmpfs -o mode=755 tmpfs /etc/containers
	mount -t tmpfs -o mode=755 tmpfs $EXTRA
	write_spec
	/opt/cgpu/bin/cgpu-cdi guard --in-place $SPEC
	cp $SPEC /run/node/spec
	cp $DEFINITION /run/node/definition
}

setup() {
	system_setup
	printf '[engine]\nhooks_dir = ["/opt/cgpu/share/containers/oci/hooks.d"]\n' >/etc/containers/containers.conf
	cp /run/node/spec $SPEC
	cp /run/node/definition $DEFINITION
	rm -f $CONF /etc/cdi/other.json $EXTRA/*
}

teardown() {
	umount /opt/cgpu/var/log/cgpu /proc/driver 2>/dev/null || true
	for program in "$HOOK" /opt/cgpu/libexec/cgpu/fetch; do
		[ ! -e "$program.away" ] || mv "$program.away" "$program"
	done
	passwd 's/^cgpu-away:/cgpu:/'
}

# passwd EXPRESSION: of sed; the file is a mount.
passwd() {
	sed "$1" /etc/passwd >/run/node/passwd.new
	cat /run/node/passwd.new >/etc/passwd
}

examine() {
	status=0
	output=$("$CGPU" doctor --format json "$@") || status=$?
}

# told STATUS CHECK CODE ACTION: such a line is there, and what is to be typed begins so.
told() {
	jq -e --arg status "$1" --arg check "$2" --argjson code "$3" --arg action "$4" '.checks | any(.status == $status and
		.check == $check and (.code // 0) == $code and ((.action // "") | startswith($action)))' <<<"$output" >/dev/null && return
	echo "not told: $*, but ($status):"
	jq -c '.checks[] | select(.status != "ok")' <<<"$output"
	return 1
}

# broken CODE CHECK ACTION: it is told, and it is the exit status.
broken() {
	examine
	told fail "$2" "$1" "$3"
	[ "$status" -eq "$1" ]
}

@test "an installation that holds: nothing fails, and nothing is changed" {
	before=$(find /opt/cgpu /run /etc/cdi /dev -xdev -printf '%p %T@ %m\n' 2>/dev/null | grep -v '^/run/containers' | sort)
	examine
	jq -c '.checks[] | select(.status == "fail")' <<<"$output"
	[ "$status" -eq 0 ]
	told ok podman-hook 0 ''
	told ok cdi 0 ''
	told ok attestation 0 ''
	told ok audit 0 ''
	diff <(echo "$before") <(find /opt/cgpu /run /etc/cdi /dev -xdev -printf '%p %T@ %m\n' 2>/dev/null |
		grep -v '^/run/containers' | sort)
}

@test "hook definition: missing, elsewhere, broken, changeable; its program missing" {
	rm $DEFINITION
	broken 118 podman-hook 'apt-get install --reinstall oci-cgpu-hook'
	cp /run/node/definition $DEFINITION
	rm /etc/containers/containers.conf
	broken 118 podman-hook "printf '[engine]"
	# What it says to type helps.
	bash -c "$(jq -r '.checks[] | select(.check == "podman-hook").action' <<<"$output" | sed 's|containers.conf.d/zz-cgpu.conf|containers.conf|')"
	examine
	[ "$status" -eq 0 ]
	echo '{' >$DEFINITION
	broken 118 podman-hook ''
	cp /run/node/definition $DEFINITION
	chmod 666 $DEFINITION
	broken 118 podman-hook 'chown root:root'
	chmod 644 $DEFINITION
	mv "$HOOK" "$HOOK.away"
	broken 119 programs ''
	told fail podman-hook 119 ''
}

@test "podman's configuration: no TOML" {
	echo 'hooks_dir = [' >/etc/containers/containers.conf
	broken 118 podman-hook 'nl -ba /etc/containers/containers.conf'
}

@test "a worker is missing, the workers' user too" {
	mv /opt/cgpu/libexec/cgpu/fetch /opt/cgpu/libexec/cgpu/fetch.away
	broken 108 programs ''
	mv /opt/cgpu/libexec/cgpu/fetch.away /opt/cgpu/libexec/cgpu/fetch
	passwd 's/^cgpu:/cgpu-away:/'
	broken 108 worker-user 'useradd --system'
}

@test "CDI: ungated where a layer is left, and where none is; broken, in conflict" {
	write_spec
	# Where docker or containerd are installed there is no other layer from the start.
	if ! command -v dockerd containerd >/dev/null; then
		examine
		told warn cdi 120 "cgpu-cdi guard --in-place $SPEC"
		[ "$status" -eq 0 ]
	fi
	cp "$(command -v busybox)" $EXTRA/dockerd
	broken 120 cdi "cgpu-cdi guard --in-place $SPEC"
	rm $EXTRA/dockerd
	echo '{' >$SPEC
	broken 121 cdi 'nvidia-ctk cdi generate'
	cp /run/node/spec $SPEC
	cp $SPEC /etc/cdi/other.json
	broken 122 cdi 'rm /etc/cdi/'
	rm /etc/cdi/other.json
}

@test "CRI-O beside podman reads other directories" {
	cp "$(command -v busybox)" $EXTRA/crio
	broken 118 crio-hook "printf '[crio.runtime]"
	told ok podman-hook 0 ''
}

@test "audit file: required, and not to be written" {
	printf '[policy]\naudit = required\n' >$CONF
	mount -t tmpfs -o ro,mode=750 tmpfs /opt/cgpu/var/log/cgpu
	broken 109 audit 'df -h'
}

@test "kernel driver: another version than the library's, closed, its node missing" {
	mkdir -p /run/node/driver/nvidia/gpus/0000:41:00.0
	printf 'Device Minor: \t 7\n' >/run/node/driver/nvidia/gpus/0000:41:00.0/information
	echo 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19' >/run/node/driver/nvidia/version
	mount --bind /run/node/driver /proc/driver
	examine
	told warn kernel-driver 0 'apt-get install nvidia-driver-535-server-open'
	told warn driver-advisory 0 'cgpu collateral check --driver 550'
	told fail device-nodes 14 'nvidia-modprobe'
	[ "$status" -eq 14 ]
}

@test "without root: what it cannot see it says, and it says the rest" {
	status=0
	output=$(setpriv --reuid 799 --regid 799 --clear-groups env -i PATH="$PATH" "$CGPU" doctor --format json) || status=$?
	told ok programs 0 ''
	told ok podman-hook 0 ''
	told ok attestation 0 ''
	[ "$status" -eq 0 ]
}
