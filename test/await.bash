# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For bats files: no test waits for ever.

# await COMMAND...: when COMMAND passes, within half a minute; else its failure.
await() {
	for _ in $(seq 1000); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.03
	done
	"$@"
}

# state_of RUNTIME ID: what an OCI runtime calls the state of a container.
state_of() {
	"$1" state "$2" | jq -r .status
}

# await_text TEXT COMMAND...: when that is what COMMAND prints.
await_text() {
	local text=$1
	shift
	for _ in $(seq 1000); do
		[ "$("$@" 2>/dev/null)" != "$text" ] || return 0
		sleep 0.03
	done
	[ "$("$@")" = "$text" ]
}
