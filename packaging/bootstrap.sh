#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bootstrap.sh demo | check | deb, as root on Debian 12 or 13: installs the packages that are needed from the system's own
# archive, builds, and shows the gate at work with real podman and emulated GPUs (demo), or runs every test besides (check), or
# makes the Debian packages (deb).
set -eu
cd "$(dirname "$0")/.."

# What the programs are built from, emulator and test programs besides; engine, and server of the emulated services; what the tests call.
build='ca-certificates gcc libc6-dev make pkgconf libyajl-dev libseccomp-dev libcap-dev libinih-dev libyaml-dev libssl-dev
	libcurl4-openssl-dev'
emulator='libxml2-dev libxmlsec1-dev libfcgi-dev zlib1g-dev'
engine='podman runc crun conmon netavark iptables nftables busybox-static util-linux nginx jq'
tests='bats mandoc shellcheck strace openssl xmlsec1 procps catatonit curl bc libfaketime uidmap python3-jsonschema python3-yaml systemd logrotate'
debian='git xz-utils dpkg-dev debhelper fakeroot jq mandoc openssl systemd-dev'
# Those of Debian 12 know no CDI devices.
others='docker.io docker-cli containerd python3-grpcio protobuf-compiler'
if grep -q '^VERSION_ID="12"' /etc/os-release; then others='' debian=${debian/systemd-dev/systemd}; fi

usage() {
	echo 'usage: packaging/bootstrap.sh demo | check | deb' >&2
	exit 2
}

installed() {
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# Debian starts what it installs, now and at each boot: this machine is to get no web server out of a demo, and no engine. The
# policy goes with this program, and counts for nothing once that was killed.
policy=/usr/sbin/policy-rc.d
without_services() {
	local status=0
	if [ -e "$policy" ]; then
		"$@"
		return
	fi
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	# shellcheck disable=SC2016 # for the policy
	printf '#!/bin/sh\n[ -e /proc/%s ] && exit 101\nrm -f "$0"\n' $$ >"$policy"
	chmod 755 "$policy"
	"$@" || status=$?
	rm -f "$policy"
	trap - EXIT HUP INT TERM
	return $status
}

packages() {
	local missing=() package unit
	command -v apt-get >/dev/null || { echo "bootstrap: no apt-get: install what Debian calls $*" >&2; exit 2; }
	for package in "$@"; do
		installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "== installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update </dev/null || echo 'bootstrap: some package lists could not be read; trying with the others' >&2
	without_services apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
		install "${missing[@]}" </dev/null >/dev/null
	command -v systemctl >/dev/null || return 0
	for package in "${missing[@]}"; do
		case $package in
		nginx | containerd) systemctl -q disable "$package" || : ;;
		docker.io) systemctl -q disable docker.service docker.socket || : ;;
		podman)
			for unit in podman.socket podman.service podman-auto-update.timer podman-auto-update.service podman-restart.service; do
				systemctl -q disable $unit || :
			done
			;;
		esac
	done
}

[ $# -eq 1 ] || usage
[ "$(id -u)" -eq 0 ] || { echo 'bootstrap: needs root: sudo packaging/bootstrap.sh '"$1" >&2; exit 2; }
jobs=$(nproc)
case $1 in
demo)
	# shellcheck disable=SC2086 # lists of words
	packages $build $emulator $engine
	make -s -j"$jobs" node
	exec make -s demo
	;;
check)
	# shellcheck disable=SC2086
	packages $build $emulator $engine $tests $others
	make -s -j"$jobs" WERROR=-Werror all tests node
	# The long ones first, as many at once as there are processors.
	exec test/summary.sh -j "$jobs" 'make -s check-system' 'make -s check' "make -s -j$jobs asan" 'make -s demo' 'make -s lint'
	;;
deb)
	# shellcheck disable=SC2086
	packages $build $debian libxml2-dev libxmlsec1-dev zlib1g-dev
	exec make -s deb
	;;
*) usage ;;
esac
