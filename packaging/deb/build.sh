#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh O VERSION: the Debian packages, in O/deb, from the archive that make dist made there. DEB_BUILD_OPTIONS as usual;
# DPKG_BUILDPACKAGE for other options of that program than -b.
set -eu
O=$1 version=$2 name=oci-cgpu-hook
cd "$(dirname "$0")"
if ! command -v dpkg-buildpackage >/dev/null || ! command -v dh >/dev/null; then
	echo 'make deb: dpkg-dev and debhelper are missing: packaging/bootstrap.sh deb installs what is needed' >&2
	exit 1
fi
rm -rf "$O/deb"
mkdir -p "$O/deb"
cp "$O/$name-$version.tar.xz" "$O/deb/${name}_$version.orig.tar.xz"
tar xf "$O/$name-$version.tar.xz" -C "$O/deb"
cp -a "$O/deb/$name-$version/packaging/deb/debian" "$O/deb/$name-$version/debian"
cd "$O/deb/$name-$version"
read -ra options <<<"${DPKG_BUILDPACKAGE:--b}"
dpkg-buildpackage -us -uc "${options[@]}"
