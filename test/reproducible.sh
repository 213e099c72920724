#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reproducible.sh O MAKE... -- PROGRAM...: the same sources in a folder of another name, at another time, in another time
# zone and locale and under another umask give the same programs, byte by byte, as those in O.
set -u
cd "$(dirname "$0")/.." || exit 1
O=$1
shift
make=()
while [ "$1" != -- ]; do
	make+=("$1")
	shift
done
shift
copy=$(mktemp -d)/a-folder-of-another-name
trap 'rm -rf "${copy%/*}"' EXIT
mkdir "$copy"
tar c --exclude='./build*' --exclude=./.git . | tar x -C "$copy"
find "$copy" -exec touch {} +
(umask 027 && TZ=Asia/Tokyo LC_ALL=C "${make[@]}" -s -C "$copy" O=build all) >/dev/null || { echo 'reproducible: no build'; exit 1; }
passed=0 failed=0
for program in "$@"; do
	if cmp "$O/$program" "$copy/build/$program"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
