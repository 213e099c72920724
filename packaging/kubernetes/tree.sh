#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tree.sh DESTDIR [VARIABLE=VALUE...]: builds and installs below DESTDIR/opt/cgpu what runs on a node that lacks our libraries: they
# and the loader stand beside the programs, but for the hook, which is static. The workers' user is one that every node has.
set -eu
cd "$(dirname "$0")/../.."
tree=$1
shift
prefix=/opt/cgpu
loader=$(ldd /bin/sh | sed -n 's/^[^/=]*\(\/[^ ]*ld-linux[^ ]*\).*/\1/p')
set -- prefix=$prefix sysconfdir=/etc localstatedir=/var worker_user=nobody "$@"
make -s -j"$(nproc)" O=build-node/static "$@" build-node/static/cgpu-hook
# RPATH, not RUNPATH: it counts for the libraries of libraries, too. Some programs run while they are built.
set -- O=build-node LDFLAGS="-Wl,--disable-new-dtags,-rpath,$prefix/lib -Wl,--dynamic-linker=$prefix/lib/ld-linux.so" "$@"
mkdir -p $prefix/lib
cp "$loader" $prefix/lib/ld-linux.so
make -s -j"$(nproc)" "$@" all
make -s "$@" DESTDIR="$tree" install
cp build-node/static/cgpu-hook "$tree$prefix/libexec/oci/hooks.d/cgpu-hook"
cp "$loader" "$tree$prefix/lib/ld-linux.so"
for program in "$tree$prefix"/bin/* "$tree$prefix"/libexec/cgpu/*; do
	ldd "$program"
done | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
	cp -L "$library" "$tree$prefix/lib/"
done
rm -rf "$tree$prefix/share/man" "$tree$prefix"/lib/systemd "$tree$prefix"/lib/*.d
