#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hardening.sh PROGRAM...: reads the ELF of each program: how it was hardened, and that it links what its role allows.
set -u
[ -z "${SAN-}" ] || {
	echo 'hardening: skipped: a build with sanitizers is not hardened'
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
# shellcheck source=test/count.bash
. "$(dirname "$0")/count.bash"
has() { grep -qE -e "$1" <<<"$2"; }
lacks() { ! has "$1" "$2"; }

small=
[ "${STATIC:-yes}" = yes ] || small='|libyajl|libseccomp|libcap'
# One privilege, one process: a library that is not in this table has no business in that program.
allowed() {
	case $1 in
	cgpu) echo "libc|libinih|libcrypto$small" ;;
	cgpu-cdi) echo "libc|libyaml-0$small" ;;
	collect) echo "libc|libdl$small" ;;
	appraise) if [ "${STATIC:-yes}" = yes ]; then echo none; else echo "libc|libcrypto$small"; fi ;;
	fetch) echo "libc|libcurl|libssl|libcrypto$small" ;;
	cgpu-hook) if [ "${STATIC:-yes}" = yes ]; then echo none; else echo "libc$small"; fi ;;
	*) echo none ;;
	esac
}

for path in "$@"; do
	program=$(basename "$path") about=$(basename "$path")
	headers=$(readelf -hlW "$path") dynamic=$(readelf -dW "$path") symbols=$(readelf -sW "$path")
	check 'not a position-independent program (ET_DYN)' has 'Type: +DYN' "$headers"
	[ "$(allowed "$program")" != none ] || check 'a loader is asked for' lacks 'INTERP' "$headers"
	check 'not marked PIE' has 'FLAGS_1.*PIE' "$dynamic"
	check 'no RELRO segment' has 'GNU_RELRO' "$headers"
	check 'not bound at start (BIND_NOW)' has 'BIND_NOW|FLAGS_1.*NOW' "$dynamic"
	check 'the stack is executable' has 'GNU_STACK.* RW +0x' "$headers"
	check 'a segment is writable and executable' lacks 'LOAD.* RWE ' "$headers"
	check 'text relocations' lacks 'TEXTREL' "$dynamic"
	check 'a library path is compiled in' lacks 'RPATH|RUNPATH' "$dynamic"
	check 'no stack protector' has '__stack_chk_fail' "$symbols"
	check 'no fortified calls' has '__[a-z]+_chk' "$symbols"
	check 'the build folder is in the file' lacks "$PWD/" "$(strings -a "$path" | grep -F "$PWD/")"
	needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*/\1/p' <<<"$dynamic" | grep -v '^ld-linux')
	foreign=$(grep -vxE "$(allowed "$program")" <<<"$needed" | tr '\n' ' ')
	check "links $foreign: not in the table of its role" [ -z "${foreign// /}" ]
done
finish
