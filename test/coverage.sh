#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# coverage.sh O: lines reached, by file and in all, from the counters that the tests left in O.
set -eu
cd "$(dirname "$0")/.."
find "$1" -name '*.gcda' -not -path '*/test/*' -exec gcov -n {} + 2>/dev/null |
	awk -F"[':% ]+" '
	/^File/ { file = $2 }
	/^Lines executed/ && file !~ /^\/|^test\// { lines[file] = $5; reached[file] = $3 * $5 / 100; file = "/" }
	END {
		for (f in lines) {
			printf "%5.1f %% of %4d  %s\n", 100 * reached[f] / lines[f], lines[f], f | "sort -k5"
			all += lines[f]; hit += reached[f]
		}
		close("sort -k5")
		printf "%5.1f %% of %d lines\n", all ? 100 * hit / all : 0, all
	}'
