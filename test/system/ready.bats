#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The ready state in real starts by podman with runc and crun. The emulated driver keeps it in a file in a device node's place,
# so that it lasts from one process to the next as in a kernel.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
STATE=/dev/nvidia31

setup_file() {
	system_setup
	make_nodes
	register_driver
	write_spec
	emulate_gpus
	echo "ready-node $STATE" >"$EMULATED"/node/faults.conf
	import_image plain
}

setup() {
	system_setup
	printf 0 >$STATE
}

teardown() {
	rm -f $CONF
}

# starts RUNTIME: with a token.
starts() {
	run start "$1" --rm --device nvidia.com/gpu=all plain grep -c . /run/cgpu/token.jwt
	echo "$output"
	[ "$status" -eq 0 ] && [ "$output" = 1 ]
}

told() {
	[ "$(tail -1 "$AUDIT" | jq -r .ready_state)" = "$1" ]
}

@test "required: refused until all GPUs were verified, and again once it is off" {
	local runtime
	for runtime in runc crun; do
		printf 0 >$STATE
		refused $runtime 26 --device nvidia.com/gpu=all plain true
		told not-ready
		run "$CGPU" ready --attest
		echo "$output"
		[ "$status" -eq 0 ] && [ "$(cat $STATE)" = 1 ]
		starts $runtime
		told ready
		"$CGPU" ready --off
		[ "$(cat $STATE)" = - ]
		refused $runtime 26 --device nvidia.com/gpu=all plain true
		run "$CGPU" ready --attest
		[ "$status" -eq 52 ]
	done
}

@test "managed: the first start that passes sets it" {
	local runtime
	printf '[policy]\nready-state = manage\n' >$CONF
	for runtime in runc crun; do
		printf 0 >$STATE
		starts $runtime
		told set
		[ "$(cat $STATE)" = 1 ]
		starts $runtime
		told ready
		printf -- - >$STATE
		refused $runtime 52 --device nvidia.com/gpu=all plain true
	done
}

@test "managed: a start that is refused, or observed, leaves it off" {
	local runtime
	printf '[policy]\nready-state = manage\ngpu-count = 2\n' >$CONF
	for runtime in runc crun; do
		refused $runtime 79 --device nvidia.com/gpu=all plain true
		[ "$(cat $STATE)" = 0 ]
	done
	printf 'mode = observe\nobserve-until = %s\n' "$(date -u -d tomorrow +%F)" >>$CONF
	run start runc --rm --device nvidia.com/gpu=all plain cat /run/cgpu/attestation.env
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = CGPU_ATTESTATION_RESULT=refused-observed ]
	[ "$(cat $STATE)" = 0 ]
}

@test "starts that come at once all pass, and one of them sets it" {
	local i
	printf '[policy]\nready-state = manage\n' >$CONF
	: >"$AUDIT"
	for i in 1 2 3 4; do
		start runc --rm --device nvidia.com/gpu=all plain true &
	done
	for i in 1 2 3 4; do
		wait -n
	done
	[ "$(cat $STATE)" = 1 ]
	[ "$(jq -r .event "$AUDIT" | sort -u)" = allowed ]
	[ "$(jq -r .ready_state "$AUDIT" | sort -u | tr '\n' ' ')" != 'ready ' ]
}
