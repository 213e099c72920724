#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the gate decides against what the kernel lets a container open: gated if and only if a node of the GPU can be
# reached. Each container tries every way that its configuration leaves, and the driver's number answers ENXIO here.

load helpers

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	cp "$CGPU" "$CGPU.own"
	gcc -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/../.." -I"$BUILD" -o "$CGPU.new" "$BATS_TEST_DIRNAME/fake_cgpu.c" "$BUILD/libcgpu.a"
	chmod 755 "$CGPU.new"
	mv "$CGPU.new" "$CGPU"
	echo pass >"$CGPU.verdict"
	mkdir -p /run/test/nodes /run/test/empty
	mknod -m 666 /run/test/nodes/other c 195 0
	import_image plain
}

teardown_file() {
	mv "$CGPU.own" "$CGPU"
}

setup() {
	system_setup
}

# Prints "reached" for each way that leads to the driver: nodes that are there, nodes that can be made, and both again once
# the container has allowed itself everything by a mount of the devices hierarchy.
# shellcheck disable=SC2016 # evaluated in the container
PROBE='try() { [ -e "$1" ] || return; text=$( (: <"$1") 2>&1 ); case $text in *ermitted*|*denied*) ;; *) echo reached ;; esac; }
ways() { try /dev/nvidia0; try /n; try /nodes/other; try /hdev/nvidia0; rm -f /tmp/m; mknod /tmp/m c 195 0 2>/dev/null && try /tmp/m; }
ways
if mkdir -p /tmp/c && mount -t cgroup -o devices devices /tmp/c 2>/dev/null; then
	own=$(sed -n "s/^[0-9]*:devices://p" /proc/self/cgroup)
	echo a >"/tmp/c$own/devices.allow" 2>/dev/null || echo a >/tmp/c/devices.allow 2>/dev/null
	ways
fi
true'

# compare RUNTIME ARGUMENT...
compare() {
	local runtime=$1 gated=no reached=no
	shift
	rm -f "$CGPU.args"
	run start "$runtime" --rm "$@" plain sh -c "$PROBE"
	if [ "$status" -ne 0 ]; then
		echo "$runtime $*: $output"
		return 1
	fi
	[ ! -e "$CGPU.args" ] || gated=yes
	[[ $output != *reached* ]] || reached=yes
	tried=$((tried + 1))
	[ $gated = yes ] && both=$((both + 1))
	[ $gated = $reached ] || {
		echo "$runtime $*: gated $gated, reached $reached"
		differ=$((differ + 1))
	}
}

@test "rules x capabilities x mounts: gated if and only if the kernel lets the node be opened" {
	local tried=0 both=0 differ=0 runtime rules capabilities mounts
	for runtime in runc crun; do
		for rules in '' '--device-cgroup-rule=c 195:0 rwm' '--device-cgroup-rule=c 195:* rwm'; do
			for capabilities in --cap-drop=MKNOD --cap-add=MKNOD --cap-add=SYS_ADMIN; do
				for mounts in -v/run/test/empty:/nodes -v/dev/nvidia0:/n -v/run/test/nodes:/nodes -v/dev:/hdev; do
					compare $runtime ${rules:+"$rules"} $capabilities $mounts
				done
			done
		done
	done
	echo "$tried tried, $both gated, $differ differ"
	[ "$tried" -eq 72 ] && [ "$both" -gt 20 ] && [ $((tried - both)) -ge 20 ]
	[ "$differ" -eq 0 ]
}

@test "devices, privileged, user namespaces: the same" {
	local tried=0 both=0 differ=0 runtime
	for runtime in runc crun; do
		compare $runtime
		compare $runtime --device /dev/nvidia0
		compare $runtime --device /dev/nvidia0:/n:r
		compare $runtime --privileged
		compare $runtime --uidmap 0:100000:65536
		compare $runtime --uidmap 0:100000:65536 --device /dev/nvidia0
		compare $runtime --uidmap 0:100000:65536 --cap-add=SYS_ADMIN -v /run/test/nodes:/nodes
		compare $runtime --security-opt unmask=ALL -v /run/test/empty:/nodes
	done
	echo "$tried tried, $both gated, $differ differ"
	[ "$tried" -eq 16 ] && [ "$both" -gt 4 ]
	[ "$differ" -eq 0 ]
}
