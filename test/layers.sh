#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layers.sh [DIR]: who may include whom, read from the #include lines of DIR (default: this tree).
# Top folders: lib <- spec <- attest; hook and cdi see lib and spec. Within attest, each process's folder sees what its
# privileges allow. A source file is one unit with its header; no unit includes itself by way of others.
set -eu
cd "${1:-$(dirname "$0")/..}"
bad=0
say() {
	echo "layers: $*" >&2
	bad=1
}

# "FILE INCLUDED" for each include of this project's files.
edges=$(find lib spec attest hook cdi -name '*.[ch]' -exec grep -oE '^#include "(lib|spec|attest|hook|cdi|test)/[^"]*' {} + |
	sed 's/:#include "/ /' | sort)

# FOLDER "what its files may include": each word is a folder or a file without its ending.
may() {
	while read -r file included; do
		ok=
		for allowed in $2; do
			case $included in
			"$allowed"/* | "$allowed".*) ok=yes ;;
			esac
		done
		[ -n "$ok" ] || say "$file includes $included: $1 may include only: $2"
	done <<-END
	$(echo "$edges" | grep "^$1/" || true)
	END
}

# FOLDER "what its files may not include".
may_not() {
	while read -r file included; do
		for forbidden in $2; do
			case $included in
			"$forbidden"/* | "$forbidden".* | "$forbidden"_*) say "$file includes $included: $1 may not include $forbidden" ;;
			esac
		done
	done <<-END
	$(echo "$edges" | grep "^$1/" || true)
	END
}

may lib 'lib'
may spec 'lib spec'
may attest 'lib spec attest'
may hook 'lib spec hook'
may cdi 'lib spec cdi'

may attest/collect 'lib spec attest/collect attest/worker attest/collateral/kind'
may_not attest/appraise 'attest/policy attest/node attest/fetch attest/collateral/cache attest/cmd attest/doctor'

exit $bad
