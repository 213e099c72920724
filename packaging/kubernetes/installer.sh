#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# installer.sh install | remove | keep | away | read: the gate of the image onto the node below HOST and back. The definition that makes the
# engine call the hook comes last and goes first, each file by a rename: whenever this is killed, no definition names a program
# that is not there. keep installs, and again whatever is missing, until it is ended, which takes nothing away; away removes, and
# waits to be ended. read tells by its exit status whether anybody has read the definition: CRI-O does when its directory changes, as
# long as it watches that directory and not one of the same name that was removed. A pod cannot look at CRI-O itself.
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

# place FILE TARGET MODE: a name that no engine reads until it is whole, and not accessed yet.
place() {
	mkdir -p "${2%/*}"
	cp "$1" "${2%/*}/.new"
	chmod "$3" "${2%/*}/.new"
	touch -a -d @0 "${2%/*}/.new"
	mv -f "${2%/*}/.new" "$2"
	echo "installed ${2#"$HOST"}"
}

# put FILE TARGET MODE: nothing where it is the same, which is found out by a look that leaves no time of access.
put() {
	dd "if=$2" iflag=noatime status=none 2>/dev/null | cmp -s - "$1" || place "$@"
}

# Whether the file was read since put wrote it; true where the file system does not tell.
was_read() {
	[ "$(stat -c %X "$1")" -eq 0 ] || return 0
	probe=${1%/*}/.probe
	echo >"$probe"
	touch -a -d @0 "$probe"
	cat "$probe" >/dev/null
	told=$(stat -c %X "$probe")
	rm "$probe"
	[ "$told" -eq 0 ]
}

# The directory that was mounted here is no longer the one that the node has by this name.
mounted_away() {
	[ -d "$HOST$HOOKS" ] && [ "$(stat -c %h "$HOST$HOOKS")" -eq 0 ]
}

complain() {
	[ -e "$definition" ] || return 0
	! was_read "$definition" || return 0
	echo "nobody has read $HOOKS/zz-cgpu.json: CRI-O does not watch that directory: systemctl restart crio, on the node" >&2
	return 1
}

install() {
	if mounted_away; then
		echo "$HOOKS was removed on the node: this container ends, so that the next one sees the new directory" >&2
		exit 1
	fi
	for file in $(programs); do
		news=$(put "$SOURCE/$file" "$HOST$SOURCE/$file" 755)
		[ -z "$news" ] || echo "$news"
	done
	for file in "${CONFIG:-/config}"/*.conf; do
		[ ! -e "$file" ] || put "$file" "$HOST/etc/cgpu/cgpu.conf.d/${file##*/}" 644
	done
	mkdir -p "$HOST/var/lib/cgpu/rim" "$HOST/var/lib/cgpu/ocsp" "$HOST/var/lib/cgpu/chain" "$HOST/var/log/cgpu" \
		"$HOST/etc/cgpu/cgpu.conf.d"
	# On disk before it is named.
	sync
	# Once more for a new hook, the last of the programs: a definition that CRI-O read without its program it has dropped.
	if [ -n "$news" ]; then how=place; else how=put; fi
	$how "$SOURCE/share/containers/oci/hooks.d/zz-cgpu.json" "$definition" 644
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
read) complain ;;
keep | away)
	trap 'exit 0' TERM INT
	while :; do
		if [ "$1" = keep ]; then install; else remove; fi
		sleep 5 &
		wait $!
		[ "$1" = away ] || complain || :
		sleep 55 &
		wait $!
	done
	;;
*)
	echo 'usage: installer.sh install | remove | keep | away | read' >&2
	exit 2
	;;
esac
