#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The operator's policy with an emulated machine: NVIDIA's policy files, deny lists, what observing says, the challenge.

load helpers

attest() {
	run cgpu attest --format json "$@"
}

refused() {
	[ "$status" -eq "$1" ] && [ "$(code)" = "$1" ] && [ "$(jq -r .result <<<"$output")" = refuse ] &&
		[ "$(jq .detached_eat <<<"$output")" = null ]
}

# policy VERSION OVERALL DETACHED: a policy file, in $FILE.
policy() {
	FILE=$BATS_TEST_TMPDIR/policy.json
	printf '{"version":"%s","authorization-rules":{"type":"JWT","overall-claims":{%s},"detached-claims":{%s}}}\n' "$@" >"$FILE"
}

# payload TOKEN: the claims in the file of a token.
payload() {
	jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson' "$1"
}

good_policy() {
	policy 4.0 '"x-nvidia-overall-att-result":true,"x-nvidia-ver":"3.0","iss":"LOCAL_GPU_VERIFIER"' \
		'"measres":"success","x-nvidia-gpu-driver-rim-cert-chain":{"x-nvidia-cert-status":"valid"}'
}

@test "NVIDIA's own four policies pass on a good machine" {
	[ -d "$SAMPLES/gpu/policies" ] || skip 'the shared samples are not there'
	mint --gpus 2
	cgpu attest --output-dir "$BATS_TEST_TMPDIR/out" >/dev/null
	for file in "$SAMPLES"/gpu/policies/*.json; do
		attest --policy "$file"
		[ "$status" -eq 0 ]
		[[ "$(step run policy-file)" = "ok "* && "$(step GPU-1 policy-file)" = "ok "* ]]
		[[ "$(step GPU-1 policy-not-applicable)" = "skipped "*-schema-validated* ]]
		run cgpu token --format json --policy "$file" --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/detached-eat.json"
		[ "$status" -eq 0 ]
	done
}

@test "--policy: a claim that differs is refused with rule, wanted and found value, by attest, verify and token" {
	mint
	cgpu attest --output-dir "$BATS_TEST_TMPDIR/out" >/dev/null
	policy 4.0 '' '"hwmodel":"GB100"'
	for command in 'attest --gpus all' "verify --gpu-evidence-file $BATS_TEST_TMPDIR/out/evidence.json --rim-dir $NODE/rim
		--ocsp-dir $NODE/ocsp --device-root $NODE/device-root.pem --rim-root $NODE/rim-root.pem --allow-ocsp-without-nonce" \
		"token --device-root $NODE/device-root.pem $BATS_TEST_TMPDIR/out/detached-eat.json"; do
		# shellcheck disable=SC2086
		run cgpu ${command%% *} --format json --policy "$FILE" ${command#* }
		echo "$output"
		[ "$status" -eq 82 ]
		[[ "$(step GPU-0 policy-file)" = "fail policy $FILE: detached-claims.hwmodel: want \"GB100\", found \"GH100 "* ]]
	done
	# The overall token alone carries no claims of a GPU.
	run cgpu token --format json --policy "$FILE" --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/token.jwt"
	[ "$status" -eq 82 ]
	policy 4.0 '"x-nvidia-ver":"3.0"' ''
	run cgpu token --format json --policy "$FILE" --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/token.jwt"
	[ "$status" -eq 0 ]
}

@test "--policy: a file that is missing, is none, or has an unknown rule" {
	mint
	run cgpu attest --policy "$BATS_TEST_TMPDIR/none.json"
	[ "$status" -eq 2 ]
	echo '{"version":"4.0","authorization-rules":{"type":"JWT","overal-claims":{}}}' >"$BATS_TEST_TMPDIR/policy.json"
	attest --policy "$BATS_TEST_TMPDIR/policy.json"
	refused 2
	[[ "$(jq -r .message <<<"$output")" = *"unknown member 'overal-claims'"* ]]
}

# deciding_lines: from what is set, the lines that the digest of the policy is made of; no default is written out here.
deciding_lines() {
	cgpu config show --effective | awk '/^\[/ { section = substr($1, 2, length($1) - 2) }
		/ = / && !/# default$/ { sub(/  # .*/, ""); print section "." $0 }' |
		grep -E '^(driver|trust|policy)\.' | grep -v '^policy\.policy-file ' | LC_ALL=C sort
}

@test "policy-file: in force, instead of it --policy, and its bytes in the policy digest" {
	good_policy
	good=$FILE.good
	mv "$FILE" "$good"
	POLICY="policy-file = $good" mint
	for i in 1 2; do
		cgpu attest --output-dir "$BATS_TEST_TMPDIR/$i" >"$BATS_TEST_TMPDIR/text"
		grep -q 'ok  *policy-file' "$BATS_TEST_TMPDIR/text"
		have=$(payload "$BATS_TEST_TMPDIR/$i/token.jwt" | jq -r '."x-cgpu-policy-sha256"')
		want=$({ deciding_lines; sha256sum <"$good" | cut -c1-64; } | sha256sum | cut -c1-64)
		[ "$have" = "$want" ]
		echo "$have" >>"$BATS_TEST_TMPDIR/digests"
		echo >>"$good"
	done
	[ "$(sort -u "$BATS_TEST_TMPDIR/digests" | wc -l)" -eq 2 ]
	policy 4.0 '' '"measres":"fail"'
	attest --policy "$FILE"
	refused 82
	cp "$FILE" "$good"
	attest
	refused 82
	run cgpu config check
	[ "$status" -eq 0 ]
	chmod 666 "$good"
	attest
	refused 2
	run cgpu config check
	[ "$status" -eq 2 ]
}

@test "the policy digest is over what decides: a proxy and a timeout do not, a root and an exemption do" {
	digest_with() { # TEXT: the digest with it at the end of the configuration
		local out=$BATS_TEST_TMPDIR/$RANDOM$RANDOM
		{ cat "$NODE/cgpu.conf"; echo "$1"; } >"$CONF"
		cgpu attest --output-dir "$out" >/dev/null
		payload "$out/token.jwt" | jq -r '."x-cgpu-policy-sha256"'
	}
	mint
	plain=$(digest_with '')
	[ "$plain" = "$(deciding_lines | sha256sum | cut -c1-64)" ]
	[ "$(digest_with $'[network]\nproxy = http://127.0.0.1:9\nretries = 1\n[run]\ndeadline = 19')" = "$plain" ]
	[ "$(digest_with $'[policy]\nocsp-max-age = 43200')" = "$plain" ]
	[ "$(digest_with $'[policy]\nocsp-max-age = 43201')" != "$plain" ]
	cp "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/root.pem"
	moved=$(sed "s#^device-root = .*#device-root = $BATS_TEST_TMPDIR/root.pem#" "$NODE/cgpu.conf")
	cp "$NODE/cgpu.conf" "$BATS_TEST_TMPDIR/kept"
	echo "$moved" >"$NODE/cgpu.conf"
	[ "$(digest_with '')" != "$plain" ]
	cp "$BATS_TEST_TMPDIR/kept" "$NODE/cgpu.conf"
	[ "$(digest_with $'[exempt a]\nnamespace = n\nbundle-root = /b')" != "$plain" ]
}

@test "deny lists: rule, wanted and found value" {
	mint
	attest
	driver=$(jq -r '.claims[0]."x-nvidia-gpu-driver-version"' <<<"$output")
	vbios=$(jq -r '.claims[0]."x-nvidia-gpu-vbios-version"' <<<"$output")
	POLICY="denied-driver-versions = 1.2, $driver" mint
	attest
	refused 76
	[ "$(step GPU-0 policy-driver-version)" = \
		"fail denied-driver-versions: x-nvidia-gpu-driver-version is $driver, want any but $driver" ]
	POLICY="denied-vbios-versions = ${vbios,,}" mint
	attest
	refused 77
	[[ "$(step GPU-0 policy-vbios-version)" = "fail denied-vbios-versions: "*" is $vbios, want any but ${vbios,,}" ]]
	POLICY='denied-driver-versions = 1.2' mint
	attest
	[ "$status" -eq 0 ]
	[ "$(step GPU-0 policy-driver-version)" = "ok $driver, not denied" ]
}

@test "observe: by hand it is said, and the exit status stays the refusal's" {
	day=$(date -u -d '+2 days' +%F)
	POLICY=$(printf 'mode = observe\nobserve-until = %s' "$day") mint
	attest --output-dir "$BATS_TEST_TMPDIR/out"
	[ "$status" -eq 0 ]
	[[ "$(step run mode-observe)" = "skipped until the end of $day: "* ]]
	run cgpu token --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/token.jwt"
	[ "$status" -eq 0 ]
	[[ "$output" =~ loosenings\ +[a-z,-]*observe ]]
	fault 'cc-feature 0'
	attest
	refused 20
	[[ "$(step run mode-observe)" = *'starts the container all the same, without a token' ]]
	run cgpu attest
	[ "$status" -eq 20 ]
	[[ "$output" = *mode-observe*"until the end of $day"*'result: refuse, code 20'* ]]
	run cgpu config show
	[[ "$output" = *'mode = observe'*"observe-until = $day"* ]]
}

@test "observe: without a date it is an error, after its date it enforces" {
	POLICY='mode = observe' mint
	for command in 'config check' attest; do
		# shellcheck disable=SC2086
		run cgpu $command
		[ "$status" -eq 2 ]
		[[ "$output" = *'observe-until = YYYY-MM-DD'* ]]
	done
	POLICY=$(printf 'mode = observe\nobserve-until = %s' "$(date -u -d yesterday +%F)") mint
	fault 'cc-feature 0'
	attest
	refused 20
	[ -z "$(step run mode-observe)" ]
	run cgpu config check
	[ "$status" -eq 0 ]
}

# hash: SHA-256 of standard input, in hex; bytes: hex to bytes; sized HEX: with its size in front, 32 bits big-endian.
hash() { sha256sum | cut -c1-64; }
bytes() { local i; for ((i = 0; i < ${#1}; i += 2)); do printf '%b' "\\x${1:i:2}"; done; }
sized() { printf '%08x%s' $((${#1} / 2)) "$1"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

@test "the challenge of a relying party is in the nonce: G recomputed from its parts" {
	mint
	for challenge in first second ''; do
		out=$BATS_TEST_TMPDIR/out-$challenge
		cgpu attest ${challenge:+--challenge "$challenge"} --container-id c1 --image-id sha256:2 --output-dir "$out" >/dev/null
		claims=$(payload "$out/token.jwt")
		H=$(printf %s "$challenge" | hash)
		[ -n "$challenge" ] || H=$(printf '0%.0s' {1..64})
		[ "$(jq -r '."x-cgpu-nonce-challenge"' <<<"$claims")" = "$H" ]
		R=$(jq -r '."x-cgpu-nonce-random"' <<<"$claims")
		K=$(jq -r '.keys[0].kid' "$out/jwks.json")
		C=$(bytes "$(sized "$(printf c1 | hex)")$(sized "$(printf sha256:2 | hex)")$(sized '')" | hash)
		G=$(bytes "$(printf cgpu/v1/gpu | hex)00$R$H$K$C" | hash)
		[ "$(jq -r '.[0].nonce' "$out/evidence.json")" = "$G" ]
		[ "$(jq -r .eat_nonce <<<"$claims")" = "$G" ]
	done
	# Another challenge does not fit the nonce that the GPU signed.
	H=$(printf other | hash)
	[ "$(bytes "$(printf cgpu/v1/gpu | hex)00$R$H$K$C" | hash)" != "$G" ]
	attest --challenge "$(printf 'x%.0s' {1..5000})"
	[ "$status" -eq 2 ]
}

@test "config show --effective names the file and the line, or the default" {
	local extra=$ROOT/etc/cgpu/cgpu.conf.d/zz.conf
	POLICY=$'[policy]\ngpu-count = 2' mint
	printf '# later\n[policy]\ngpu-count = 1\n' >"$extra"
	run cgpu config show --effective
	rm -f "$extra"
	[ "$status" -eq 0 ]
	grep -qx "gpu-count = 1  # $extra:3" <<<"$output"
	grep -qx "worker-user = nobody  # $ROOT/etc/cgpu/cgpu.conf.d/00-user.conf:2" <<<"$output"
	grep -qx 'audit = best-effort  # default' <<<"$output"
	run cgpu config show --effective --format json
	[ "$(jq -r '.origin.audit' <<<"$output")" = default ]
	[[ $(jq -r '.origin["gpu-count"]' <<<"$output") == "$CONF":* ]]
	[ "$(jq -r '(keys - (.origin | keys)) | join(" ")' <<<"$output")" = 'exempt origin' ]
	run cgpu config show
	if grep -q '  # ' <<<"$output"; then false; fi
	run cgpu config check --effective
	[ "$status" -eq 2 ]
}
