#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# summary.sh COMMAND...: runs each through sh, shows what it prints, and ends with the sum of their closing lines
# "N passed, N failed, N skipped". A command without such a line counts as one test, by its exit status.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
for command in "$@"; do
	echo "== $command"
	start=$(date +%s)
	{ sh -c "$command" 2>&1; echo $? >"$work/status"; } </dev/null | tee "$work/log"
	status=$(cat "$work/status")
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$work/log" | tail -1)
	if [ -z "$line" ]; then
		[ "$status" -eq 0 ] && line='1 passed, 0 failed, 0 skipped' || line='0 passed, 1 failed, 0 skipped'
	fi
	# shellcheck disable=SC2086 # the line is split into its words
	set -- $line
	[ "$status" -eq 0 ] || [ "$3" -ne 0 ] || set -- "$1" x $(($3 + 1)) x "$5"
	[ "$3" -eq 0 ] && word=ok || word=FAILED
	echo "== $command: $word, $(($(date +%s) - start)) s"
	passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
