#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs TAP programs, shows what failed and what was skipped, ends with "N passed, N failed, N skipped".
# TEST_WRAPPER goes in front of each: 'valgrind -q --error-exitcode=9', 'bats --tap'. One that waits for ever is a failure, too.
set -u
log=$(mktemp)
trap 'rm -f "$log" "$log.one"' EXIT
for program in "$@"; do
	# shellcheck disable=SC2086 # the wrapper is split into its words
	timeout -k 5 1800 ${TEST_WRAPPER:-} "$program" >"$log.one" 2>&1
	status=$?
	grep -q '^1\.\.' "$log.one" || echo "not ok 0 $program ended early with status $status" >>"$log.one"
	grep -q '^not ok' "$log.one" || [ $status -eq 0 ] || echo "not ok 0 $program: status $status" >>"$log.one"
	if grep -q '^not ok' "$log.one"; then
		echo "== $program"
		grep -v '^ok' "$log.one"
	fi
	grep -i '^ok .*# skip' "$log.one"
	grep '^# figures: ' "$log.one"
	cat "$log.one" >>"$log"
done
failed=$(grep -c '^not ok' "$log")
skipped=$(grep -ci '^ok .*# skip' "$log")
passed=$(($(grep -c '^ok' "$log") - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
