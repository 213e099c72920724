#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# installer.sh install | remove | keep | away: the gate of the image onto the node below HOST and back. The definition that makes the
# engine call the hook comes last and goes first, each file by a rename: whenever this is killed, no definition names a program
# that is not there. keep installs, and again whatever is missing, until it is ended, which takes nothing away; away removes, and
# waits to be ended.
# SOURCE is the tree of the image and, without HOST, of the node; HOOKS the hooks directory that CRI-O was told.
set -eu
SOURCE=${SOURCE:-/opt/cgpu} HOST=${HOST:-/host} HOOKS=${HOOKS:-/run/containers/oci/hooks.d}
definition=$HOST$HOOKS/zz-cgpu.json
hook=libexec/oci/hooks.d/cgpu-hook

# Programs, libraries beside them, the hook last.
programs() {
	cd "$SOURCE"
	find bin lib libexec/cgpu -type f ! -path 'lib/systemd/*' ! -path 'lib/sysusers.d/*' ! -path 'lib/tmpfiles.d/*' 2>/dev/null | sort
	echo $hook
}

# put FILE TARGET MODE: nothing where it is the same; a name that no engine reads until it is whole.
put() {
	cmp -s "$1" "$2" && return
	mkdir -p "${2%/*}"
	cp "$1" "${2%/*}/.new"
	chmod "$3" "${2%/*}/.new"
	mv -f "${2%/*}/.new" "$2"
	echo "installed ${2#"$HOST"}"
}

install() {
	for file in $(programs); do
		put "$SOURCE/$file" "$HOST$SOURCE/$file" 755
	done
	for file in "${CONFIG:-/config}"/*.conf; do
		[ ! -e "$file" ] || put "$file" "$HOST/etc/cgpu/cgpu.conf.d/${file##*/}" 644
	done
	mkdir -p "$HOST/var/lib/cgpu/rim" "$HOST/var/lib/cgpu/ocsp" "$HOST/var/lib/cgpu/chain" "$HOST/var/log/cgpu" \
		"$HOST/etc/cgpu/cgpu.conf.d"
	# On disk before it is named.
	sync
	put "$SOURCE/share/containers/oci/hooks.d/zz-cgpu.json" "$definition" 644
}

remove() {
	rm -f "$definition"
	sync
	echo "removed ${definition#"$HOST"}"
	for file in $(programs); do
		rm -f "$HOST$SOURCE/$file"
	done
	find "$HOST$SOURCE" -depth -type d -empty -exec rmdir {} \; 2>/dev/null || :
}

case ${1-} in
install | remove) "$1" ;;
keep | away)
	trap 'exit 0' TERM INT
	while :; do
		if [ "$1" = keep ]; then install; else remove; fi
		sleep 60 &
		wait $!
	done
	;;
*)
	echo 'usage: installer.sh install | remove | keep | away' >&2
	exit 2
	;;
esac
