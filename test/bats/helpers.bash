# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of the programs, installed below $ROOT by `make bats`: no root, no network, no engine.

: "${ROOT:?run by make bats}" "${EMULATOR:?}"
PATH=$ROOT/bin:$PATH
# shellcheck disable=SC2034
SAMPLES=$(cd "$BATS_TEST_DIRNAME/../.." && cd ../shared/samples 2>/dev/null && pwd || echo /nonexistent)
CONF=$ROOT/etc/cgpu/cgpu.conf.d/test.conf

# The user of the package need not exist where the tests run as root.
printf '[run]\nworker-user = nobody\n' >"$ROOT/etc/cgpu/cgpu.conf.d/00-user.conf"

# mint ARGUMENT...: an emulated machine in $NODE, and the configuration that names it, with $POLICY added.
mint() {
	NODE=$BATS_TEST_TMPDIR/node
	rm -rf "$NODE"
	"$EMULATOR/mint" --library "$EMULATOR/libnvidia-ml.so.1" "$@" "$NODE"
	{ cat "$NODE/cgpu.conf"; echo "${POLICY-}"; } >"$CONF"
}

# fault LINE...: states and faults of the emulated machine (test/emulator/node.h).
fault() {
	printf '%s\n' "$@" >>"$NODE/node/faults.conf"
}

# code: the exit code in the JSON of $output; step GPU NAME: "STATUS DETAIL" of one step of it.
code() {
	jq -r .code <<<"$output"
}

step() {
	jq -r --arg gpu "$1" --arg step "$2" \
		'.steps[] | select((.gpu // "run") == $gpu and .step == $step) | "\(.status) \(.detail)"' <<<"$output"
}

teardown() {
	rm -f "$CONF"
}
