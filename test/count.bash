# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scripts that count what holds: check, skip, and finish as their last command.

passed=0 failed=0 skipped=0

# check WHAT CONDITION...: WHAT is told where the condition does not hold, and what it is about where that is set.
check() {
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$(basename "$0" .sh): ${about:+$about: }$what"
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "$(basename "$0" .sh): $*"
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}
