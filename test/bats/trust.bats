#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the verdict rests on, end to end: nothing that is configured, served or kept may lower it without a word.

load helpers

refused() {
	[ "$status" -eq "$1" ] && [ "$(code)" = "$1" ] && [ "$(jq -r .result <<<"$output")" = refuse ]
}

@test "an empty file is no pin" {
	serve
	: >"$NODE/empty"
	for key in key-set-file key-root; do
		{ cat "$NODE/services/cgpu.conf"; printf '%s\n' '[policy]' 'verifier = remote' '[remote]' "$key = $NODE/empty"; } >"$CONF"
		run cgpu attest --format json
		refused 2
		[ "$(step run trust-anchor)" = "fail $key: $NODE/empty is empty" ]
	done
}

@test "the remote verifier's token is walked to where the configuration names that verifier" {
	POLICY='verifier = remote' serve
	cgpu attest --output-dir "$NODE/out"
	for file in "jwks.json $NODE/out/detached-eat.json" "run-jwks.json $NODE/out/run.jwt"; do
		run cgpu token --device-root "$NODE/device-root.pem" --jwks "$NODE/out/${file% *}" "${file#* }" --format json
		[ "$status" -eq 0 ]
		[[ "$(step run token-anchor)" == ok* ]]
	done
	[ "$(requests '.service == "nras" and (.path | endswith("/gpu"))')" -eq 1 ]
}

@test "a cache that cannot be used is told, and refuses nothing" {
	serve
	echo x >"$NODE/file"
	printf '[collateral]\ncache-dir = %s\n' "$NODE/file/x" >>"$CONF"
	XDG_CACHE_HOME=$NODE/file run cgpu attest --format json
	[ "$status" -eq 0 ]
	[[ "$(step run cache)" == "skipped cache: $NODE/file"* ]]
}

@test "where one service takes all the time, it is the one that is told" {
	POLICY=$'verifier = both\n[run]\ndeadline = 3' serve
	misbehave 'nras slow 60000'
	printf '[collateral]\ncache-dir = %s\n' "$NODE/cache" >>"$CONF"
	XDG_CACHE_HOME=$NODE/cache run cgpu attest --format json
	refused 107
	[[ "$(jq -r .message <<<"$output")" == *"remote verifier: POST $NRAS/v4/attest/gpu: no answer before the deadline" ]]
}

@test "verify: a remote verifier that is named is one that is asked" {
	mint
	cgpu evidence --output "$NODE/evidence.json" >/dev/null
	run cgpu verify --gpu-evidence-file "$NODE/evidence.json" --nras-url https://nras.example --rim-dir "$NODE/rim" \
		--ocsp-dir "$NODE/ocsp" --allow-ocsp-without-nonce --device-root "$NODE/device-root.pem" --rim-root "$NODE/rim-root.pem"
	[ "$status" -eq 2 ]
	[[ "$output" == *'--nras-url: '*'--verifier remote or both'* ]]
}
