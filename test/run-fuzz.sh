#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-fuzz.sh SECONDS SAMPLES PROGRAM...: each libFuzzer program that long. What it finds worth keeping stays beside it; its
# first inputs are the folders below SAMPLES that its source names in a line "Seeds: FOLDER...". Ends with
# "N passed, N failed, N skipped".
set -u
seconds=$1
samples=$2
shift 2
passed=0 failed=0
for program in "$@"; do
	name=${program##*/fuzz_}
	corpus=$program.corpus
	mkdir -p "$corpus"
	set -- "$corpus"
	# shellcheck disable=SC2013 # a list of words
	for folder in $(sed -n 's|.*Seeds: \(.*\) \*/$|\1|p' "test/fuzz/fuzz_$name.c"); do
		[ -d "$samples/$folder" ] && set -- "$@" "$samples/$folder"
	done
	if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$program." \
		-print_final_stats=1 "$@" >"$program.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -40 "$program.log"
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$program.log")
	echo "# $name: ${runs:-?} runs, $(find "$corpus" -type f | wc -l) inputs kept, $(grep -o 'cov: [0-9]*' "$program.log" | tail -1)"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
