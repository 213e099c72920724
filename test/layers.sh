#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The folders' one-way street, read from the #include lines: lib <- spec <- attest; hook and cdi see spec and lib only.
set -eu
cd "$(dirname "$0")/.."
bad=0
check() { # FOLDER "what it may include"
	[ -d "$1" ] || return 0
	for line in $(grep -rnoE --include='*.[chd]*' '#include "(lib|spec|attest|hook|cdi|test)/' "$1" | tr -d ' "'); do
		target=${line##*#include}
		case " $2 " in
		*" ${target%/} "*) ;;
		*) echo "layers: ${line%%:#*} includes ${target}: $1 may include only: $2" >&2; bad=1 ;;
		esac
	done
}
check lib "lib"
check spec "lib spec"
check attest "lib spec attest"
check hook "lib spec hook"
check cdi "lib spec cdi"
exit $bad
