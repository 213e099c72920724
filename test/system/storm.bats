#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many starts at once, through both layers, on two GPUs: each is attested or clearly refused, and a container without GPU does
# not wait for them.
# STORM says how many (make kills: 64).

load helpers

setup_file() {
	system_setup
	make_nodes
	mknod -m 666 /dev/nvidia1 c 195 1
	register_driver
	mint_gpus "$EMULATED" --gpus 2
	use_gpus "$EMULATED"
	import_image plain
	mkdir -p /run/test/storm /run/test/none
}

# write_devices [EDITS]: GPUs 0 and 1 alone, and both.
write_devices() {
	write_spec "${1-}"
	jq '.devices += [{name: "1", containerEdits: {deviceNodes: [{path: "/dev/nvidia1"}]}}]
		| .devices[0].containerEdits.deviceNodes += [{path: "/dev/nvidia1"}]' /etc/cdi/nvidia.json >/run/test/spec
	mv /run/test/spec /etc/cdi/nvidia.json
}

GATE='"hooks": [{"hookName": "createRuntime", "path": "'$HOOK'", "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"]}]'

# took COMMAND...: how many milliseconds it takes.
took() {
	local start=${EPOCHREALTIME/./}
	"$@"
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# storm PODMAN-OPTION...: that many starts at once, and meanwhile containers without GPU; sets slowest, the longest of those,
# and whole, the time until all have an answer.
storm() {
	local count=${STORM:-16} devices=(0 1 all) begin=${EPOCHREALTIME/./} i now pids=()
	rm -f /run/test/storm/*
	for i in $(seq "$count"); do
		(
			status=0
			podman "$@" --runtime "$([ $((i % 2)) -eq 0 ] && echo runc || echo crun)" run --rm --network none \
				--device "nvidia.com/gpu=${devices[i % 3]}" plain sh -c 'cat /run/cgpu/attestation.env || true' >"/run/test/storm/$i" 2>&1 || status=$?
			echo "status $status" >>"/run/test/storm/$i"
		) &
		pids+=($!)
	done
	sleep 1
	slowest=0
	for i in 1 2 3; do
		now=$(took podman "$@" --runtime runc run --rm --network none plain true)
		[ "$now" -le "$slowest" ] || slowest=$now
	done
	wait "${pids[@]}"
	whole=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

@test "concurrent starts" {
	system_setup
	local i before mounted passed=0 refused=0 usual usual_whole
	# podman's own locks and this machine's processors delay everything: what counts is what the gate adds.
	write_devices
	storm --hooks-dir /run/test/none
	usual=$slowest
	usual_whole=$whole
	mounted=$(mounts)
	before=$(audit_lines)
	write_devices "$GATE"
	storm
	for i in /run/test/storm/*; do
		if grep -q '^status 0$' "$i"; then
			grep -q '^CGPU_ATTESTATION_TOKEN=eyJ' "$i"
			# Both GPUs or the one.
			[ "$(grep '^CGPU_ATTESTATION_GPUS=' "$i" | tr , '\n' | wc -l)" -eq $(($(basename "$i") % 3 == 2 ? 2 : 1)) ]
			passed=$((passed + 1))
		else
			tail -2 "$i"
			grep -q '^status 126$' "$i"
			grep -qE 'exit status [0-9]+|exit code: [0-9]+' "$i"
			refused=$((refused + 1))
		fi
	done
	echo "# figures: $passed attested, $refused refused; all in $whole ms, $usual_whole ms without the hook; slowest plain container $slowest ms, $usual ms" >&3
	[ $((passed + refused)) -eq "${STORM:-16}" ]
	[ $passed -gt 0 ]
	[ $(($(audit_lines) - before)) -eq "${STORM:-16}" ]
	# Every nonce is another one.
	[ "$(grep -h ^CGPU_ATTESTATION_NONCE= /run/test/storm/* | sort -u | wc -l)" -eq $passed ]
	ended
	diff <(echo "$mounted") <(mounts)
	[ "$slowest" -lt $((3 * usual + 3000)) ]
	# Nobody waits longer than the deadline of 25 s, and no engine for more than its own containers.
	[ "$whole" -lt $((3 * usual_whole + 30000)) ]
}

@test "whoever waits too long for the others is refused" {
	system_setup
	local places i pids=()
	write_devices "$GATE"
	places=$(nproc)
	[ "$places" -ge 4 ] || places=4
	[ "$places" -le 16 ] || places=16
	echo 'at nvmlDeviceGetCount_v2 hang' >"$EMULATED"/node/faults.conf
	printf '[run]\ndeadline = 60\n' >/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
	for i in $(seq "$places"); do
		start runc --rm --device nvidia.com/gpu=all plain true >/dev/null 2>&1 &
		pids+=($!)
	done
	# shellcheck disable=SC2016 # evaluated there
	await eval '[ "$(pidof collect | wc -w)" -eq "$places" ]'
	# Those that run keep their time, however long it took to start them; the next one has little.
	printf '[run]\ndeadline = 4\n' >/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
	refused crun 107 --device nvidia.com/gpu=all plain true
	start runc --rm plain true
	# shellcheck disable=SC2046 # one word a process
	kill $(pidof collect)
	wait "${pids[@]}" || true
	rm "$EMULATED"/node/faults.conf /opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
	start crun --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
}

# They come in the order of coming: a free place is no prize for who asks most often.
@test "starts that loop keep nobody else out" {
	system_setup
	local i status passed=0 loops=() starts=()
	write_devices "$GATE"
	echo 'at nvmlDeviceGetConfComputeGpuAttestationReport wait 400' >"$EMULATED"/node/faults.conf
	touch /run/test/looping
	for i in $(seq 40); do
		(while [ -e /run/test/looping ]; do $CGPU attest --gpus 0; done) >/dev/null 2>&1 &
		loops+=($!)
	done
	until [ "$(pidof cgpu | wc -w)" -ge 36 ]; do sleep 0.05; done
	for i in 1 2 3 4 5; do
		start "$([ $((i % 2)) -eq 0 ] && echo runc || echo crun)" --rm --device nvidia.com/gpu=1 plain \
			grep -q RESULT=pass /run/cgpu/attestation.env &
		starts+=($!)
	done
	for i in "${starts[@]}"; do
		status=0
		wait "$i" || status=$?
		echo "start: $status"
		[ $status -ne 0 ] || passed=$((passed + 1))
	done
	rm /run/test/looping "$EMULATED"/node/faults.conf
	wait "${loops[@]}"
	[ $passed -eq 5 ]
}
