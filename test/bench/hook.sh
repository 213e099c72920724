#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hook.sh BUILD [ROUNDS]: what the hook costs a container without a GPU, on a real config.json of podman, next to a static
# program that does nothing. Ends with "1 passed" if the median is at most 2 ms.
set -eu
build=$(cd "${1:-build}" && pwd)
rounds=${2:-500}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir "$work/bundle"
cp "$here/../fixtures/podman-config.json" "$work/bundle/config.json"
printf '{"ociVersion":"1.0.2-dev","id":"c1","status":"creating","pid":%d,"bundle":"%s"}' $$ "$work/bundle" >"$work/state"
echo 'int main(void) { return 0; }' >"$work/nothing.c"
"${CC:-gcc}" -O2 -static-pie -fPIE -o "$work/nothing" "$work/nothing.c"
"${CC:-gcc}" -O2 -Wall -D_GNU_SOURCE -o "$work/run" "$here/hook.c"
"$work/run" "$build/cgpu-hook" "$work/nothing" "$work/state" "$rounds" | tee "$work/result"
median=$(sed 's/.*GPU: median \([0-9]*\) us.*/\1/' "$work/result")
if [ "$median" -le 2000 ]; then
	echo '1 passed, 0 failed, 0 skipped'
else
	echo '0 passed, 1 failed, 0 skipped'
	exit 1
fi
