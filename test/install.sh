#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh MAKE...: installs to a scratch DESTDIR, looks at what is there, uninstalls, and wants to find nothing left.
set -u
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# shellcheck source=test/count.bash
. "$(dirname "$0")/count.bash"
dirs='prefix=/usr sysconfdir=/etc localstatedir=/var'
# shellcheck disable=SC2086 # words of a list
run() { "$@" DESTDIR="$root" $dirs >"$root.log" 2>&1 || { cat "$root.log"; false; }; rm -f "$root.log"; }

check 'make install failed' run "$@" install
definition=$root/usr/share/containers/oci/hooks.d/zz-cgpu.json
for program in usr/bin/cgpu usr/bin/cgpu-cdi usr/libexec/oci/hooks.d/cgpu-hook usr/libexec/cgpu/collect \
	usr/libexec/cgpu/appraise; do
	check "$program is missing or not executable for all" [ "$(stat -c %a "$root/$program")" = 755 ]
done
for file in etc/cgpu/cgpu.conf usr/share/man/man1/cgpu.1 usr/share/man/man1/cgpu-cdi.1 \
	usr/share/man/man5/cgpu.conf.5 usr/share/man/man7/cgpu-codes.7 usr/share/man/man8/cgpu-hook.8 \
	usr/share/containers/oci/hooks.d/zz-cgpu.json; do
	check "$file is missing or not readable for all" [ "$(stat -c %a "$root/$file")" = 644 ]
done
check 'the hook definition names another path' grep -q '"/usr/libexec/oci/hooks.d/cgpu-hook"' "$definition"
check 'a placeholder is left' [ -z "$(grep -rlE '@[a-z_]+@' "$root" --include='*.json' --include='*.[0-9]')" ]
check 'something is writable for others' [ -z "$(find "$root" -perm /022 ! -type l)" ]

echo '# edited' >>"$root/etc/cgpu/cgpu.conf"
check 'a second install failed' run "$@" install
check 'an edited configuration was overwritten' grep -q '^# edited' "$root/etc/cgpu/cgpu.conf"
check 'make uninstall failed' run "$@" uninstall
check 'an edited configuration was removed' [ -e "$root/etc/cgpu/cgpu.conf" ]
rm -rf "$root/etc/cgpu"
check "left behind: $(find "$root" ! -type d | tr '\n' ' ')" [ -z "$(find "$root" ! -type d)" ]
check 'own folders are left behind' [ -z "$(find "$root" -name '*cgpu*' -o -name 'nvidia*')" ]
finish
