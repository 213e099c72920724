#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# summary.sh [-j N] COMMAND...: runs each through sh, shows what it prints, and ends with the sum of their closing lines
# "N passed, N failed, N skipped". A command without such a line counts as one test, by its exit status. With -j, N of them run
# at once, and each is shown when it has ended.
set -u
jobs=1
if [ "$1" = -j ]; then jobs=$2 && shift 2; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

keep() { # LOG
	if [ "$jobs" -eq 1 ]; then tee "$1"; else cat >"$1"; fi
}

# The three numbers of the command go to $work/NUMBER.
run() { # NUMBER COMMAND
	local log=$work/$1.log start=$SECONDS status word=ok
	{
		echo "== $2"
		sh -c "$2" 2>&1
		echo $? >"$log.status"
	} </dev/null | keep "$log"
	status=$(<"$log.status")
	read -r passed failed skipped < <(
		sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log" | tail -1 | grep . ||
			if [ "$status" -eq 0 ]; then echo 1 0 0; else echo 0 1 0; fi)
	[ "$status" -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
	[ "$failed" -eq 0 ] || word=FAILED
	exec 9>"$work/lock"
	flock 9
	[ "$jobs" -eq 1 ] || cat "$log"
	echo "== $2: $word, $((SECONDS - start)) s"
	exec 9>&-
	echo "$passed $failed $skipped" >"$work/$1"
}

number=0
for command in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
	number=$((number + 1))
	run $number "$command" &
	[ "$jobs" -gt 1 ] || wait
done
wait
read -r passed failed skipped < <(cat "$work"/*[0-9] | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
# One that left no numbers did not end.
failed=$((failed + $# - $(cat "$work"/*[0-9] | wc -l)))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
