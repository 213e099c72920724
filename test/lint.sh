#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh: shellcheck over every script, a licence line on top of every source, and the habits of the tree.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/count.bash
. test/count.bash
mapfile -t files < <(find . \( -name .git -o -name 'build*' -type d \) -prune -o -type f -printf '%P\n' | sort)
scripts=() suites=() sources=()
for file in "${files[@]}"; do
	case $file in
	*.bats) suites+=("$file") sources+=("$file") ;;
	*.c | *.h | *.def | *.awk | *.bash | Makefile | *.mk | man/* | *.conf | *.ini | *.py | *.proto) sources+=("$file") ;;
	esac
	if head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh$'; then
		scripts+=("$file") sources+=("$file")
	fi
done
for file in "${scripts[@]}"; do
	check "shellcheck: $file" shellcheck -x "$file"
done
for file in ${suites[@]+"${suites[@]}"}; do
	check "shellcheck: $file" shellcheck -x -s bats -e SC1091,SC2030,SC2031,SC2034,SC2119,SC2120,SC2153,SC2154 "$file"
done
for file in "${sources[@]}"; do
	check "$file: no SPDX-License-Identifier in the first three lines" \
		grep -q 'SPDX-License-Identifier: Apache-2.0' <(head -n 3 "$file")
done
check 'blanks at the end of a line' [ -z "$(grep -nE '[[:blank:]]+$' "${sources[@]}" | tee /dev/stderr)" ]
check 'marks of unfinished work' [ -z "$(grep -nE '\b(TO''DO|FIX''ME|X''XX)\b' "${sources[@]}" | tee /dev/stderr)" ]
mapfile -t code < <(printf '%s\n' "${sources[@]}" | grep -E '\.(c|h|def)$')
check 'lines wider than 120 columns, with tabs of 8' \
	[ -z "$(expand -t 8 "${code[@]}" | grep -E '^.{121}' | tee /dev/stderr)" ]
# A search or a stack trace shall meet one function of a name.
mapfile -t product < <(printf '%s\n' "${code[@]}" | grep -E '^(lib|spec|attest|hook|cdi)/.*\.c$')
check 'static functions of one name in two files' [ -z "$(
	awk 'FNR == 1 { before = "" } /^[a-z_0-9]+\(/ && before ~ /^static / { sub(/\(.*/, ""); print $0, FILENAME } { before = $0 }' \
		"${product[@]}" | sort -u | cut -d' ' -f1 | uniq -d | grep -vxE 'main|run|usage' | tee /dev/stderr)" ]
finish
