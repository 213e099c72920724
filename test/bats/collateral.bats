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
	sed -i -e "s|^rim-dir =.*|rim-dir = $HERE/rim|" -e "s|^ocsp-dir =.*|ocsp-dir = $HERE/deep/ocsp\nchain-dir = $HERE/chain|" "$CONF"
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
	[ "$(find "$HERE" -type f ! -name .cgpu-lock | wc -l)" -eq 9 ]
	[ "$(find "$HERE" -type f ! -name .cgpu-lock ! -perm 644 | wc -l)" -eq 0 ]
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
	[ -z "$(find "$HERE/rim" "$HERE/chain" -type f ! -name .cgpu-lock)" ]
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
	[ "$(find "$HERE" -type f ! -name .cgpu-lock | wc -l)" -eq 9 ]
	[ -z "$(find "$HERE" -name ".*" ! -name .cgpu-lock)" ]
}

@test "export on one machine, import on another: it attests there" {
	run cgpu collateral export "$A/archive" --format json
	[ "$status" -eq 0 ]
	[[ "$(step run export)" = *"$(sha256sum "$A/archive" | cut -d' ' -f1)" ]]
	[[ "$(step run until)" = "ok $(date -u -d '+7 days' +%F)"* ]]
	[ "$(jq '[(.rims | length), (.chains | length), (.ocsp | length)] | join(" ")' "$A/archive")" = '"2 1 6"' ]
	elsewhere
	run cgpu collateral import "$A/archive"
	[ "$status" -eq 0 ]
	whole_files_only
	run cgpu attest
	[ "$status" -eq 0 ]
	run cgpu collateral export "$A/again"
	[ "$status" -eq 0 ]
	diff <(jq -S 'del(.created)' "$A/archive") <(jq -S 'del(.created)' "$A/again")
}

@test "export for GPUs elsewhere, from their evidence" {
	mint --gpus 2
	cgpu evidence --output "$A/evidence"
	cgpu evidence --gpus 1 --output "$A/one"
	fault 'cc-feature 0'
	run cgpu collateral export "$A/archive"
	[ "$status" -eq 20 ]
	run cgpu collateral export "$A/archive" --gpu-evidence-file "$A/evidence" --gpu-evidence-file "$A/one"
	[ "$status" -eq 0 ]
	[ "$(jq '[(.rims | length), (.chains | length), (.ocsp | length)] | join(" ")' "$A/archive")" = '"2 2 7"' ]
	run cgpu collateral verify "$A/archive"
	[ "$status" -eq 0 ]
	run cgpu collateral export "$A/archive" --gpu-evidence-file "$A/archive"
	[ "$status" -eq 30 ]
	jq '.[0].evidence |= ("AAAA" + .[4:])' "$A/evidence" >"$A/changed"
	rm "$A/archive"
	run cgpu collateral export "$A/archive" --gpu-evidence-file "$A/changed"
	[ "$status" -ge 30 ] && [ "$status" -le 39 ]
	[ ! -e "$A/archive" ]
}

@test "export of what is not there, or does not hold, writes nothing" {
	for option in "--without-rim|driver|40" "--unanswered|ica|55" "--revoked|rim-l3|61" "--damaged|vbios|44"; do
		IFS='|' read -r name what code <<<"$option"
		mint "$name" "$what"
		run cgpu collateral export "$A/archive" --format json
		[ "$status" -eq "$code" ] || { echo "$option: $status"; false; }
		[ "$(code)" -eq "$code" ]
		[ ! -e "$A/archive" ]
	done
	mint
	run cgpu collateral export /nonexistent/archive
	[ "$status" -eq 73 ]
}

# downgrade: a node minted for driver 550.200.03 runs 550.144.03.
downgrade() {
	sed -i 's/550\.200\.03/550.144.03/g' "$NODE/node/node.conf"
}

@test "check: before an upgrade, whether the new versions will attest" {
	mint --driver 550.200.03
	downgrade
	run cgpu attest
	[ "$status" -eq 40 ]
	run cgpu collateral check --format json
	[ "$status" -eq 40 ]
	run cgpu collateral check --driver 550.200.03 --format json
	[ "$status" -eq 0 ]
	[[ "$(step run check)" = ok*550.200.03*"will attest"* ]]
	[[ "$(step GPU-0 driver-rim-revocation)" = ok* ]]
	run cgpu collateral check --driver 550.200.03 --vbios 96.00.AA.00.01
	[ "$status" -eq 41 ]
	run cgpu collateral check --driver 550.200.03 --vbios 96.00.9f.00.01
	[ "$status" -eq 0 ]
	for args in '--vbios 12' '--driver ../x' '--driver a/b' '--vbios='; do
		# shellcheck disable=SC2086
		run cgpu collateral check $args
		[ "$status" -eq 2 ]
	done
	mint --driver 550.200.03 --revoked rim-signer
	downgrade
	run cgpu collateral check --driver 550.200.03
	[ "$status" -eq 61 ]
}

@test "refresh says nothing where nothing is to do" {
	run cgpu collateral refresh
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run cgpu collateral refresh --jitter 1
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	mint --without-rim vbios
	run cgpu collateral refresh --format json
	[ "$status" -eq 41 ]
}

# forget: no cache of an earlier test.
forget() {
	rm -rf "$ROOT/var/cache/cgpu" "$ROOT/run/cgpu"
	export XDG_CACHE_HOME=$A/cache XDG_RUNTIME_DIR=$A/run
	mkdir -p "$A/cache" "$A/run"
	chmod 700 "$A/cache" "$A/run"
}

@test "from the services: refresh once, then check and export out of the cache" {
	serve
	forget
	run cgpu collateral refresh --format json
	[ "$status" -eq 0 ]
	[[ "$(step run fetched)" = "ok 8 "* ]]
	run cgpu collateral refresh
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(requests true)" -eq 8 ]
	run cgpu collateral list --format json
	[ "$(jq -r '[.collateral[].where] | unique | join(" ")' <<<"$output")" = cache ]
	[ "$(jq -r '[.collateral[] | select(.state == "good")] | length' <<<"$output")" -eq 5 ]
	run cgpu collateral check
	[ "$status" -eq 0 ]
	run cgpu collateral export "$A/archive"
	[ "$status" -eq 0 ]
	[ "$(requests true)" -eq 8 ]
	services stop
	run cgpu collateral check --driver 1.2.3
	[ "$status" -eq 66 ]
	services start
	run cgpu collateral check --driver 1.2.3
	[ "$status" -eq 40 ]
}

@test "from the services to a node without network" {
	serve
	forget
	cgpu evidence --output "$A/evidence"
	run cgpu collateral export "$A/archive" --gpu-evidence-file "$A/evidence"
	[ "$status" -eq 0 ]
	services stop
	forget
	elsewhere
	sed -i -e 's/^rim-url = .*/rim-store = dir/' -e 's/^ocsp-url = .*/ocsp-url =/' "$CONF"
	run cgpu attest
	[ "$status" -eq 40 ]
	run cgpu collateral import "$A/archive"
	[ "$status" -eq 0 ]
	run cgpu attest
	[ "$status" -eq 59 ]
	echo "allow-ocsp-without-nonce = $(date -u -d '+2 days' +%F)" >>"$CONF"
	run cgpu attest
	[ "$status" -eq 0 ]
}

@test "usage errors have code 2" {
	for args in 'export' 'export a b' 'check x' 'refresh x' 'list --driver 1' 'refresh --jitter -1' 'refresh --jitter 1d' \
		'export a --gpu-evidence-file /nonexistent' '' 'frobnicate' 'import' 'import a b' 'show' 'show a b' 'list x' 'import /nonexistent' '--format xml list' \
		'verify /nonexistent'; do
		# shellcheck disable=SC2086
		run cgpu collateral $args
		[ "$status" -eq 2 ]
	done
}
