#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tree.sh DESTDIR [VARIABLE=VALUE...]: builds and installs below DESTDIR/opt/cgpu what runs on a node that lacks our libraries: they
# and the loader stand beside the programs. The workers' user is one that every node has.
set -eu
cd "$(dirname "$0")/../.."
tree=$1
shift
prefix=/opt/cgpu
loader=$(sed -n 's/.*\(\/lib[^ ]*\/ld-linux[^ ]*\.so\.[0-9]*\).*/\1/p' /proc/self/maps | head -n 1)
set -- O=build-node prefix=$prefix sysconfdir=/etc localstatedir=/var worker_user=nobody hooksdir=$prefix/share/containers/oci/hooks.d \
	LDFLAGS="-Wl,-rpath,$prefix/lib -Wl,--dynamic-linker=$prefix/lib/ld-linux.so" "$@"
# The programs cannot run here yet: the loader is where they will be.
mkdir -p $prefix/lib
cp "$loader" $prefix/lib/ld-linux.so
make -s -j"$(nproc)" "$@" all
make -s "$@" DESTDIR="$tree" install
cp "$loader" "$tree$prefix/lib/ld-linux.so"
for program in "$tree$prefix"/bin/* "$tree$prefix"/libexec/cgpu/*; do
	ldd "$program"
done | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
	cp -L "$library" "$tree$prefix/lib/"
done
rm -rf "$tree$prefix/share/man" "$tree$prefix"/lib/systemd "$tree$prefix"/lib/*.d
