#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh O VERSION: the rpm packages, in O/rpm, from the archive that make dist made there. RPMBUILD for options of
# rpmbuild, such as --nodeps where the libraries do not come from rpm packages.
set -eu
O=$1 version=$2 name=oci-cgpu-hook
cd "$(dirname "$0")"
rm -rf "$O/rpm"
mkdir -p "$O/rpm/SOURCES"
cp "$O/$name-$version.tar.xz" "$O/rpm/SOURCES/"
read -ra options <<<"${RPMBUILD-}"
rpmbuild --define "_topdir $O/rpm" --define "_buildhost localhost" --define 'use_source_date_epoch_as_buildtime 1' \
	--define 'clamp_mtime_to_source_date_epoch 1' -bb "${options[@]}" $name.spec
