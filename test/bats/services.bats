#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The emulated services, judged by curl and openssl as clients: what is wrong here would be wrong in every test that uses them.

load helpers

# get URL CURL-ARGUMENT...: the body; the status code stands in $code.
get() {
	local url=$1
	shift
	code=$(curl -s --max-time 20 --cacert "$NODE/services/ca.pem" -o "$BATS_TEST_TMPDIR/body" -D "$BATS_TEST_TMPDIR/head" \
		-w '%{http_code}' "$@" "$url") || status=$?
	cat "$BATS_TEST_TMPDIR/body" 2>/dev/null || true
}

# ask SUBJECT OPENSSL-ARGUMENT...: what openssl finds about the first certificate that SUBJECT's issuer issued.
ask() {
	local dir=$NODE/services/ocsp/$1 upper=$NODE/node/gpu0.pem root=$NODE/device-root.pem
	shift
	case $dir in */rim-*) root=$NODE/rim-root.pem upper=$BATS_TEST_TMPDIR/rim-upper.pem ;; esac
	cat "$NODE"/services/ocsp/rim-*/issuer.pem >"$BATS_TEST_TMPDIR/rim-upper.pem"
	openssl ocsp -url "$OCSP" -issuer "$dir/issuer.pem" "${@:--sha1}" -cert "$dir/issued.pem" -CAfile "$root" \
		-verify_other "$upper" 2>&1 || true
}

@test "manifests: the envelope holds what the directory holds" {
	serve
	for file in "$NODE"/rim/*.xml; do
		id=$(basename "$file" .xml)
		get "$RIM/v1/rim/$id" >/dev/null
		[ "$code" -eq 200 ]
		[ "$(jq -r .id "$BATS_TEST_TMPDIR/body")" = "$id" ]
		jq -r .rim "$BATS_TEST_TMPDIR/body" | base64 -d | cmp - "$file"
		[ "$(jq -r .sha256 "$BATS_TEST_TMPDIR/body")" = "$(sha256sum <"$file" | cut -d' ' -f1)" ]
	done
	for path in /v1/rim/NV_GPU_DRIVER_GH100_1.2.3 /v1/rim/../../cgpu.conf /v1/rim/; do
		get "$RIM$path" --path-as-is >/dev/null
		[[ $code == 40[04] ]]
	done
	get "$RIM/v1/rim/$id" -d x >/dev/null
	[ "$code" -eq 405 ]
}

@test "revocation: openssl accepts the answers for every issuer, by either hash, with its nonce" {
	serve --gpus 2
	for subject in brom ica identity rim-signer rim-l3 rim-ca leaf0; do
		for hash in sha1 sha384; do
			run ask $subject -$hash
			echo "$subject $hash: $output"
			[[ "$output" == *'Response verify OK'*": good"* ]]
			[[ "$output" != *nonce* ]]
		done
	done
	[ "$(requests '.service == "ocsp" and .nonce and .status == 200')" -eq 14 ]
	[ "$(requests '.hash == "sha384" and .subject == "rim-l3"')" -eq 1 ]
	[ "$(requests ".serial == \"$(openssl x509 -in "$NODE/services/ocsp/ica/issued.pem" -noout -serial | cut -d= -f2 | tr A-F a-f)\"")" -eq 2 ]
}

@test "revocation: other serials and other issuers" {
	serve
	issuer=$NODE/services/ocsp/ica/issuer.pem
	for case in 'ica good' 'brom good' 'rim-l3 unknown'; do
		issuer=$NODE/services/ocsp/${case% *}/issuer.pem
		openssl ocsp -issuer "$issuer" -serial 0x1234567890 -reqout "$BATS_TEST_TMPDIR/request" >/dev/null
		get "$OCSP" -H 'Content-Type: application/ocsp-request' --data-binary "@$BATS_TEST_TMPDIR/request" >/dev/null
		[[ "$(openssl ocsp -respin "$BATS_TEST_TMPDIR/body" -noverify -text)" == *"Cert Status: ${case#* }"* ]]
	done
	openssl ocsp -issuer "$NODE/services/ca.pem" -serial 1 -reqout "$BATS_TEST_TMPDIR/request" >/dev/null
	get "$OCSP" -H 'Content-Type: application/ocsp-request' --data-binary "@$BATS_TEST_TMPDIR/request" >/dev/null
	[[ "$(openssl ocsp -respin "$BATS_TEST_TMPDIR/body" 2>&1)" == *'unauthorized (6)'* ]]
	get "$OCSP" -H 'Content-Type: application/ocsp-request' -d nonsense >/dev/null
	[[ "$(openssl ocsp -respin "$BATS_TEST_TMPDIR/body" 2>&1)" == *'malformedrequest (1)'* ]]
	get "$OCSP" -d nonsense >/dev/null
	[ "$code" -eq 415 ]
}

# question GPUS: evidence of the machine as the remote verifier is asked about it.
question() {
	cgpu evidence --nonce "$NONCE" --output "$BATS_TEST_TMPDIR/evidence.json" >/dev/null
	jq '{nonce: .[0].nonce, arch: .[0].arch, claims_version: "3.0", evidence_list: map({evidence, certificate})}' \
		"$BATS_TEST_TMPDIR/evidence.json" >"$BATS_TEST_TMPDIR/question"
}
NONCE=$(printf '5a%.0s' {1..32})

attest() {
	get "$NRAS/v4/attest/gpu" -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/question" "$@"
}

# part TOKEN 1|2: header or payload.
part() {
	local text
	text=$(cut -d. -f"$2" <<<"$1" | tr '_-' '/+')
	while [ $((${#text} % 4)) -ne 0 ]; do text+='='; done
	base64 -d <<<"$text"
}

# signed TOKEN KEY: openssl accepts the signature by the key of that kid's x5c.
signed() {
	local hex r s
	hex=$(cut -d. -f3 <<<"$1" | tr '_-' '/+' | base64 -d | od -An -v -tx1 | tr -d ' \n')
	[ ${#hex} -eq 192 ]
	r=${hex:0:96} s=${hex:96}
	printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$r" "$s" >"$BATS_TEST_TMPDIR/asn1"
	openssl asn1parse -genconf "$BATS_TEST_TMPDIR/asn1" -noout -out "$BATS_TEST_TMPDIR/signature"
	openssl x509 -in "$2" -noout -pubkey >"$BATS_TEST_TMPDIR/public"
	cut -d. -f1,2 <<<"$1" | tr -d '\n' |
		openssl dgst -sha384 -verify "$BATS_TEST_TMPDIR/public" -signature "$BATS_TEST_TMPDIR/signature"
}

# The certificate of the key with that kid, from the key set.
key_cert() {
	get "$NRAS/.well-known/jwks.json" >/dev/null
	jq -r --arg kid "$1" '.keys[] | select(.kid == $kid) | .x5c[0]' "$BATS_TEST_TMPDIR/body" | base64 -d |
		openssl x509 -inform DER -out "$BATS_TEST_TMPDIR/key.pem"
}

@test "remote verifier: tokens that openssl and jq accept, about the evidence that was sent" {
	for arch in hopper blackwell; do
		serve --arch $arch --gpus 2
		question
		attest >"$BATS_TEST_TMPDIR/eat"
		[ "$code" -eq 200 ]
		overall=$(jq -r '.[0][1]' "$BATS_TEST_TMPDIR/eat")
		kid=$(part "$overall" 1 | jq -r 'select(.alg == "ES384").kid')
		key_cert "$kid"
		openssl verify -CAfile "$NODE/services/nras/root.pem" "$BATS_TEST_TMPDIR/key.pem"
		signed "$overall" "$BATS_TEST_TMPDIR/key.pem"
		[ "$(part "$overall" 2 | jq -c '[."x-nvidia-overall-att-result", .eat_nonce, .exp - .iat, .nbf - .iat]')" = \
			"[true,\"$NONCE\",3600,0]" ]
		[ "$(jq '.[1] | length' "$BATS_TEST_TMPDIR/eat")" -eq 2 ]
		for gpu in 0 1; do
			token=$(jq -r ".[1][\"GPU-$gpu\"]" "$BATS_TEST_TMPDIR/eat")
			signed "$token" "$BATS_TEST_TMPDIR/key.pem"
			[ "$(part "$overall" 2 | jq -c ".submods[\"GPU-$gpu\"]")" = \
				"[\"DIGEST\",[\"SHA-256\",\"$(printf %s "$token" | sha256sum | cut -d' ' -f1)\"]]" ]
			serial=$(openssl x509 -in "$NODE/node/gpu$gpu.pem" -noout -serial | cut -d= -f2)
			[ "$(part "$token" 2 | jq -r .ueid)" = "$(bc <<<"ibase=16; $serial" | tr -d '\\\n')" ]
			[ "$(part "$token" 2 | jq -r .measres)" = success ]
		done
		services stop
	done
}

@test "remote verifier: the claims are those of the genuine sample" {
	sample=$SAMPLES/gpu/claims/hopperClaimsv3_detached_eat.json
	[ -e "$sample" ] || skip 'no samples'
	serve
	question
	attest >"$BATS_TEST_TMPDIR/eat"
	for place in '.[0][1]' '.[1]["GPU-0"]'; do
		for file in "$sample" "$BATS_TEST_TMPDIR/eat"; do
			part "$(jq -r "$place" "$file")" 2 | jq -c '[paths(type != "array") | map(tostring) | join(" ")] | sort' \
				>"$BATS_TEST_TMPDIR/$(basename "$file").names"
		done
		diff "$BATS_TEST_TMPDIR/$(basename "$sample").names" "$BATS_TEST_TMPDIR/eat.names"
	done
}

@test "remote verifier: questions that are not right are refused" {
	serve
	question
	cp "$BATS_TEST_TMPDIR/question" "$BATS_TEST_TMPDIR/right"
	for change in 'del(.nonce)' '.nonce = "12"' '.arch = "HOPPER2"' '.claims_version = "2.0"' '.evidence_list = []' \
		'.evidence_list[0].evidence = "AAAA"' '.evidence_list[0].certificate = "*"' '. + {more: 1}'; do
		jq "$change" "$BATS_TEST_TMPDIR/right" >"$BATS_TEST_TMPDIR/question"
		attest
		[ "$code" -eq 400 ]
	done
	get "$NRAS/v4/attest/gpu" >/dev/null
	[ "$code" -eq 405 ]
}

@test "connections are counted over HTTP/2 and HTTP/1.1, and keys are seen" {
	serve
	for version in --http2 --http1.1; do
		curl -s --cacert "$NODE/services/ca.pem" $version -H 'Authorization: Bearer abc' -o /dev/null -o /dev/null -o /dev/null \
			"$RIM/a" "$RIM/b" "$RIM/c"
	done
	curl -s --cacert "$NODE/services/ca.pem" "$RIM/d" >/dev/null
	[ "$(connections rim)" -eq 3 ]
	[ "$(requests '.protocol == "HTTP/2.0"')" -eq 4 ]
	[ "$(requests '.protocol == "HTTP/1.1"')" -eq 3 ]
	[ "$(requests '.key == "Bearer abc"')" -eq 6 ]
	[ "$(requests '.key == null')" -eq 1 ]
}

# manifest: asks for the driver's manifest with the arguments given.
manifest() {
	status=0
	get "$RIM/v1/rim/$(basename "$NODE"/rim/NV_GPU_DRIVER_*.xml .xml)" "$@" >/dev/null
}

@test "faults of every service: statuses, redirects, pages" {
	serve
	local line
	while read -r line wanted; do
		misbehave "rim ${line//_/ }"
		manifest
		echo "$line: $code"
		[ "$code" -eq "$wanted" ]
		[ "$(requests ".status == $wanted and .fault == \"${line%%_*}\"")" -gt 0 ]
	done <<-END
		status_418 418
		status_429_7 429
		redirect_307_https://localhost:1/x 307
		need-key 401
		need-key_403 403
		html 200
		empty 200
	END
	[ ! -s "$BATS_TEST_TMPDIR/body" ]
	misbehave 'rim status 429 7'
	manifest
	grep -i '^retry-after: 7' "$BATS_TEST_TMPDIR/head"
	misbehave 'rim redirect 302 http://127.0.0.1/x'
	manifest
	grep -i '^location: http://127.0.0.1/x' "$BATS_TEST_TMPDIR/head"
	misbehave 'rim need-key'
	manifest -H "Authorization: Bearer $(cat "$NODE/services/service-key")"
	[ "$code" -eq 200 ]
	misbehave 'rim flaky 2'
	for wanted in 503 503 200; do
		manifest
		[ "$code" -eq $wanted ]
	done
	misbehave 'rim nonsense'
	manifest
	[ "$code" -eq 500 ]
	[ "$(requests '.fault == "not understood: rim nonsense"')" -eq 1 ]
	# Nobody else is concerned.
	get "$NRAS/.well-known/jwks.json" >/dev/null
	[ "$(requests '.service == "nras" and .fault != null')" -eq 1 ]
	misbehave 'jwks status 500' 'nras status 503'
	get "$NRAS/.well-known/jwks.json" >/dev/null
	[ "$code" -eq 500 ]
	get "$NRAS/v4/attest/gpu" -d x >/dev/null
	[ "$code" -eq 503 ]
}

@test "faults of every service: slow, drip, endless, truncated, close, huge headers, a bomb" {
	serve
	for version in --http1.1 --http2; do
		misbehave 'rim slow 700'
		start=${EPOCHREALTIME/./}
		manifest $version
		[ "$code" -eq 200 ]
		[ $((${EPOCHREALTIME/./} - start)) -ge 700000 ]
		misbehave 'rim drip 100'
		manifest $version --max-time 1
		[ $status -eq 28 ]
		size=$(stat -c %s "$BATS_TEST_TMPDIR/body")
		[ "$size" -gt 2 ]
		[ "$size" -lt 20 ]
		misbehave 'rim endless'
		manifest $version --limit-rate 4M --max-time 2
		[ $status -eq 28 ]
		[ "$(stat -c %s "$BATS_TEST_TMPDIR/body")" -gt 2000000 ]
		misbehave 'rim truncated'
		manifest $version
		[[ $status == 18 || $status == 92 ]]
		misbehave 'rim close'
		manifest $version
		[[ $status == 52 || $status == 56 || $status == 92 ]]
		[ "$code" -eq 0 ]
		misbehave 'rim huge-headers 200'
		manifest $version
		# The client's libnghttp2 does not take so many.
		[[ $version == --http2 && $status == 56 || "$(stat -c %s "$BATS_TEST_TMPDIR/head")" -gt 200000 ]]
		misbehave 'rim gzip 8'
		manifest $version
		[ "$(stat -c %s "$BATS_TEST_TMPDIR/body")" -lt 100000 ]
		[ "$(gzip -dc "$BATS_TEST_TMPDIR/body" | wc -c)" -gt 8000000 ]
		grep -i '^content-encoding: gzip' "$BATS_TEST_TMPDIR/head"
	done
	# Slow answers do not make others wait.
	misbehave 'rim slow 2000'
	for _ in 1 2 3; do manifest & done
	get "$NRAS/.well-known/jwks.json" --max-time 1 >/dev/null
	[ "$code" -eq 200 ]
	wait
}

@test "faults of connections: certificates, versions" {
	serve
	for kind in wrong-host:60 expired:60 self-signed:60 1.1:35; do
		misbehave "rim tls ${kind%:*}"
		services restart rim
		manifest
		echo "$kind: $status"
		[ "$status" -eq "${kind#*:}" ]
		get "$NRAS/.well-known/jwks.json" >/dev/null
		[ "$code" -eq 200 ]
	done
	manifest --tlsv1.1 --ciphers DEFAULT@SECLEVEL=0
	[ "$code" -eq 200 ]
	misbehave 'rim http1'
	services restart rim
	manifest --http2
	[ "$code" -eq 200 ]
	[ "$(tail -n 1 "$NODE/services/requests.log" | jq -r .protocol)" = HTTP/1.1 ]
	services stop rim
	manifest
	[ "$status" -eq 7 ]
}

@test "faults of the RIM service" {
	serve
	right=$BATS_TEST_TMPDIR/right
	manifest
	cp "$BATS_TEST_TMPDIR/body" "$right"
	misbehave 'rim 404'
	manifest
	[ "$code $(jq -r .message "$BATS_TEST_TMPDIR/body")" = '404 RIM_NOT_FOUND' ]
	misbehave 'rim 404 VBIOS'
	manifest
	[ "$code" -eq 200 ]
	misbehave 'rim wrong-id'
	manifest
	[ "$(jq -r .id "$BATS_TEST_TMPDIR/body")" != "$(jq -r .id "$right")" ]
	misbehave 'rim bad-base64'
	manifest
	! jq -r .rim "$BATS_TEST_TMPDIR/body" | base64 -d >/dev/null 2>&1 || false
	misbehave 'rim not-json'
	manifest
	! jq . "$BATS_TEST_TMPDIR/body" >/dev/null 2>&1 || false
	for fault in damaged other-version; do
		misbehave "rim $fault"
		manifest
		jq -r .rim "$BATS_TEST_TMPDIR/body" | base64 -d >"$BATS_TEST_TMPDIR/$fault.xml"
	done
	[ "$(cmp -l "$BATS_TEST_TMPDIR/damaged.xml" "$NODE"/rim/NV_GPU_DRIVER_*.xml | wc -l)" -eq 1 ]
	grep -q 'colloquialVersion="1.2.3"' "$BATS_TEST_TMPDIR/other-version.xml"
	if command -v xmlsec1 >/dev/null; then
		xmlsec1 --verify --trusted-pem "$NODE/rim-root.pem" "$BATS_TEST_TMPDIR/other-version.xml"
	fi
}

@test "faults of the OCSP responder" {
	serve
	while IFS=: read -r fault words; do
		misbehave "ocsp $fault ica"
		run ask ica
		echo "$fault: $output"
		[[ "$output" == *"$words"* ]]
		run ask identity
		[[ "$output" == *'Response verify OK'*': good'* && "$output" != *nonce* ]]
	done <<-END
		try-later:trylater (3)
		internal-error:internalerror (2)
		unauthorized:unauthorized (6)
		malformed:malformedrequest (1)
		revoked:Reason: keyCompromise
		hold:Reason: certificateHold
		unknown:: unknown
		stale:status expired
		future:status not yet valid
		wrong-nonce:Nonce Verify error
		no-nonce:no nonce in response
		other-serial:No Status found
		no-purpose:missing ocspsigning usage
		expired-responder:certificate has expired
		garbage:Error querying OCSP responder
	END
}

# overall, device: payloads of the tokens of the last answer.
overall() {
	part "$(jq -r '.[0][1]' "$BATS_TEST_TMPDIR/body")" 2
}

device() {
	part "$(jq -r ".[1][\"GPU-$1\"]" "$BATS_TEST_TMPDIR/body")" 2
}

@test "faults of the remote verifier: claims" {
	serve --gpus 2
	question
	attest >/dev/null
	ueid=$(device 0 | jq -r .ueid)
	misbehave 'nras other-ueid'
	attest >/dev/null
	[ "$(device 0 | jq -r .ueid)" != "$ueid" ]
	misbehave 'nras overall-only'
	attest >/dev/null
	[ "$(overall | jq '."x-nvidia-overall-att-result"') $(device 0 | jq -r .measres) $(device 1 | jq -r .measres)" = 'true fail success' ]
	misbehave 'nras failed 4010'
	attest >/dev/null
	[ "$(overall | jq '."x-nvidia-overall-att-result"') $(device 0 | jq '."x-nvidia-error-details".code')" = 'false 4010' ]
	misbehave 'nras missing-device'
	attest >/dev/null
	[ "$(overall | jq -c '.submods | keys') $(jq -c '.[1] | keys' "$BATS_TEST_TMPDIR/body")" = '["GPU-0"] ["GPU-0"]' ]
	misbehave 'nras expired'
	attest >/dev/null
	[ "$(overall | jq .exp)" -lt "$(date +%s)" ]
	misbehave 'nras other-nonce'
	attest >/dev/null
	[ "$(overall | jq -r .eat_nonce)" != "$NONCE" ]
	misbehave 'nras other-issuer'
	attest >/dev/null
	[ "$(overall | jq -r .iss)" != "$(sed -n 's/^nras-issuer = //p' "$NODE/services/cgpu.conf")" ]
	misbehave 'nras wrong-digest'
	attest >/dev/null
	[ "$(overall | jq -r '.submods["GPU-0"][1][1]')" != \
		"$(jq -j '.[1]["GPU-0"]' "$BATS_TEST_TMPDIR/body" | sha256sum | cut -d' ' -f1)" ]
}

@test "faults of the remote verifier: keys" {
	serve
	question
	misbehave 'nras alg-none'
	attest >/dev/null
	token=$(jq -r '.[0][1]' "$BATS_TEST_TMPDIR/body")
	[ "$(part "$token" 1 | jq -r .alg) ${token##*.}" = 'none ' ]
	misbehave 'nras rollover'
	attest >/dev/null
	token=$(jq -r '.[0][1]' "$BATS_TEST_TMPDIR/body")
	kid=$(part "$token" 1 | jq -r .kid)
	get "$NRAS/.well-known/jwks.json" >/dev/null
	[ "$(jq --arg kid "$kid" '[.keys[] | select(.kid == $kid)] | length' "$BATS_TEST_TMPDIR/body")" -eq 0 ]
	key_cert "$kid"
	signed "$token" "$BATS_TEST_TMPDIR/key.pem"
	misbehave 'nras endless-rollover'
	attest >/dev/null
	kid=$(part "$(jq -r '.[0][1]' "$BATS_TEST_TMPDIR/body")" 1 | jq -r .kid)
	for _ in 1 2; do
		get "$NRAS/.well-known/jwks.json" >/dev/null
		[ "$(jq --arg kid "$kid" '[.keys[] | select(.kid == $kid)] | length' "$BATS_TEST_TMPDIR/body")" -eq 0 ]
	done
	misbehave 'nras other-x5c'
	get "$NRAS/.well-known/jwks.json" >/dev/null
	jq -r '.keys[0].x5c[0]' "$BATS_TEST_TMPDIR/body" | base64 -d | openssl x509 -inform DER -out "$BATS_TEST_TMPDIR/key.pem"
	cmp "$BATS_TEST_TMPDIR/key.pem" <(openssl x509 -in "$NODE/services/nras/second.pem")
}
