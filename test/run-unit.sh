#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs TAP programs, shows what failed, ends with "N passed, N failed, N skipped".
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
	"$program" >"$log.one" 2>&1
	rc=$?
	grep -q '^1\.\.' "$log.one" || echo "not ok 0 $(basename "$program") ended early with status $rc" >>"$log.one"
	grep -q '^not ok' "$log.one" && { echo "== $program"; grep -v '^ok' "$log.one"; }
	cat "$log.one" >>"$log"
	rm -f "$log.one"
done
failed=$(grep -c '^not ok' "$log")
skipped=$(grep -c '^ok .*# SKIP' "$log")
passed=$(($(grep -c '^ok' "$log") - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
