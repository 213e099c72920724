#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mode = observe through real podman with runc and crun: what starts, what it finds, what is told, and what is refused all the same.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
WORKERS=/opt/cgpu/libexec/cgpu
POLICY=/opt/cgpu/etc/cgpu/policy.json

setup_file() {
	system_setup
	make_nodes
	register_driver
	write_spec
	emulate_gpus
	mint_gpus /opt/cgpu/revoked --revoked ica
	import_image plain
	mkdir -p /run/test
}

setup() {
	system_setup
	use_gpus "$EMULATED"
}

teardown() {
	rm -f $CONF $POLICY "$EMULATED"/node/faults.conf
	umount /opt/cgpu/var/log/cgpu 2>/dev/null || true
	for program in "$CGPU" $WORKERS/collect $WORKERS/appraise; do
		[ ! -e "$program.away" ] || mv "$program.away" "$program"
	done
}

# observe [LINE...]: until tomorrow, with these lines of the policy besides.
observe() {
	printf '[policy]\nmode = observe\nobserve-until = %s\n' "$(date -u -d tomorrow +%F)" >$CONF
	[ $# -eq 0 ] || printf '%s\n' "$@" >>$CONF
}

fault() {
	echo "$1" >"$EMULATED"/node/faults.conf
}

# starts_observed CODE NAME: both runtimes start it with the one file, and the audit line says it.
starts_observed() {
	local code=$1 name=$2 runtime count before
	for runtime in runc crun; do
		count=$(audit_lines)
		before=$(mounts)
		run start $runtime --rm --device nvidia.com/gpu=all plain sh -c 'ls /run/cgpu; cat /run/cgpu/*; grep " /run/cgpu " /proc/mounts'
		echo "$output"
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = attestation.env ]
		[ "${lines[1]}" = CGPU_ATTESTATION_RESULT=refused-observed ]
		[ "${lines[2]}" = "CGPU_ATTESTATION_CODE=$code" ]
		[ "${lines[3]}" = "CGPU_ATTESTATION_NAME=$name" ]
		[[ ${lines[4]} == *"ro,nosuid,nodev,noexec"* ]]
		[ ${#lines[@]} -eq 5 ]
		[ $(($(audit_lines) - count)) -eq 1 ]
		tail -1 "$AUDIT" >/run/test/line
		cat /run/test/line
		[ "$(field event)" = observed ] && [ "$(field code)" = 0 ]
		[ "$(field observed_code)" = "$code" ] && [ "$(field observed_name)" = "$name" ]
		[[ $(field message) == 'mode = observe, started although refused: '* ]]
		[[ $(field loosenings) == *observe* ]]
		ended
		diff <(echo "$before") <(mounts)
	done
}

field() {
	jq -r ".$1" /run/test/line
}

# refuses CODE [ARGUMENT...]: as if nothing were observed.
refuses() {
	local code=$1 runtime
	shift
	[ $# -gt 0 ] || set -- --device nvidia.com/gpu=all
	for runtime in runc crun; do
		refused $runtime "$code" "$@" plain true
		ended
	done
}

@test "GPU, collateral and policy: it starts with the one file" {
	observe
	fault 'cc-feature 0'
	starts_observed 20 cc-off
	fault "gpu 0 measurement 9 $(printf 'bad%.0s' {1..32})"
	starts_observed 75 measurement-mismatch
	rm "$EMULATED"/node/faults.conf
	use_gpus /opt/cgpu/revoked
	starts_observed 61 ocsp-revoked
	use_gpus "$EMULATED"
	observe 'gpu-count = 2'
	starts_observed 79 gpu-count
	echo '{"version":"4.0","authorization-rules":{"type":"JWT","detached-claims":{"measres":"fail"}}}' >$POLICY
	observe "policy-file = $POLICY"
	starts_observed 82 policy
	[[ $(field message) == *"GPU-0: policy-file: policy $POLICY: detached-claims.measres: want \"fail\", found \"success\"" ]]
}

@test "the driver hangs or dies, a worker is missing: it starts" {
	observe
	fault 'at nvmlDeviceGetCount_v2 abort'
	starts_observed 17 driver-crashed
	printf '[run]\ndeadline = 2\n' >>$CONF
	fault 'at nvmlDeviceGetCount_v2 hang'
	starts_observed 16 driver-hung
	rm "$EMULATED"/node/faults.conf
	mv $WORKERS/appraise $WORKERS/appraise.away
	starts_observed 108 worker
}

@test "the log gets a warning" {
	observe
	fault 'cc-feature 0'
	busybox syslogd -n -O /run/test/syslog 3>&- &
	local daemon=$!
	for _ in $(seq 100); do
		[ ! -S /dev/log ] || break
		sleep 0.01
	done
	run start runc --rm --device nvidia.com/gpu=all plain true
	for _ in $(seq 100); do
		! grep -q observed_name /run/test/syslog 2>/dev/null || break
		sleep 0.01
	done
	kill $daemon
	rm -f /dev/log
	[ "$status" -eq 0 ]
	grep "authpriv.warn cgpu-hook\[.*: observed: mode = observe, started although refused: .* observed_code='20' observed_name='cc-off'" \
		/run/test/syslog
}

@test "a pass: token, log and audit line name the loosening" {
	observe
	for runtime in runc crun; do
		run start $runtime --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
		[ "$status" -eq 0 ]
		[[ $(jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson' <<<"$output" |
			jq -r '."x-cgpu-loosenings"') == *observe* ]]
		tail -1 "$AUDIT" >/run/test/line
		[ "$(field event)" = allowed ]
		[[ $(field loosenings) == *observe* ]]
		[ "$(field observed_code)" = null ]
	done
}

@test "after its date it enforces; without a date nothing with a GPU starts" {
	fault 'cc-feature 0'
	printf '[policy]\nmode = observe\nobserve-until = %s\n' "$(date -u -d yesterday +%F)" >$CONF
	refuses 20
	printf '[policy]\nmode = observe\n' >$CONF
	refuses 2
}

@test "what is not attestation's matter is refused as ever" {
	observe
	mv "$CGPU" "$CGPU.away"
	refuses 108
	cp /bin/true "$CGPU"
	refuses 108
	mv "$CGPU.away" "$CGPU"
	observe 'privileged = deny'
	refuses 106 --privileged
	observe "policy-file = $POLICY"
	refuses 2
	observe 'privilegde = deny'
	refuses 2
	printf '[trust]\ndevice-root = /opt/cgpu/nowhere.pem\n' >$CONF
	observe
	printf '[trust]\nrim-root = /opt/cgpu/nowhere.pem\n' >>$CONF
	refuses 2
	observe
	fault 'cc-feature 0'
	refuses 101 --device nvidia.com/gpu=all --volume /run/test:/run/cgpu
	observe 'audit = required'
	mount -t tmpfs -o ro,mode=750 tmpfs /opt/cgpu/var/log/cgpu
	refuses 109
}

@test "the challenge in a container's annotation is in its nonce" {
	local runtime challenge
	for runtime in runc crun; do
		for challenge in first second; do
			run start $runtime --rm --device nvidia.com/gpu=all --annotation org.cgpu.challenge=$challenge plain \
				cat /run/cgpu/token.jwt
			[ "$status" -eq 0 ]
			[ "$(jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson' <<<"$output" |
				jq -r '."x-cgpu-nonce-challenge"')" = "$(printf %s $challenge | sha256sum | cut -c1-64)" ]
		done
	done
}
