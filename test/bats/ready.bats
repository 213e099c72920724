#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu ready`: the ready state is set only after every GPU passed, and every way in which the driver denies it has its code.

load helpers

SET=nvmlSystemSetConfComputeGpusReadyState

# The kernel driver wants this capability of whoever sets the state.
may_set() {
	[ $((0x$(sed -n 's/^CapEff:\t//p' /proc/self/status) >> 21 & 1)) -eq 1 ] || skip 'needs CAP_SYS_ADMIN'
}

attest_ready() {
	run cgpu ready --attest --format json "$@"
	echo "$output"
}

@test "shown, with the code of a start that requires it" {
	mint --gpus 2
	run cgpu ready
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'GPUs ready state: ready' ]
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[1]} == 'GPU-0: GPU-'*', PCI 00000000:41:00.0, persistence ON' ]]
	fault 'ready 0'
	run cgpu ready
	[ "$status" -eq 26 ]
	[[ $output == *'GPUs ready state: not-ready'* ]]
	[[ $output == *"cgpu: the GPUs' ready state is not-ready, want ready [not-ready, code 26]"* ]]
	run cgpu ready --format json
	[ "$status" -eq 26 ]
	[ "$(code)" = 26 ] && [ "$(jq -r .ready_state <<<"$output")" = not-ready ] && [ "$(jq '.gpus | length' <<<"$output")" = 2 ]
	fault 'ready 1' 'gpu 1 persistence 0'
	run cgpu ready
	[ "$status" -eq 25 ]
	# However lenient the hook is told to be.
	POLICY=$'[policy]\nready-state = report' mint
	fault 'ready 0'
	run cgpu ready
	[ "$status" -eq 26 ]
}

@test "set after a pass, and read back" {
	may_set
	mint --gpus 2
	fault 'ready 0'
	attest_ready
	[ "$status" -eq 0 ]
	[ "$(step run ready-state)" = 'ok not-ready (to be set after a pass)' ]
	[ "$(step run ready-set)" = 'ok set to ready' ]
	[ "$(step run third-reading)" = 'ok modes and identities unchanged' ]
	# It comes after all that is judged.
	[ "$(jq -r '[.steps[].step] | index("ready-set") > index("second-reading")' <<<"$output")" = true ]
	[ "$(jq '[.claims[].measres] | unique == ["success"]' <<<"$output")" = true ]
	# Where it is set already, the driver is not asked to set it.
	fault 'ready 1' "at $SET return 4"
	attest_ready
	[ "$status" -eq 0 ]
	[ -z "$(step run ready-set)" ]
}

# never_set CODE LINE...: with this fault it ends so, and the driver, which would crash, was not asked.
never_set() {
	local want=$1
	shift
	mint --gpus 2
	fault 'ready 0' "at $SET abort" "$@"
	attest_ready
	[ "$status" -eq "$want" ] && [ "$(code)" = "$want" ]
}

@test "never set where anything is wrong" {
	never_set 20 'cc-feature 0'
	never_set 22 'devtools 1'
	never_set 25 'gpu 1 persistence 0'
	never_set 39 'gpu 1 evidence-of 0'
	never_set 75 "gpu 1 measurement 9 $(printf 'bad%.0s' {1..32})"
	never_set 19 'at nvmlDeviceGetConfComputeGpuAttestationReport return 999'
	never_set 27 'at nvmlSystemGetConfComputeState#2 set devtools 1'
	never_set 15 'at nvmlSystemGetConfComputeState#2 return 15'
	POLICY=$'[policy]\ngpu-count = 3' never_set 79
	POLICY=$'[policy]\nmin-driver-version = 999.1' never_set 76
}

@test "what the driver says instead" {
	may_set
	mint
	for row in '4 51 ready-rights' '2 52 ready-terminal' '3 53 ready-unsupported' '13 53 ready-unsupported' '999 19 driver-call'; do
		# shellcheck disable=SC2086
		set -- $row
		: >"$NODE/node/faults.conf"
		fault 'ready 0' "at $SET return $1"
		attest_ready
		[ "$status" -eq "$2" ] && [ "$(code)" = "$2" ] && [ "$(jq -r .name <<<"$output")" = "$3" ]
		[[ $(step run ready-set) == "fail $SET(1) returned $1" ]]
	done
	: >"$NODE/node/faults.conf"
	fault 'ready 0' 'ready-terminal 1'
	attest_ready
	[ "$status" -eq 52 ]
	# It says that it did, and did not.
	: >"$NODE/node/faults.conf"
	fault 'ready 0' 'at nvmlSystemGetConfComputeGpusReadyState#3 set ready 0'
	attest_ready
	[ "$status" -eq 19 ]
	[ "$(step run ready-set)" = 'fail the ready state was set and reads not-ready' ]
	# A GPU is exchanged in the last moment.
	: >"$NODE/node/faults.conf"
	fault 'ready 0' 'at nvmlDeviceGetCount_v2#3 set gpu 0 uuid GPU-9'
	attest_ready
	[ "$status" -eq 27 ]
	[[ $(step run third-reading) == 'fail GPU-'*' became GPU-9 '* ]]
	fault 'at nvmlSystemGetConfComputeGpusReadyState return 3'
	attest_ready
	[ "$status" -eq 53 ]
}

@test "without the right to it" {
	mint
	fault 'ready 0'
	if [ "$(id -u)" -eq 0 ]; then
		run setpriv --bounding-set -sys_admin --inh-caps -sys_admin cgpu ready --attest --format json
	else
		attest_ready
	fi
	echo "$output"
	[ "$status" -eq 51 ] && [ "$(code)" = 51 ]
}

@test "another run set it meanwhile" {
	may_set
	mint
	fault 'ready 0' 'at nvmlSystemGetConfComputeGpusReadyState#2 set ready 1' "at $SET abort"
	attest_ready
	[ "$status" -eq 0 ]
	# The other way round it is a change.
	: >"$NODE/node/faults.conf"
	fault 'at nvmlSystemGetConfComputeGpusReadyState#2 set ready 0' "at $SET abort"
	attest_ready
	[ "$status" -eq 27 ]
}

@test "off" {
	may_set
	mint
	run cgpu ready --off
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'GPUs ready state: not-ready' ]
	[[ $output == *'do not switch it on again before they are loaded again.' ]]
	fault "at $SET return 4"
	run cgpu ready --off
	[ "$status" -eq 51 ]
	fault 'ready 0' "at $SET abort"
	run cgpu ready --off --format json
	[ "$status" -eq 0 ]
	[ "$(jq -r .ready_state <<<"$output")" = not-ready ]
}

@test "a run sets it with ready-state = manage only, and only if it verifies every GPU" {
	may_set
	POLICY=$'[policy]\nready-state = manage' mint --gpus 2
	fault 'ready 0'
	run cgpu attest --format json
	[ "$status" -eq 0 ]
	[ "$(step run ready-set)" = 'ok set to ready' ]
	run cgpu attest --format json --gpus 1
	[ "$status" -eq 26 ]
	[[ $(step run ready-state) == *'1 of 2 GPUs are asked for, want all to set it'* ]]
	fault "at $SET abort"
	run cgpu evidence --output "$BATS_TEST_TMPDIR/evidence.json"
	[ "$status" -eq 0 ]
	for word in require report; do
		POLICY=$'[policy]\nready-state = '$word mint
		fault 'ready 0' "at $SET abort"
		run cgpu attest --format json
		[ "$(code)" = "$([ $word = require ] && echo 26 || echo 0)" ]
	done
}

@test "options that do not go together" {
	run cgpu ready --attest --off
	[ "$status" -eq 2 ]
	run cgpu ready now
	[ "$status" -eq 2 ]
}
