#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu collateral`: what is there, and archives that carry it to a node without network.

load helpers

setup() {
	mint
	A=$BATS_TEST_TMPDIR
}

# elsewhere: the same machine with empty directories, where an archive has not yet come.
elsewhere() {
	HERE=$A/here
	rm -rf "$HERE"
	sed -i -e "s|^rim-dir = .*|rim-dir = $HERE/rim|" -e "s|^ocsp-dir = .*|ocsp-dir = $HERE/deep/ocsp\nchain-dir = $HERE/chain|" "$CONF"
}

# archive FILE: what mint made, as one archive, by means of jq alone.
archive() {
	local items
	items() { # FOLDER NAME CONTENT
		for f in "$NODE/$1"/*; do
			jq -n --arg name "$(basename "${f%.*}")" --arg until "$(date -u -d '+1 day' +%FT%TZ)" --rawfile content <(base64 -w0 "$f") \
				"{$2: \$name, until: \$until, $3: \$content}"
		done | jq -s .
	}
	jq -n --argjson rims "$(items rim id xml)" --argjson ocsp "$(items ocsp name der)" --rawfile chain "$NODE/node/gpu0.pem" \
		--arg now "$(date -u +%FT%TZ)" '{schema: 1, created: $now, rims: $rims, chains: [$chain], ocsp: $ocsp}' >"$1"
}

whole_files_only() { # each file is one that mint made
	local f
	for f in "$HERE"/rim/* "$HERE"/deep/ocsp/* "$HERE"/chain/*; do
		[ -e "$f" ] || continue
		case $f in
		*.xml) cmp "$f" "$NODE/rim/$(basename "$f")" ;;
		*.der) cmp "$f" "$NODE/ocsp/$(basename "$f")" ;;
		*.pem) cmp "$f" "$NODE/node/gpu0.pem" ;;
		*) return 1 ;;
		esac
	done
}

@test "list: what the directories hold, until when, and what is damaged" {
	run cgpu collateral list
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" = KIND*NAME ]]
	[ "${#lines[@]}" -eq 9 ]
	[[ "$output" = *driver-rim*good*directory*NV_GPU_DRIVER_GH100_550.144.03* ]]
	printf 'x' >"$NODE/rim/NV_GPU_DRIVER_GH100_1.xml"
	printf 'x' >"$NODE/rim/..xml"
	printf 'x' >"$NODE/rim/other.xml"
	run cgpu collateral list --format json
	[ "$status" -eq 0 ]
	[ "$(jq -r '.collateral[] | select(.name == "NV_GPU_DRIVER_GH100_1").state' <<<"$output")" = damaged ]
	[ "$(jq -r '.collateral[] | select(.name == "other").code' <<<"$output")" = 65 ]
	[ "$(jq -r '[.collateral[] | select(.kind == "ocsp").state] | group_by(.) | map("\(.[0]) \(length)") | join(" ")' \
		<<<"$output")" = 'good 3 unmatched 3' ]
}

@test "list and verify: expired, revoked, nothing there" {
	mint --expired-signer
	run cgpu collateral list --format json
	[ "$(jq -r '[.collateral[] | select(.kind != "ocsp").state] | unique | join(" ")' <<<"$output")" = expired ]
	run cgpu collateral verify
	[ "$status" -eq 46 ]
	mint --revoked rim-signer
	run cgpu collateral list --format json
	[ "$(jq -r '[.collateral[] | select(.state == "revoked")] | length' <<<"$output")" -eq 1 ]
	run cgpu collateral verify --format json
	[ "$status" -eq 61 ]
	[ "$(code)" = 61 ]
	mint
	run cgpu collateral verify
	[ "$status" -eq 0 ]
	elsewhere
	run cgpu collateral list
	[ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 1 ]
	run cgpu collateral verify
	[ "$status" -eq 0 ]
}

@test "show: version, product, signers and rows of a manifest; status and times of an answer" {
	run cgpu collateral show NV_GPU_DRIVER_GH100_550.144.03
	[ "$status" -eq 0 ]
	[[ "$output" = *'version'*'550.144.03'*'product'*'GH100'*'certificates'*'row 7'* ]]
	for f in "$NODE"/ocsp/*; do
		run cgpu collateral show "$(basename "$f" .der)" --format json
		[ "$status" -eq 0 ]
		[ "$(jq -r '.collateral | length' <<<"$output")" -eq 1 ]
		! [ "$(jq -r '.collateral[0].state' <<<"$output")" = good ] || {
			[ "$(jq -r '.collateral[0].about.status' <<<"$output")" = good ]
			[ "$(jq -r '.collateral[0].about | .this_update < .next_update' <<<"$output")" = true ]
		}
	done
	run cgpu collateral show nothing
	[ "$status" -eq 2 ]
}

@test "an archive is verified, imported, and lets a node without anything attest" {
	archive "$A/archive"
	elsewhere
	run cgpu attest --format json
	[ "$status" -eq 40 ]
	run cgpu collateral verify "$A/archive"
	[ "$status" -eq 0 ]
	[ ! -e "$HERE" ]
	run cgpu collateral import "$A/archive" --format json
	[ "$status" -eq 0 ]
	[[ "$(step run until)" = ok* ]]
	whole_files_only
	[ "$(find "$HERE" -type f | wc -l)" -eq 9 ]
	[ "$(find "$HERE" -type f ! -perm 644 | wc -l)" -eq 0 ]
	run cgpu attest
	[ "$status" -eq 0 ]
	run cgpu collateral list --format json
	[ "$(jq -r '[.collateral[].state] | unique | join(" ")' <<<"$output")" = good ]
	run cgpu collateral import "$A/archive"
	[ "$status" -eq 0 ]
}

@test "a tampered archive is refused whole: nothing is stored" {
	archive "$A/archive"
	elsewhere
	for edit in '.rims[0].id = "../../x"' '.rims[1].xml = .rims[0].xml' '.ocsp[0].name = .ocsp[1].name' '.rims += [.rims[0]]' \
		'.ocsp[0].der = "AAAA"' '.chains = []' '.rims = []' '.more = 1' 'del(.created)' '.ocsp[2].der |= .[4:]'; do
		jq "$edit" "$A/archive" >"$A/changed"
		run cgpu collateral import "$A/changed" --format json
		[ "$status" -ne 0 ]
		[ "$(code)" = "$status" ]
		case $status in 42 | 43 | 48 | 49 | 56 | 64 | 72) ;; *) false ;; esac
		[ ! -e "$HERE" ]
	done
	head -c 5000 "$A/archive" >"$A/changed"
	run cgpu collateral import "$A/changed"
	[ "$status" -eq 72 ]
	head -c 5000000 /dev/zero >"$A/changed"
	run cgpu collateral import "$A/changed"
	[ "$status" -eq 72 ]
	[ ! -e "$HERE" ]
}

@test "an archive with an expired manifest or a revoked signer is refused whole" {
	for option in "--expired-signer 46" "--revoked ica 61" "--hold rim-l3 62" "--stale 60" "--damaged vbios 44"; do
		# shellcheck disable=SC2086
		mint ${option% *}
		archive "$A/archive"
		elsewhere
		run cgpu collateral import "$A/archive"
		[ "$status" -eq "${option##* }" ]
		[ ! -e "$HERE" ]
	done
}

@test "a directory that cannot be written has its own code, and what was there stays" {
	archive "$A/archive"
	elsewhere
	mkdir -p "$HERE/deep"
	touch "$HERE/deep/ocsp"
	run cgpu collateral import "$A/archive" --format json
	[ "$status" -eq 73 ]
	[ -z "$(find "$HERE/rim" "$HERE/chain" -type f)" ]
}

@test "an import that is killed leaves whole files only" {
	archive "$A/archive"
	elsewhere
	for ((i = 0; i < 40; i++)); do
		((i % 10)) || rm -rf "$HERE"
		cgpu collateral import "$A/archive" >/dev/null 2>&1 &
		sleep "0.0$((RANDOM % 100 + 100))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		whole_files_only
	done
	run cgpu collateral import "$A/archive"
	[ "$status" -eq 0 ]
	[ "$(find "$HERE" -type f | wc -l)" -eq 9 ]
	[ -z "$(find "$HERE" -name '.*')" ]
}

@test "usage errors have code 2" {
	for args in '' 'frobnicate' 'import' 'import a b' 'show' 'show a b' 'list x' 'import /nonexistent' '--format xml list' \
		'verify /nonexistent'; do
		# shellcheck disable=SC2086
		run cgpu collateral $args
		[ "$status" -eq 2 ]
	done
}
