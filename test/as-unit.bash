# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For bats files: what a systemd unit lets its program do, as far as it can be shown where systemd does not run.

# setting FILE NAME: the values of a unit's lines NAME=, continuation lines joined.
setting() {
	sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' "$1" | sed -n "s/^$2=//p"
}

# as_unit FILE COMMAND...: COMMAND with the capabilities that the unit's processes can have, its umask, and mounts of its own.
as_unit() {
	local bounds=-all cap file=$1
	shift
	for cap in $(setting "$file" CapabilityBoundingSet); do
		bounds+=,+${cap#CAP_}
	done
	(umask "$(setting "$file" UMask)" && unshare --mount --propagation slave setpriv --bounding-set "${bounds,,}" --inh-caps=-all --no-new-privs "$@")
}

# let_through FILE: the system calls that its filter allows.
let_through() {
	local word
	for word in $(setting "$1" SystemCallFilter); do
		[[ $word == '~'* ]] || members "$word"
	done | sort -u
}

# members @SET|NAME: what is in a set, and in those that it names.
members() {
	local word
	case $1 in
	@*) systemd-analyze syscall-filter "$1" | sed -n 's/^ \+//p' | grep -v '^#' | while read -r word; do members "$word"; done ;;
	*) echo "$1" ;;
	esac
}

# whole_calls: a call that another process interrupted in strace's output, on one line again.
whole_calls() {
	awk '/ <unfinished \.\.\.>$/ { sub(/ *<unfinished \.\.\.>$/, ""); held[$1] = $0; next }
		match($0, /<\.\.\. [a-z_0-9]+ resumed>/) {
			pid = $1
			print held[pid] substr($0, RSTART + RLENGTH)
			delete held[pid]
			next
		}
		{ print }
		END { for (pid in held) print held[pid] }'
}

# traced FILE COMMAND...: the same as as_unit, and every system call that it made is one that the filter lets through, every
# socket of a family that is left.
traced() {
	local file=$1 trace=$BATS_TEST_TMPDIR/trace
	shift
	as_unit "$file" strace -f -qq -o "$trace.parts" "$@"
	whole_calls <"$trace.parts" >"$trace"
	sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' "$trace" | sort -u >"$trace.made"
	let_through "$file" >"$trace.allowed"
	[ -s "$trace.made" ] && [ -s "$trace.allowed" ]
	comm -23 "$trace.made" "$trace.allowed" >"$trace.missing"
	cat "$trace.missing"
	[ ! -s "$trace.missing" ]
	sed -nE '/= -1 EAFNOSUPPORT/d; s/.* socket\((AF_[A-Z0-9]+),.*/\1/p' "$trace" | sort -u >"$trace.families"
	setting "$file" RestrictAddressFamilies | tr ' ' '\n' | sort >"$trace.allowed"
	comm -23 "$trace.families" "$trace.allowed" >"$trace.missing"
	cat "$trace.missing"
	[ ! -s "$trace.missing" ]
}
