#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman of a user without privilege: what the gate does there, and what it cannot.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
# shellcheck disable=SC2016
CALL='"hooks": [{"hookName": "createRuntime", "path": "PATH", "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"]}]'

# add_user NAME ID SUBORDINATE: with a home and a session, and ids of its own from SUBORDINATE on unless that is empty.
add_user() {
	echo "$1:x:$2:$2::/home/$1:/bin/sh" >>/etc/passwd
	echo "$1:x:$2:" >>/etc/group
	for file in subuid subgid; do
		[ -z "$3" ] || echo "$1:$3:65536" >>/etc/$file
	done
	install -d -o "$2" -g "$2" "/home/$1"
	install -d -m 700 -o "$2" -g "$2" "/run/user/$2"
}

# as NAME COMMAND...: as that user, in a session of its own.
as() {
	local id name=$1
	id=$(id -u "$name")
	shift
	(
		cd /
		exec setpriv --reuid "$id" --regid "$id" --clear-groups env -i HOME="/home/$name" XDG_RUNTIME_DIR="/run/user/$id" \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin CONTAINERS_CONF="$CONTAINERS_CONF" PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$@"
	)
}

missing() {
	command -v newuidmap >/dev/null || echo 'rootless podman needs newuidmap'
	unshare --user true 2>/dev/null || echo 'no user namespaces here'
}

setup_file() {
	system_setup
	[ -z "$(missing)" ] || return 0
	make_nodes
	register_driver
	emulate_gpus
	# Users have no group of the emulator's.
	chmod -R a+rX "$EMULATED"
	mount -t tmpfs -o mode=755 tmpfs /home
	mkdir -p /run/user /run/test/none
	for file in subuid subgid; do
		: >/run/node/$file
		[ -e /etc/$file ] || : >/etc/$file
		mount --bind /run/node/$file /etc/$file
	done
	add_user ann 1500 200000
	add_user bob 1501 ''
	import_image plain
	podman save -q -o /run/test/plain.tar plain
	for user in ann bob; do as $user podman load -q -i /run/test/plain.tar; done
	# That a user writes audit lines is the tests' wish: as installed, only root does.
	install -m 666 /dev/null "$AUDIT"
	chmod 755 /opt/cgpu/var/log/cgpu
}

setup() {
	system_setup
	local why
	why=$(missing)
	[ -z "$why" ] || skip "$why"
	write_spec "${CALL/PATH/$HOOK}"
	: >"$AUDIT"
}

teardown() {
	rm -f $CONF /opt/cgpu/emulated/node/faults.conf
}

# user_start NAME RUNTIME ARGUMENT...: podman run of that user.
user_start() {
	local name=$1 runtime=$2
	shift 2
	as "$name" podman --runtime "$runtime" run --rm --network none "$@"
}

# attested NAME CALLER ARGUMENT...: with both runtimes the env file is there, read-only, once; one audit line, by CALLER.
attested() {
	local name=$1 caller=$2 runtime
	shift 2
	for runtime in runc crun; do
		: >"$AUDIT"
		run user_start "$name" $runtime "$@" plain sh -c 'cat /run/cgpu/attestation.env; grep " /run/cgpu " /proc/self/mountinfo'
		echo "${output:0:600}"
		[ "$status" -eq 0 ]
		[[ $output == CGPU_ATTESTATION_RESULT=pass* ]]
		[ "$(grep -c ' /run/cgpu ro,' <<<"$output")" -eq 1 ]
		[ "$(wc -l <"$AUDIT")" -eq 1 ]
		grep -F "\"caller\":\"$caller\"" "$AUDIT"
	done
}

# not_started CODE ARGUMENT...
not_started() {
	local code=$1 runtime
	shift
	for runtime in runc crun; do
		run user_start ann $runtime "$@" plain true
		echo "$output"
		[ "$status" -eq 126 ]
		[[ $output == *"exit status $code"* || $output == *"(exit code: $code)"* ]]
	done
}

@test "a container without GPU starts, and nothing is asked" {
	for user in ann bob; do
		for runtime in runc crun; do
			run user_start $user $runtime plain ls /run
			echo "$output"
			[ "$status" -eq 0 ]
			[[ $output != *cgpu* ]]
		done
	done
	[ ! -s "$AUDIT" ]
}

@test "a gated CDI specification, whatever hooks the user's podman reads" {
	attested ann cdi --device nvidia.com/gpu=all
	attested ann cdi --device nvidia.com/gpu=0
	echo '[engine]
hooks_dir = ["/run/test/none"]' >/run/test/containers.conf
	CONTAINERS_CONF=/run/test/containers.conf attested ann cdi --device nvidia.com/gpu=all
}

@test "hooks.d alone: CDI device, node, mount" {
	write_spec
	attested ann hooks.d --device nvidia.com/gpu=0
	attested ann hooks.d --device /dev/nvidia0
	attested ann hooks.d -v /dev/nvidia0:/dev/nvidia0
}

@test "privileged: all GPUs, and the policy counts" {
	write_spec
	attested ann hooks.d --privileged
	attested ann hooks.d -v /dev:/dev
	printf '[policy]\nprivileged = deny\n' >$CONF
	not_started 106 --privileged
}

# unknown PID: status tells of a container with that process alone, and so.
unknown() {
	"$CGPU" status --format json | jq -e --argjson pid "$1" '.containers | map(.result, .pid) == ["unknown", $pid]'
}

@test "root sees that it uses a GPU, and that what was decided is not known there" {
	gcc -D_GNU_SOURCE -static -o /run/test/hold "$BATS_TEST_DIRNAME/hold.c"
	for runtime in runc crun; do
		as ann podman --runtime $runtime run -d --network none --name c1 -v /run/test/hold:/bin/hold:ro --device nvidia.com/gpu=0 \
			plain hold /dev/nvidia0
		pid=$(pidof hold)
		await unknown "$pid"
		"$CGPU" doctor --format json >/run/test/doctor || true
		jq -c '.checks[] | select(.check == "containers")' /run/test/doctor
		jq -e --arg pid "$pid" '[.checks[] | select(.check == "containers")] | length == 1 and .[0].status == "warn" and
			(.[0].detail | startswith("process \($pid) (hold) has c 195:0 open in a container of user 1500"))' /run/test/doctor
		as ann podman rm -f -t 0 c1
	done
}

@test "user, uid map, read-only" {
	attested ann cdi --device nvidia.com/gpu=0 --user 1000
	attested ann cdi --device nvidia.com/gpu=0 --userns keep-id
	attested ann cdi --device nvidia.com/gpu=0 --uidmap 0:1:1000
	attested ann cdi --device nvidia.com/gpu=0 --read-only
}

@test "a GPU that fails is refused with its code, by either layer" {
	echo 'cc-feature 0' >"$EMULATED/node/faults.conf"
	not_started 20 --device nvidia.com/gpu=all
	write_spec
	not_started 20 --device nvidia.com/gpu=all
	grep -F '"name":"cc-off"' "$AUDIT"
}

@test "configuration is the host's root's alone, and it counts" {
	printf '[policy]\ngpu-count = 7\n' >$CONF
	not_started 79 --device nvidia.com/gpu=0
	printf '[policy]\ngpu-count = 1\n' >$CONF
	attested ann cdi --device nvidia.com/gpu=0
	chmod 664 $CONF
	not_started 2 --device nvidia.com/gpu=0
	[ "$(grep -c 'group and others' "$AUDIT")" -eq 2 ]
	# One of the user's subordinate ids: a process of a container.
	chmod 644 $CONF
	chown 200007 $CONF
	not_started 2 --device nvidia.com/gpu=0
	grep -F 'owner is' "$AUDIT"
}

@test "cache and queue are in the user's session; without one there are none" {
	attested ann cdi --device nvidia.com/gpu=0
	[ "$(stat -c '%u %a' /run/user/1500/cgpu.lock)" = '1500 600' ]
	[ "$(stat -c '%u %a' /run/user/1500/cgpu)" = '1500 700' ]
	[ ! -e /run/cgpu ] && [ ! -e /home/ann/.cache/cgpu ]
	# podman keeps its own files where this says.
	install -d -m 700 -o 1500 -g 1500 /run/test/session
	cp -a /run/user/1500/. /run/test/session
	mount -t tmpfs tmpfs /run/user
	run as ann env XDG_RUNTIME_DIR=/run/test/session podman --runtime runc run --rm --network none --device nvidia.com/gpu=0 plain \
		cat /run/cgpu/token.jwt
	umount /run/user
	echo "$output"
	[ "$status" -eq 0 ]
}

# Without subordinate ids there is one id in the namespace, and the workers stay it.
@test "workers without a user of their own are sandboxed all the same, and it is told" {
	local pid
	attested ann cdi --device nvidia.com/gpu=0
	absent -F '"workers"' "$AUDIT"
	attested bob cdi --device nvidia.com/gpu=0
	grep -F "\"workers\":\"caller's user\"" "$AUDIT"
	echo 'at nvmlDeviceGetCount_v2 hang' >"$EMULATED/node/faults.conf"
	printf '[run]\ndeadline = 60\n' >$CONF
	user_start bob runc --device nvidia.com/gpu=0 plain true &
	await pidof collect
	pid=$(pidof collect)
	await grep -qP '^Seccomp:\t2' "/proc/$pid/status"
	cat "/proc/$pid/status"
	grep -qP '^CapEff:\t0+$' "/proc/$pid/status"
	grep -qP '^CapBnd:\t0+$' "/proc/$pid/status"
	grep -qP '^NoNewPrivs:\t1' "/proc/$pid/status"
	kill "$pid"
	wait $! || true
	ended
}

@test "a required audit line that the user cannot write refuses" {
	chmod 644 "$AUDIT"
	user_start ann runc --device nvidia.com/gpu=0 plain cat /run/cgpu/token.jwt
	printf '[policy]\naudit = required\n' >$CONF
	not_started 109 --device nvidia.com/gpu=0
	chmod 666 "$AUDIT"
}

# As documented: a user's podman reads what its user says. The nodes are the administrator's to protect.
@test "not enforced: own hooks directory with an ungated specification or a bare node" {
	write_spec
	for runtime in runc crun; do
		run as ann podman --hooks-dir /run/test/none --runtime $runtime run --rm --network none --device nvidia.com/gpu=0 plain ls /run
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
	# What holds a user back is the node's mode.
	chmod 600 /dev/nvidia0
	run as ann podman --hooks-dir /run/test/none --runtime runc run --rm --network none --device nvidia.com/gpu=0 plain \
		sh -c ': </dev/nvidia0'
	chmod 666 /dev/nvidia0
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *ermission* ]]
}

@test "a gated specification whose program is missing refuses" {
	local runtime started=()
	mv "$HOOK" "$HOOK.away"
	for runtime in runc crun; do
		! user_start ann $runtime --device nvidia.com/gpu=0 plain true || started+=("$runtime")
	done
	mv "$HOOK.away" "$HOOK"
	[ ${#started[@]} -eq 0 ]
}
