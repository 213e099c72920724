#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sbom.sh VERSION: what the programs are linked with, as SPDX 2.3 in JSON, with the versions that pkg-config tells. STATIC in
# the environment, if not empty: some of it is inside. Built twice at one place, it is the same, byte by byte.
set -eu
version=$1
made=$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)

# Name, module of pkg-config, licence, home; with STATIC: "inside" if it is in all that use it, "both" if only in some.
libraries() {
	cat <<-'END'
	yajl yajl ISC https://github.com/lloyd/yajl inside
	libseccomp libseccomp LGPL-2.1-only https://github.com/seccomp/libseccomp inside
	libcap libcap BSD-3-Clause https://git.kernel.org/pub/scm/libs/libcap/libcap.git inside
	inih inih BSD-3-Clause https://github.com/benhoyt/inih
	libyaml yaml-0.1 MIT https://github.com/yaml/libyaml
	openssl libcrypto Apache-2.0 https://github.com/openssl/openssl both
	curl libcurl curl https://github.com/curl/curl
	END
	if getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
		echo glibc - LGPL-2.1-or-later https://sourceware.org/git/glibc.git both
	else
		echo musl - MIT https://git.musl-libc.org/git/musl both
	fi
}

version_of() { # MODULE
	if [ "$1" != - ]; then
		"${PKG_CONFIG:-pkg-config}" --modversion "$1"
	else
		getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2
	fi
}

# A file by which a library's development package is found: what tells pkg-config of it, or, for libc, what the linker reads.
file_of() { # MODULE
	if [ "$1" != - ]; then
		echo "$("${PKG_CONFIG:-pkg-config}" --variable=pcfiledir "$1")/$1.pc"
	else
		realpath "$(${CC:-gcc} -print-file-name=libc.so)"
	fi
}

# The package URL: that of the distribution's source package, whose version has its security updates in it; where no package
# manager knows the file, a generic one.
purl() { # NAME VERSION MODULE
	local file owner found='' id distribution
	file=$(realpath "$(file_of "$3")" 2>/dev/null || :)
	id=$(sed -n 's/^ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || :)
	distribution=$(sed -n 's/^VERSION_ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || :)
	distribution="distro=$id${distribution:+-$distribution}"
	if owner=$(dpkg-query -S "$file" 2>/dev/null); then
		found=$(dpkg-query -W -f "pkg:deb/$id/\${source:Package}@\${source:Version}?arch=source&$distribution" "${owner%%: *}")
	elif owner=$(rpm -qf --qf '%{SOURCERPM}\n' "$file" 2>/dev/null); then
		# NAME-VERSION-RELEASE.src.rpm
		owner=${owner%%.src.rpm*}
		found="pkg:rpm/$id/${owner%-*-*}@${owner#"${owner%-*-*}-"}?arch=src&$distribution"
	fi
	echo "${found:-pkg:generic/$1${2:+@$2}}" | sed 's/+/%2B/g; s/@\([^?]*\):/@\1%3A/'
}

package() { # NAME VERSION LICENCE HOME PURL
	printf '    {\n      "SPDXID": "SPDXRef-Package-%s",\n      "name": "%s",\n' "$1" "$1"
	[ -z "$2" ] || printf '      "versionInfo": "%s",\n' "$2"
	printf '      "supplier": "NOASSERTION",\n      "downloadLocation": "%s",\n      "filesAnalyzed": false,\n' "$4"
	printf '      "licenseConcluded": "%s",\n      "licenseDeclared": "%s",\n' "$3" "$3"
	printf '      "copyrightText": "NOASSERTION",\n      "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", '
	printf '"referenceType": "purl", "referenceLocator": "%s"}]\n    }' "$5"
}

related() { # FROM KIND TO
	printf '    {"spdxElementId": "SPDXRef-%s", "relationshipType": "%s", "relatedSpdxElement": "SPDXRef-%s"}' "$@"
}

own=oci-cgpu-hook
packages=$(package $own "$version" Apache-2.0 NOASSERTION "pkg:generic/$own@$version")
relationships=$(related DOCUMENT DESCRIBES Package-$own)
while read -r name module licence home inside; do
	number=$(version_of "$module")
	packages+=$',\n'$(package "$name" "$number" "$licence" "$home" "$(purl "$name" "$number" "$module")")
	[ -n "${STATIC-}" ] || inside=''
	[ "$inside" = inside ] || relationships+=$',\n'$(related Package-$own DYNAMIC_LINK "Package-$name")
	[ -z "$inside" ] || relationships+=$',\n'$(related Package-$own STATIC_LINK "Package-$name")
done < <(libraries)
# A document's name space must be its own.
digest=$(sha256sum <<<"$made$packages$relationships" | cut -c1-32)
cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$own-$version",
  "documentNamespace": "https://spdx.org/spdxdocs/$own-$version-$digest",
  "creationInfo": {"created": "$made", "creators": ["Tool: $own-packaging/sbom.sh"]},
  "packages": [
$packages
  ],
  "relationships": [
$relationships
  ]
}
END
