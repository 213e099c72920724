#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cgpu-hook on hand-made states and configurations: what it refuses, with which code, and how it starts.

# shellcheck source=test/await.bash
. "$BATS_TEST_DIRNAME/../await.bash"

setup() {
	HOOK=${ROOT:?run by make bats}/libexec/oci/hooks.d/cgpu-hook
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	mkdir bundle
	config >bundle/config.json
	state >state.json
}

# config [LINUX-MEMBERS]
config() {
	cat <<-END
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["true"],
	 "env": ["PATH=/bin"]}, "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
	 "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}],
	 "resources": {"devices": [{"allow": false, "access": "rwm"}${2-}]}${1-}}}
	END
}

gpu_config() {
	config ', "devices": [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0}]' \
		', {"allow": true, "type": "c", "major": 195, "minor": 0, "access": "rwm"}'
}

# state [PID] [ID]
state() {
	printf '{"ociVersion": "1.0.2", "id": "%s", "status": "creating", "pid": %s, "bundle": "%s"}\n' \
		"${2-c1}" "${1-$BASHPID}" "$BATS_TEST_TMPDIR/bundle"
}

# refuses CODE ARGUMENT...: with one line that ends in the code, and nothing on standard output.
refuses() {
	local code=$1
	shift
	status=0
	"$HOOK" "$@" <state.json >out 2>err || status=$?
	cat err
	[ "$status" -eq "$code" ]
	[ ! -s out ]
	[ "$(wc -l <err)" -eq 1 ] && [ "$(wc -c <err)" -le 2048 ]
	grep -q "^cgpu-hook: .*, code $code\]$" err
	# podman sorts messages by these words.
	! grep -qiE 'permission denied|not permitted|no such file|not found in' err
}

accepts() {
	run "$HOOK" createRuntime <state.json
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# -- the command line --

@test "no GPU is let through in silence, at both names of the stage" {
	accepts
	run "$HOOK" prestart <state.json
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "other stages, none, and extra arguments" {
	refuses 95
	for stage in createContainer startContainer poststart poststop precreate CREATERUNTIME ''; do
		refuses 95 "$stage"
	done
	refuses 2 createRuntime --other
	refuses 2 createRuntime --cdi --cdi
	refuses 2 createRuntime --cdix
	refuses 2 createRuntime --cdi=0123 --help
	refuses 2 createRuntime createRuntime
	refuses 95 --help createRuntime
}

@test "--help and --version" {
	run "$HOOK" --help
	[ "$status" -eq 0 ] && [[ $output == usage:* ]]
	run "$HOOK" --version
	[ "$status" -eq 0 ] && [[ $output == "cgpu-hook $(cat "$BATS_TEST_DIRNAME/../../VERSION")" ]]
}

# -- the state --

@test "states that are none" {
	for text in '' ' ' '{' '[]' '{}' 'null' '{"id":"c1"}' "$(state) x" "$(state | tr -d '}')"; do
		printf '%s' "$text" >state.json
		refuses 96 createRuntime
	done
	for pid in 0 -1 1.5 1e3 '"7"' 99999999999; do
		state "$pid" >state.json
		refuses 96 createRuntime
	done
	for id in '' 'a/b' 'a b' 'a\nb' "$(printf 'a%.0s' $(seq 5000))"; do
		state 7 "$id" >state.json
		refuses 96 createRuntime
	done
	(state | sed 's/}$//' && printf ', "id": "c2"}') >state.json
	refuses 96 createRuntime
}

@test "a state without end" {
	head -c 9000000 /dev/zero | tr '\0' ' ' >state.json
	refuses 96 createRuntime
	refuses 96 createRuntime <bundle
}

# -- the bundle --

@test "configurations that cannot be understood" {
	for text in '' '{' '[]' '{"ociVersion":"1.0.2","linux":{"devices":{}}}' "$(config) x" '{"linux":{},"l\u0069nux":{}}'; do
		printf '%s' "$text" >bundle/config.json
		refuses 97 createRuntime
	done
}

@test "a config.json that is no plain file of root's" {
	mv bundle/config.json other.json
	refuses 97 createRuntime
	ln -s ../other.json bundle/config.json
	refuses 97 createRuntime
	rm bundle/config.json
	mkfifo bundle/config.json
	refuses 97 createRuntime
	rm bundle/config.json
	mkdir bundle/config.json
	refuses 97 createRuntime
	rmdir bundle/config.json
	config >bundle/config.json
	chmod 666 bundle/config.json
	refuses 97 createRuntime
	chmod 620 bundle/config.json
	refuses 97 createRuntime
	chmod 644 bundle/config.json
	accepts
	[ "$(id -u)" -eq 0 ] || return 0
	chown 1000 bundle/config.json
	refuses 97 createRuntime
}

@test "a config.json that is too large" {
	head -c 17000000 /dev/zero | tr '\0' ' ' >>bundle/config.json
	refuses 97 createRuntime
}

@test "a bundle that is not where the state says" {
	sed -i 's|/bundle"|/nowhere"|' state.json
	refuses 97 createRuntime
}

@test "crun's odd bundles: the working directory of the container's process" {
	(cd bundle && exec sleep 20) &
	state $! | sed 's|"bundle": "[^"]*"|"bundle": "/"|' >state.json
	accepts
	gpu_config >bundle/config.json
	run "$HOOK" createRuntime <state.json
	kill $!
	[ "$status" -ne 0 ] && [ "$status" -ne 97 ]
}

# -- containers with a GPU --

@test "a process without a mount namespace of its own" {
	gpu_config >bundle/config.json
	refuses 99 createRuntime
	refuses 99 createRuntime --cdi=0123456789abcdef0123456789abcdef
	refuses 99 createRuntime --cdi=by-hand
	# The call by CDI alone is no reason.
	config >bundle/config.json
	run "$HOOK" createRuntime --cdi <state.json
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "a process that is gone" {
	true &
	wait $!
	state $! >state.json
	accepts
	gpu_config >bundle/config.json
	refuses 99 createRuntime
}

@test "no cgpu, no container" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	gpu_config >bundle/config.json
	unshare -m sleep 20 &
	state $! >state.json
	# shellcheck disable=SC2016 # evaluated there
	await eval '[ "$(readlink /proc/$!/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]'
	mv "$ROOT/bin/cgpu" "$ROOT/bin/cgpu.away"
	status=0
	refuses 108 createRuntime || status=$?
	kill $!
	mv "$ROOT/bin/cgpu.away" "$ROOT/bin/cgpu"
	[ "$status" -eq 108 ]
}

# -- how it starts --

@test "each of fds 0 to 2 closed" {
	for closed in '<&-' '>&-' '2>&-' '>&- 2>&-'; do
		want=0
		[ "$closed" != '<&-' ] || want=96
		status=0
		eval "\"\$HOOK\" createRuntime <state.json $closed" || status=$?
		[ "$status" -eq "$want" ]
	done
	gpu_config >bundle/config.json
	for closed in '>&-' '2>&-' '>&- 2>&-'; do
		status=0
		eval "\"\$HOOK\" createRuntime <state.json $closed" || status=$?
		[ "$status" -eq 99 ]
	done
	# Nothing was written where a closed fd could have come out.
	[ "$(gpu_config)" = "$(cat bundle/config.json)" ]
}

@test "a standard error that nobody reads keeps the code" {
	gpu_config >bundle/config.json
	exec 7> >(:)
	sleep 0.1
	status=0
	"$HOOK" createRuntime <state.json 2>&7 || status=$?
	[ "$status" -eq 99 ]
}

@test "signals blocked and ignored" {
	env --block-signal --ignore-signal true 2>/dev/null || skip 'env cannot block signals'
	run env --block-signal --ignore-signal "$HOOK" createRuntime <state.json
	[ "$status" -eq 0 ]
	mkfifo pipe
	env --block-signal --ignore-signal "$HOOK" createRuntime <pipe &
	exec 8>pipe
	# The last of what it does before it reads.
	for _ in {1..500}; do
		grep -q '^NoNewPrivs:	1$' /proc/$!/status && break
		sleep 0.01
	done
	grep -q '^NoNewPrivs:	1$' /proc/$!/status
	grep -q '^SigBlk:	0*$' /proc/$!/status
	# Only SIGPIPE still is ignored, and the two of the C library, which nobody can reset, where make passed them on so.
	grep -qE '^SigIgn:	0*(18000)?1000$' /proc/$!/status
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
}

@test "hostile variables and folders" {
	if readelf -l "$HOOK" | grep -q INTERP; then skip 'this build is not static'; fi
	mkdir canary
	cp "$HOOK" canary/libyajl.so.2
	local there=$PWD/canary
	run env -C "$there" LD_PRELOAD="$there/libyajl.so.2" LD_LIBRARY_PATH="$there" LD_AUDIT="$there/libyajl.so.2" LANG=xx LC_ALL=xx \
		LOCPATH="$there" GCONV_PATH="$there" TZ=/etc/passwd TMPDIR=/nowhere HOME=/nowhere \
		GLIBC_TUNABLES=glibc.malloc.check=3 "$HOOK" createRuntime <state.json
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "odd limits" {
	run bash -c "ulimit -Sn 20; exec '$HOOK' createRuntime <state.json"
	[ "$status" -eq 0 ]
	run bash -c "ulimit -n 20; exec '$HOOK' createRuntime <state.json"
	[ "$status" -eq 98 ]
}

@test "a setuid copy refuses" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	cp "$HOOK" /tmp/cgpu-hook.$$
	chmod 4755 /tmp/cgpu-hook.$$
	run setpriv --reuid 1000 --regid 1000 --clear-groups /tmp/cgpu-hook.$$ createRuntime <state.json
	rm /tmp/cgpu-hook.$$
	[ "$status" -eq 98 ]
}

@test "without a GPU it touches stdin, config.json, /proc/devices, id map, mounts, device rules and PCI vendors only" {
	command -v strace >/dev/null || skip 'needs strace'
	strace -f -o trace -e trace=%file,%network,%process,openat2 "$HOOK" createRuntime <state.json || skip 'strace cannot trace here'
	sed -i '/exit_group\|+++ exited\|execve(.*cgpu-hook/d' trace
	cat trace
	# The C library of a static program looks for its own name. Bind sources and the root are looked at (O_PATH), not opened.
	# PCI is asked where this process has no device rules.
	run grep -vE '"/proc/self/mountinfo"|"/proc/[0-9]+/cgroup"|"/proc/([0-9]+|self)/ns/user"|"/sys/fs/cgroup/[a-z,/]*"|"devices.list"|"/sys/bus/pci/devices(/[^/"]*/(vendor|class))?"|O_PATH|newfstatat\(AT_FDCWD, "(/|/dev)",|readlink(at)?\(.*"/proc/self/exe"|"/dev/null"|chdir\("/"\)|open(at)?\(.*/bundle"|openat2\(.*"config.json"|"/proc/devices"|"/proc/self/uid_map"|fstatat\([0-9]+, "",' trace
	[ "$status" -eq 1 ]
}

@test "without a GPU it maps no file: no library is loaded" {
	command -v strace >/dev/null || skip 'needs strace'
	if readelf -l "$HOOK" | grep -q INTERP; then skip 'this build is not static'; fi
	strace -f -o trace -e trace=mmap "$HOOK" createRuntime <state.json || skip 'strace cannot trace here'
	run grep -vE 'MAP_ANONYMOUS|\+\+\+ exited' trace
	echo "$output"
	[ "$status" -eq 1 ]
}
