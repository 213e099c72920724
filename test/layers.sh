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
		[ -n "$file" ] || continue # the folder has no file that includes one
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

for worker in collect fetch quote; do
	may "attest/$worker" "lib spec attest/$worker attest/worker attest/collateral/kind"
done
may_not attest/appraise 'attest/policy attest/node attest/fetch attest/collateral/cache attest/cmd attest/doctor'

# "UNIT UNIT" for each include of another unit.
units=$(echo "$edges" | sed -E 's/\.[ch]( |$)/\1/g' | awk '$1 != $2' | sort -u)
# The one circle that is left; the line goes with it.
units=$(echo "$units" | grep -vx 'hook/request hook/decision')

# Only the run, the commands and the collateral's source talk to more than one worker.
workers=$(echo "$units" | sed -nE 's,^([^ ]*) attest/(appraise|collect|fetch|quote)/.*,\1 \2,p' | sort -u)
for unit in $(echo "$workers" | cut -d ' ' -f 1 | uniq -d); do
	case $unit in
	attest/run | attest/cmd/* | attest/collateral/*) ;;
	*) say "$unit sees the workers $(echo "$workers" | sed -n "s,^$unit ,,p" | paste -sd ' ' -)" ;;
	esac
done

circles=$(echo "$units" | tsort 2>&1 >/dev/null | sed -nE 's/^tsort: ([a-z].*)/\1/p' | paste -sd ' ' -)
[ -z "$circles" ] || say "units that include each other: $circles"
exit $bad
