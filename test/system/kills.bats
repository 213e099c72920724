#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each program of the gate is killed at random moments of a start: the container does not start without its result, nothing
# is left, and the next start works. Each is killed four times, in twenty starts at most; KILL_ROUNDS=200 (make kills), a
# campaign, wants all of its rounds.

load helpers

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	import_image plain
	mkdir -p /run/test/hooks.d
}

setup() {
	system_setup
	rounds=${KILL_ROUNDS:-20}
	enough=${KILL_ROUNDS:-4}
	killed=0
}

# judge_round MOUNTS STATUS: what a start with a kill in it says, and that nothing of it is left.
judge_round() {
	local before=$1 status=$2
	if [ "$status" -eq 0 ]; then
		grep -q '^CGPU_ATTESTATION_TOKEN=eyJ' /run/test/killed
	else
		[ "$status" -eq 126 ]
		absent -q CGPU_ATTESTATION_TOKEN /run/test/killed
		killed=$((killed + 1))
	fi
	ended
	diff <(echo "$before") <(mounts)
	[ -z "$(podman ps -aq)" ]
}

# Both runtimes start one as if nothing had been.
works() {
	local runtime
	for runtime in runc crun; do
		start $runtime --rm --device /dev/nvidia0 plain cat /run/cgpu/attestation.env | grep -q '^CGPU_ATTESTATION_TOKEN=eyJ'
	done
}

runtime_of() {
	if [ $(($1 % 2)) -eq 0 ]; then echo runc; else echo crun; fi
}

# The definition of a hook that is killed DELAY seconds after its start.
killed_definition() {
	# shellcheck disable=SC2153
	cat <<-END
	{"version": "1.0.0", "when": {"always": true}, "stages": ["createRuntime"], "hook": {"path": "/usr/bin/timeout",
	 "args": ["timeout", "-s", "KILL", "$1", "$HOOK", "createRuntime"], "env": ["LC_ALL=C"], "timeout": 30}}
	END
}

@test "cgpu-hook" {
	local before i status
	before=$(mounts)
	for ((i = 0; i < rounds && killed < enough; i++)); do
		killed_definition "0.$(printf %03d $((RANDOM % 250)))" >/run/test/hooks.d/kill.json
		status=0
		podman --hooks-dir /run/test/hooks.d --runtime "$(runtime_of "$i")" run --rm --network none --device /dev/nvidia0 \
			plain cat /run/cgpu/attestation.env >/run/test/killed 2>&1 || status=$?
		judge_round "$before" $status
	done
	echo "# figures: cgpu-hook: killed $killed times in $i starts" >&3
	[ "$killed" -gt 0 ]
	works
}

# kill_program NAME MS: kills that program up to MS milliseconds after it was seen first, in each start.
kill_program() {
	local name=$1 most=$2 before i status pid victim
	before=$(mounts)
	for ((i = 0; i < rounds && killed < enough; i++)); do
		start "$(runtime_of "$i")" --rm --device /dev/nvidia0 plain cat /run/cgpu/attestation.env >/run/test/killed 2>&1 &
		pid=$!
		victim=
		until [ -n "$victim" ] || ! kill -0 $pid 2>/dev/null; do victim=$(pidof "$name" || true); done
		sleep "0.$(printf %03d $((RANDOM % most)))"
		[ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
		status=0
		wait $pid || status=$?
		judge_round "$before" $status
		# A program that is over sooner than it is found is looked for earlier.
		[ "$killed" -gt 0 ] || most=$((most * 4 / 5 + 1))
	done
	echo "# figures: $name: killed $killed times in $i starts" >&3
	[ "$killed" -gt 0 ]
	works
}

@test "cgpu" {
	kill_program cgpu 60
}

@test "collect" {
	kill_program collect 60
}

@test "appraise" {
	kill_program appraise 40
}
