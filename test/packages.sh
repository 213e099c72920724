#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh O: the packaging as far as it can be judged on any machine: one version everywhere, an archive that two clones
# give alike, what is linked against the list of it, and the recipes of Alpine and Arch run up to their package(), into a
# scratch folder. Packages that make deb and make rpm left in O are looked into.
# shellcheck disable=SC2016 # jq's own names
set -u
cd "$(dirname "$0")/.." || exit 1
O=$(realpath "$1")
version=$(cat VERSION)
name=oci-cgpu-hook-$version
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=test/count.bash
. test/count.bash
fails() { ! "$@" >"$scratch/log" 2>&1; }
quiet() { "$@" >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; false; }; }

check 'debian/changelog has another version' grep -q "^oci-cgpu-hook ($version-" packaging/deb/debian/changelog
check 'the spec has another version' grep -q "^Version: *$version\$" packaging/rpm/oci-cgpu-hook.spec
for recipe in packaging/apk/APKBUILD packaging/arch/PKGBUILD; do
	check "$recipe has another version" grep -q "^pkgver=$version\$" $recipe
	check "shellcheck: $recipe" shellcheck $recipe
done
check 'CHANGES does not begin with this version' [ "$(grep -m 1 -E '^[0-9]' CHANGES)" = "$version" ]
check 'shellcheck: OpenRC' shellcheck -s sh packaging/apk/oci-cgpu-hook.initd

# Two clones in folders of different names and at different times.
if [ -e .git ] && command -v git >/dev/null; then
	for clone in one another-one; do
		check "no archive from clone $clone" quiet git -c safe.directory='*' clone -q . "$scratch/$clone"
		check "no archive from clone $clone" quiet make -s -C "$scratch/$clone" O=build dist
	done
	check 'two clones give different archives' \
		cmp "$scratch/one/build/$name.tar.xz" "$scratch/another-one/build/$name.tar.xz"
	check 'two clones give different sums' \
		cmp "$scratch/one/build/$name.sha256" "$scratch/another-one/build/$name.sha256"
	check 'the sums are wrong' quiet env -C "$scratch/one/build" sha256sum -c "$name.sha256"
	# Unpacked by root, which keeps the modes: folders that a group may write to are not trusted by the programs.
	check 'the archive has something that others may write to' \
		[ -z "$(tar tvf "$scratch/one/build/$name.tar.xz" | grep -E '^[^l](....|.......)w')" ]
	# From there no archive can be made, not even an empty one, whatever repository is above.
	mkdir "$scratch/one/unpacked"
	tar xf "$scratch/one/build/$name.tar.xz" -C "$scratch/one/unpacked"
	check 'make dist without a repository passes' fails make -s -C "$scratch/one/unpacked/$name" O=build dist
	check 'make dist without a repository leaves an archive' [ -z "$(find "$scratch/one/unpacked" -name '*.tar*')" ]
else
	skip 'no clone, no archive'
fi

# Every library that a program asks for at its start is in the list.
list=$O/packaging/oci-cgpu-hook.spdx.json
check 'the list of what is linked lacks members that SPDX 2.3 asks for' jq -e '
	.spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT" and
	(.name | length > 0) and (.documentNamespace | startswith("https://")) and (.creationInfo.created | fromdate > 0) and
	(.creationInfo.creators | length > 0) and ([.packages[].SPDXID] | length == (unique | length)) and
	all(.packages[]; .name and .downloadLocation and .licenseConcluded and .licenseDeclared and .copyrightText) and
	([.packages[].SPDXID, "SPDXRef-DOCUMENT"] as $ids |
		all(.relationships[]; [.spdxElementId, .relatedSpdxElement] - $ids == []))' "$list" >"$scratch/log"
# What the distribution's own security tracker knows by name and version, where the libraries are of its packages.
if command -v dpkg-query >/dev/null && dpkg-query -S "$(pkg-config --variable=pcfiledir yajl)/yajl.pc" >/dev/null 2>&1; then
	wanted=$(dpkg-query -W -f '${source:Package}@${source:Version}?arch=source' libyajl-dev | sed 's/+/%2B/g')
	# shellcheck source=/dev/null # ID and VERSION_ID
	wanted="pkg:deb/debian/$wanted&distro=$(. /etc/os-release && echo "$ID-$VERSION_ID")"
	check 'the list does not name the package of a library as the distribution does' quiet jq -e --arg wanted "$wanted" '
		[.packages[] | select(.name == "yajl").externalRefs[].referenceLocator] == [$wanted]
		and all(.packages[1:][].externalRefs[].referenceLocator; startswith("pkg:deb/"))' "$list"
else
	skip 'the libraries are not of Debian packages'
fi
while read -r library; do
	case $library in
	libcrypto | libssl) package=openssl ;;
	libyaml-0) package=libyaml ;;
	libcurl) package=curl ;;
	libinih) package=inih ;;
	libyajl) package=yajl ;;
	libc | ld-*) package=$(getconf GNU_LIBC_VERSION >/dev/null 2>&1 && echo glibc || echo musl) ;;
	*) package=$library ;;
	esac
	check "$library is not in the list of what is linked" \
		quiet jq -e --arg name "$package" 'any(.packages[]; .name == $name)' "$list"
done < <(for program in cgpu cgpu-cdi cgpu-hook collect fetch appraise; do
	readelf -d "$O/$program" | sed -nE 's/.*\(NEEDED\).*\[(.*)\.so.*/\1/p'
done | sort -u)

# recipe FILE START: its build() and package() on a copy of the tree; what it has installed is in $scratch/FILE.
copy=$scratch/tree/$name
mkdir -p "$copy"
tar c --exclude='./build*' --exclude=./.git . | tar x -C "$copy"
recipe() {
	local file=$1 start=$2
	(
		set -e
		# shellcheck disable=SC2030,SC2034 # the recipe reads them
		pkgdir=$scratch/${file##*/} srcdir=$PWD/${file%/*}
		mkdir "$pkgdir"
		# shellcheck disable=SC1090 # the recipe
		source "$file"
		cd "$start"
		build
		package
	)
}
files() { (cd "$scratch/$1" && find . ! -type d -printf '%P\n' | sort); }
for file in packaging/arch/PKGBUILD packaging/apk/APKBUILD; do
	kind=${file##*/} start=$scratch/tree
	[ "$kind" = PKGBUILD ] || start=$copy
	check "$file: build or package failed" quiet recipe "$file" "$start"
	definition=$scratch/$kind/usr/share/containers/oci/hooks.d/zz-cgpu.json
	check "$file: the definition names a program that is not there" [ -x "$scratch/$kind$(jq -r .hook.path "$definition")" ]
	check "$file: no completion" [ -e "$scratch/$kind/usr/share/bash-completion/completions/cgpu" ]
	check "$file: a placeholder is left" [ -z "$(grep -rlE '@[a-z_]+@' "$scratch/$kind/usr/share" "$scratch/$kind/etc")" ]
	check "$file: the definition is a configuration file" [ -z "$(files "$kind" | grep '^etc/.*json')" ]
done
check 'PKGBUILD installs below /usr/libexec' [ -z "$(files PKGBUILD | grep libexec)" ]
# shellcheck disable=SC2154 # of the recipe
saved=$(source packaging/arch/PKGBUILD && printf '%s\n' "${backup[@]}" | sort)
check 'PKGBUILD: backup and the files below /etc differ' [ "$saved" = "$(files PKGBUILD | grep ^etc/)" ]
check 'APKBUILD installs what systemd reads' [ -z "$(files APKBUILD | grep -E 'lib/(systemd|sysusers|tmpfiles)')" ]

# bootstrap.sh that is killed while it installs leaves no policy behind that keeps services from starting: by what can be caught, and
# by what cannot. In a copy, with programs in place of apt's.
boot=$scratch/boot policy=$scratch/policy-rc.d
mkdir -p "$boot/packaging" "$boot/bin"
sed "s|/usr/sbin/policy-rc.d|$policy|" packaging/bootstrap.sh >"$boot/packaging/bootstrap.sh"
printf '#!/bin/sh\n[ "$1" = -qq ] && [ "$2" = update ] || exec sleep 3\n' >"$boot/bin/apt-get"
printf '#!/bin/sh\nexit 1\n' >"$boot/bin/dpkg-query"
printf '#!/bin/sh\n' | tee "$boot/bin/systemctl" >"$boot/bin/make"
chmod 755 "$boot"/bin/*
bootstrap() { # SIGNAL: it gets that while it installs, when the policy denies; empty for none
	PATH=$boot/bin:$PATH bash "$boot/packaging/bootstrap.sh" demo >"$scratch/log" 2>&1 &
	for _ in $(seq 500); do [ ! -x "$policy" ] || break; sleep 0.02; done
	"$policy" && return 1
	[ -z "$1" ] || kill -s "$1" $!
	wait $! 2>/dev/null
	[ "$1" = KILL ] || [ ! -e "$policy" ]
}
if [ "$(id -u)" -eq 0 ]; then
	check 'bootstrap.sh leaves its policy for services' bootstrap ''
	check 'bootstrap.sh, asked to end, leaves its policy for services' bootstrap TERM
	check 'bootstrap.sh, killed, leaves no policy' bootstrap KILL
	check 'the policy of a bootstrap.sh that was killed denies services' "$policy"
	check 'the policy of a bootstrap.sh that was killed stays' [ ! -e "$policy" ]
else
	skip 'bootstrap.sh needs root'
fi

for package in "$O"/deb/oci-cgpu-hook_*.deb; do
	[ -e "$package" ] || { skip 'no Debian package: make deb'; continue; }
	check "$package: the definition is a configuration file" [ -z "$(dpkg-deb -I "$package" conffiles | grep hooks.d)" ]
	dpkg-deb -c "$package" >"$scratch/contents"
	check "$package: no definition" grep -q ' \./usr/share/containers/oci/hooks.d/zz-cgpu.json$' "$scratch/contents"
	check "$package: no hook" grep -qE '^-rwxr-xr-x root/root .* \./usr/libexec/oci/hooks.d/cgpu-hook$' "$scratch/contents"
done
for package in "$O"/rpm/RPMS/*/oci-cgpu-hook-[0-9]*.rpm; do
	[ -e "$package" ] || { skip 'no rpm package: make rpm'; continue; }
	check "$package: the definition is a configuration file" [ -z "$(rpm -qcp "$package" | grep hooks.d)" ]
	check "$package: no definition" grep -qx /usr/share/containers/oci/hooks.d/zz-cgpu.json <(rpm -qlp "$package")
	check "$package: no hook" grep -qx /usr/libexec/oci/hooks.d/cgpu-hook <(rpm -qlp "$package")
done
finish
