#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu token` on the remote verifier's tokens: NVIDIA's published one and one of the adversarial corpus (shared samples), and
# those of the emulated service.

load helpers

with_samples() {
	JOSE=$SAMPLES/adversarial/jose/jwt
	GENUINE=$SAMPLES/gpu/claims/hopperClaimsv3_detached_eat.json
	if [ ! -d "$JOSE" ] || [ ! -e "$GENUINE" ]; then
		skip "the shared samples are missing"
	fi
	NONCE=$(cat "$JOSE/expected-nonce.hex")
	AT=$(date -u -d "@$(cat "$JOSE/verify-at.txt")" +%FT%TZ)
	ISSUER=$(cat "$JOSE/expected-issuer.txt")
}

token() {
	run cgpu token --format json --at "$AT" "$@"
}

@test "a detached EAT of the remote verifier passes under its key, issuer and nonce" {
	with_samples
	token --jwks "$JOSE/jwks.json" --issuer "$ISSUER" --nonce "$NONCE" "$JOSE/ok.json"
	[ "$status" -eq 0 ]
	[ "$(jq -r .result <<<"$output")" = pass ]
	[[ "$(step run remote-token)" = ok* ]]
	[[ "$(step GPU-0 remote-device-token)" = ok* ]]
	[[ "$(step run token-anchor)" = skipped*"caller's word" ]]
}

@test "its overall token alone passes too" {
	with_samples
	jq -r '.[0][1]' "$JOSE/ok.json" >"$BATS_TEST_TMPDIR/overall.jwt"
	token --jwks "$JOSE/jwks.json" --issuer "$ISSUER" "$BATS_TEST_TMPDIR/overall.jwt"
	[ "$status" -eq 0 ]
}

@test "another issuer, another nonce, another time, another key" {
	with_samples
	token --jwks "$JOSE/jwks.json" "$JOSE/ok.json"
	[ "$status" -eq 88 ]
	[[ "$(step run remote-token)" = *https://nras.attestation.nvidia.com* ]]
	token --jwks "$JOSE/jwks.json" --issuer oci-cgpu-hook "$JOSE/ok.json"
	[ "$status" -eq 88 ]
	token --jwks "$JOSE/jwks.json" --issuer "$ISSUER" --nonce "${NONCE//[0-4]/5}" "$JOSE/ok.json"
	[ "$status" -eq 88 ]
	token --jwks "$JOSE/jwks.json" --issuer "$ISSUER" --nonce abc "$JOSE/ok.json"
	[ "$status" -eq 2 ]
	AT=$(date -u -d "$AT + 1 day" +%FT%TZ) token --jwks "$JOSE/jwks.json" --issuer "$ISSUER" "$JOSE/ok.json"
	[ "$status" -eq 87 ]
	token --jwks "$JOSE/../jwks/no-x5c.json" --issuer "$ISSUER" "$JOSE/ok.json"
	[ "$status" -eq 90 ]
}

@test "a key set beside the token vouches for nothing; a pinned root does" {
	with_samples
	token --issuer "$ISSUER" "$JOSE/ok.json"
	[ "$status" -eq 91 ]
	# The key's own certificate, pinned.
	(echo '-----BEGIN CERTIFICATE-----'; jq -r '.keys[0].x5c[0]' "$JOSE/jwks.json" | fold -w 64; echo '-----END CERTIFICATE-----') \
		>"$BATS_TEST_TMPDIR/root.pem"
	printf '[remote]\nkey-root = %s\n' "$BATS_TEST_TMPDIR/root.pem" >"$CONF"
	token --issuer "$ISSUER" "$JOSE/ok.json"
	[ "$status" -eq 0 ]
	[[ "$(step run token-anchor)" = *'pinned root' ]]
	cat "$SAMPLES/gpu/roots/verifier_device_root.pem" >"$BATS_TEST_TMPDIR/root.pem"
	token --issuer "$ISSUER" "$JOSE/ok.json"
	[ "$status" -eq 90 ]
}

@test "NVIDIA's published token: all but its signature, whose key is not published, is judged and holds" {
	with_samples
	AT=2025-06-11T00:40:00Z
	token --jwks "$JOSE/jwks.json" --nonce 931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb "$GENUINE"
	[ "$status" -eq 90 ]
	[ "$(jq -r '[.steps[] | select(.status == "ok") | .step] | join(" ")' <<<"$output")" = \
		'remote-format remote-time remote-token remote-device-token remote-set' ]
	[ "$(jq -r '[.steps[] | select(.status == "fail") | .step] | join(" ")' <<<"$output")" = \
		'remote-signature remote-device-signature' ]
	AT=2025-06-11T02:00:00Z token --jwks "$JOSE/jwks.json" "$GENUINE"
	[[ "$(step run remote-time)" = fail*expired* ]]
}

@test "remote mode: the statement of the run is anchored and speaks of the token beside it" {
	serve
	cgpu attest --verifier remote --output-dir "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR/out"
	run cgpu token --format json --device-root "$NODE/device-root.pem" run.jwt
	[ "$status" -eq 0 ]
	[[ "$(step run token-anchor)" = ok* ]]
	[[ "$(step run token-stated)" = ok* ]]
	# NVIDIA's own: the key set beside it is nobody's word, a pinned root is.
	run cgpu token --format json --device-root "$NODE/device-root.pem" token.jwt
	[ "$status" -eq 91 ]
	printf '[remote]\nkey-root = %s\n' "$NODE/services/nras/root.pem" >>"$CONF"
	run cgpu token --format json --device-root "$NODE/device-root.pem" detached-eat.json
	[ "$status" -eq 0 ]
	chmod 644 token.jwt
	tr -d '\n' <token.jwt | sed 's/.$/A/' >changed
	mv changed token.jwt
	run cgpu token --format json --device-root "$NODE/device-root.pem" run.jwt
	[ "$status" -eq 89 ]
	[[ "$(step run token-stated)" = fail* ]]
}

@test "both: the container has two tokens, each verifies" {
	serve
	cgpu attest --verifier both --output-dir "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR/out"
	run cgpu token --format json --device-root "$NODE/device-root.pem" detached-eat.json
	[ "$status" -eq 0 ]
	[ "$(cut -d. -f2 token.jwt | tr '_-' '/+' | base64 -d 2>/dev/null | jq -r '."x-cgpu-verifier"')" = both ]
	run cgpu token --format json --jwks remote-jwks.json --device-root "$NODE/device-root.pem" remote-eat.json
	[ "$status" -eq 0 ]
}
