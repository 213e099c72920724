#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers with GPUs on a node whose collateral comes from services: cold, warm, slow, many at once, fetch killed.

load helpers

setup_file() {
	system_setup
	PATH=$PATH:/usr/sbin command -v nginx >/dev/null || skip 'no nginx'
	make_nodes
	register_driver
	write_spec
	mint_gpus "$EMULATED" --port 20443
	use_services "$EMULATED"
	import_image plain
	mkdir -p /run/test/storm
}

teardown_file() {
	EMULATOR=$BUILD/emulator "$BATS_TEST_DIRNAME/../emulator/services.sh" stop "$EMULATED"
}

setup() {
	system_setup
	rm -f /opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf "$EMULATED"/services/faults.conf
	forget
}

# No collateral is kept, and the log of requests is empty.
LOG=$EMULATED/services/requests.log
forget() {
	rm -rf /opt/cgpu/var/cache/cgpu /run/cgpu
	: >"$LOG"
}

misbehave() {
	printf '%s\n' "$@" >"$EMULATED"/services/faults.conf
}

set_conf() {
	printf '%s\n' "$@" >/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
}

# The number of requests so far, and of different questions.
requests() {
	wc -l <"$LOG"
}

asked() {
	jq -s 'map([.service, .path, .serial]) | unique | length' "$LOG"
}

# attested RUNTIME
attested() {
	start "$1" --rm --device nvidia.com/gpu=all plain cat /run/cgpu/attestation.env | grep '^CGPU_ATTESTATION_TOKEN=eyJ'
}

# What is kept is whole: fetch is not needed for the next start, and nothing half-written lies about.
whole() {
	[ -z "$(find /opt/cgpu/var/cache/cgpu /run/cgpu -name '.?*')" ]
	: >"$LOG"
	start runc --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
	[ "$(requests)" -eq 0 ]
}

@test "cold and warm: two manifests and six answers are asked for once" {
	for runtime in runc crun; do
		forget
		attested $runtime
		[ "$(requests)" -eq 8 ]
		attested $runtime
		[ "$(requests)" -eq 8 ]
		whole
	done
}

@test "a service that refuses, is slow or gone: the code, nothing left, and others are not held up" {
	set_conf '[network]' 'request-timeout = 2' 'retries = 0'
	for runtime in runc crun; do
		misbehave 'ocsp revoked rim-l3'
		refused $runtime 61 --device nvidia.com/gpu=all plain true
		misbehave 'rim status 500'
		forget
		refused $runtime 69 --device nvidia.com/gpu=all plain true
		forget
		misbehave 'rim slow 10000'
		(refused $runtime 68 --device nvidia.com/gpu=all plain true) &
		pid=$!
		# shellcheck disable=SC2016 # evaluated there
		await eval '[ "$(requests)" -ge 1 ]'
		start $runtime --rm plain true
		# It is still waited for: the plain one did not wait with it.
		[ -n "$(pidof fetch)" ]
		wait $pid
		ended
	done
	[ -z "$(podman ps -aq)" ]
	misbehave
	start crun --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
	whole
}

@test "deadline: a start that nobody answers is refused within it" {
	set_conf '[run]' 'deadline = 3'
	misbehave 'rim slow 60000'
	local begin=${EPOCHREALTIME/./}
	refused runc 107 --device nvidia.com/gpu=all plain true
	[ $((${EPOCHREALTIME/./} - begin)) -lt 8000000 ]
}

@test "remote and both: the files in the container" {
	for runtime in runc crun; do
		set_conf '[policy]' 'verifier = remote'
		start $runtime --rm --device nvidia.com/gpu=all plain sh -c 'cd /run/cgpu && echo * && cat attestation.env' \
			>/run/test/out
		[ "$(head -1 /run/test/out)" = \
			'attestation.env detached-eat.json evidence.json jwks.json run-jwks.json run.jwt token.jwt' ]
		grep -q '^CGPU_ATTESTATION_VERIFIER=remote$' /run/test/out
		set_conf '[policy]' 'verifier = both'
		start $runtime --rm --device nvidia.com/gpu=all plain sh -c 'cd /run/cgpu && echo * && cat attestation.env' \
			>/run/test/out
		[ "$(head -1 /run/test/out)" = \
			'attestation.env detached-eat.json evidence.json jwks.json remote-eat.json remote-jwks.json token.jwt' ]
		grep -q '^CGPU_ATTESTATION_VERIFIER=both$' /run/test/out
		misbehave 'nras failed'
		refused $runtime 92 --device nvidia.com/gpu=all plain true
		misbehave
	done
}

@test "many starts at once on a cold cache" {
	local count=${STORM:-32} i status passed=0 pids=() begin=$SECONDS
	for i in $(seq "$count"); do
		(
			status=0
			start "$([ $((i % 2)) -eq 0 ] && echo runc || echo crun)" --rm --device nvidia.com/gpu=all plain \
				sh -c 'cat /run/cgpu/attestation.env || true' >"/run/test/storm/$i" 2>&1 || status=$?
			echo "status $status" >>"/run/test/storm/$i"
		) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in /run/test/storm/*; do
		if grep -q '^status 0$' "$i"; then
			grep -q '^CGPU_ATTESTATION_TOKEN=eyJ' "$i"
			passed=$((passed + 1))
		else
			tail -2 "$i"
			grep -qE 'exit status 107|exit code: 107' "$i"
		fi
	done
	echo "# figures: $passed of $count attested in $((SECONDS - begin)) s; $(requests) requests for $(asked) questions" >&3
	[ $passed -gt 0 ]
	# Only those that run before the first one is through ask: as many as there are places in the queue.
	[ "$(asked)" -eq 8 ]
	[ "$(requests)" -le $((16 * 8 * 2)) ]
	whole
}

@test "fetch" {
	local rounds=${KILL_ROUNDS:-20} enough=${KILL_ROUNDS:-4} killed=0 before i pid victim status
	before=$(mounts)
	for ((i = 1; i <= rounds && killed < enough; i++)); do
		forget
		# Only what is slow can be hit.
		misbehave "$([ $((i % 2)) -eq 0 ] && echo rim || echo ocsp) slow 30"
		start "$([ $((i % 2)) -eq 0 ] && echo runc || echo crun)" --rm --device /dev/nvidia0 plain \
			cat /run/cgpu/attestation.env >/run/test/killed 2>&1 &
		pid=$!
		victim=
		until [ -n "$victim" ] || ! kill -0 $pid 2>/dev/null; do victim=$(pidof fetch || true); done
		sleep "0.$(printf %03d $((RANDOM % 80)))"
		[ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
		status=0
		wait $pid || status=$?
		if [ $status -eq 0 ]; then
			grep -q '^CGPU_ATTESTATION_TOKEN=eyJ' /run/test/killed
		else
			[ $status -eq 126 ]
			grep -qE 'code 108\]|exit code: 108' /run/test/killed
			killed=$((killed + 1))
		fi
		ended
		diff <(echo "$before") <(mounts)
		[ -z "$(podman ps -aq)" ]
		misbehave
	done
	start crun --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt >/dev/null
	whole
	echo "# figures: fetch: killed $killed times in $((i - 1)) starts" >&3
	[ "$killed" -gt 0 ]
}
