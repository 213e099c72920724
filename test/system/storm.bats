#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many starts at once: each is attested or clearly refused, and a container without GPU does not wait for them.
# STORM says how many (make kills: 64).

load helpers

setup_file() {
	system_setup
	make_nodes
	register_driver
	write_spec
	emulate_gpus
	import_image plain
	mkdir -p /run/test/storm /run/test/none
}

# took COMMAND...: how many milliseconds it takes.
took() {
	local start=${EPOCHREALTIME/./}
	"$@"
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# storm PODMAN-OPTION...: that many starts at once, and meanwhile containers without GPU; sets slowest, the longest of those.
storm() {
	local count=${STORM:-16} i now pids=()
	rm -f /run/test/storm/*
	for i in $(seq "$count"); do
		(
			status=0
			podman "$@" --runtime "$([ $((i % 2)) -eq 0 ] && echo runc || echo crun)" run --rm --network none \
				--device nvidia.com/gpu=all plain sh -c 'cat /run/cgpu/attestation.env || true' >"/run/test/storm/$i" 2>&1 || status=$?
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
}

@test "concurrent starts" {
	system_setup
	local i before mounted passed=0 refused=0 usual
	# podman's own locks and this machine's processors delay everything: what counts is what the gate adds.
	storm --hooks-dir /run/test/none
	usual=$slowest
	mounted=$(mounts)
	before=$(audit_lines)
	storm
	for i in /run/test/storm/*; do
		if grep -q '^status 0$' "$i"; then
			grep -q '^CGPU_ATTESTATION_TOKEN=eyJ' "$i"
			passed=$((passed + 1))
		else
			tail -2 "$i"
			grep -q '^status 126$' "$i"
			grep -qE 'exit status [0-9]+|exit code: [0-9]+' "$i"
			refused=$((refused + 1))
		fi
	done
	echo "# figures: $passed attested, $refused refused; slowest plain container $slowest ms, $usual ms without the hook" >&3
	[ $((passed + refused)) -eq "${STORM:-16}" ]
	[ $passed -gt 0 ]
	[ $(($(audit_lines) - before)) -eq "${STORM:-16}" ]
	# Every nonce is another one.
	[ "$(grep -h ^CGPU_ATTESTATION_NONCE= /run/test/storm/* | sort -u | wc -l)" -eq $passed ]
	ended
	diff <(echo "$mounted") <(mounts)
	[ "$slowest" -lt $((3 * usual + 3000)) ]
}

@test "whoever waits too long for the others is refused" {
	system_setup
	local places i pids=()
	places=$(nproc)
	[ "$places" -ge 4 ] || places=4
	[ "$places" -le 16 ] || places=16
	echo 'at nvmlDeviceGetCount_v2 hang' >"$EMULATED"/node/faults.conf
	printf '[run]\ndeadline = 60\n' >/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
	for i in $(seq "$places"); do
		start runc --rm --device nvidia.com/gpu=all plain true >/dev/null 2>&1 &
		pids+=($!)
	done
	until [ "$(pidof collect | wc -w)" -eq "$places" ]; do sleep 0.05; done
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
