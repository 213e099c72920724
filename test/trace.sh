#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# trace.sh DRIVER CORPUS: runs the corpus driver under strace. But for its own samples and manifests and the loading of its
# libraries it opens no file, and no socket at all: nothing that a sample names is ever looked for.
set -eu
driver=$1 corpus=$2
if ! command -v strace >/dev/null || [ ! -d "$corpus" ]; then
	echo "trace: strace or $corpus is missing"
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
fi
corpus=$(cd "$corpus" && pwd -P)
trace=$(mktemp)
trap 'rm -f "$trace" "$trace.rest"' EXIT
strace -f -qq -s 4096 -e signal=none -e trace=%file,%network,openat2 -o "$trace" "$driver" "$corpus" | tail -1
opened=$(grep -cF "\"$corpus/" "$trace")
# Its own files; sizes of open ones; realpath of its argument; the loader; what a sanitizer asks about its own process.
sed 's/^[0-9]* *//' "$trace" | grep -vE -e "^(openat|access|newfstatat|readlink)\\((AT_FDCWD, )?\"$corpus/" \
	-e '^(newfstatat|fstatat64|statx)\([0-9]+, "", ' -e '^readlink\("/' -e '^getcwd\(' -e "^execve\\(\"$driver\"" \
	-e '^openat\(AT_FDCWD, "(/usr)?/lib[^"]*\.so[.0-9]*", O_RDONLY\|O_CLOEXEC\)' -e '^openat\(AT_FDCWD, "/etc/ld.so.cache"' \
	-e '^access\("/etc/ld.so.preload"' -e '^(openat|readlink)\((AT_FDCWD, )?"/proc/self/' >"$trace.rest" || :
if [ "$opened" -gt 0 ] && [ ! -s "$trace.rest" ]; then
	echo "trace: $opened samples and manifests, nothing else"
	echo '1 passed, 0 failed, 0 skipped'
else
	sort "$trace.rest" | uniq -c | head -40
	echo '0 passed, 1 failed, 0 skipped'
	exit 1
fi
