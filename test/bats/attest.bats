#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu attest|status|evidence|token` with an emulated machine: every state and fault has its code.

load helpers

HEX=$(printf 'a%.0s' {1..64})

attest() {
	run cgpu attest --format json "$@"
}

# refused CODE: attest ended with it, said so in JSON, and made no token.
refused() {
	[ "$status" -eq "$1" ] && [ "$(code)" = "$1" ] && [ "$(jq -r .result <<<"$output")" = refuse ] &&
		[ "$(jq .detached_eat <<<"$output")" = null ]
}

@test "Hopper and Blackwell, one GPU and eight, pass" {
	for kind in 'hopper 1' 'blackwell 1' 'hopper 8' 'blackwell 8'; do
		# shellcheck disable=SC2086
		set -- $kind
		mint --arch "$1" --gpus "$2"
		attest
		[ "$status" -eq 0 ]
		[ "$(jq -r .result <<<"$output")" = pass ]
		[ "$(jq '.claims | length' <<<"$output")" -eq "$2" ]
		[ "$(jq '.detached_eat[1] | length' <<<"$output")" -eq "$2" ]
		[ "$(jq -r '[.claims[].measres] | unique[]' <<<"$output")" = success ]
	done
}

@test "each step says which attester it is about" {
	mint --gpus 2
	attest
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.steps[] | [.gpu, .attester]] | unique' <<<"$output")" = \
		'[[null,"run"],["GPU-0","GPU-0"],["GPU-1","GPU-1"]]' ]
	[ "$(jq -c '.steps[0] | keys_unsorted' <<<"$output")" = '["gpu","attester","step","status","detail"]' ]
	run cgpu attest
	[ "$status" -eq 0 ]
	[ "$(grep -xE 'system|GPU-[0-9]+' <<<"$output" | sort -u | paste -sd ' ')" = 'GPU-0 GPU-1 system' ]
}

@test "the files: env file, token, EAT, evidence, key set; verified and anchored by cgpu token" {
	mint --gpus 2
	run cgpu attest --output-dir "$BATS_TEST_TMPDIR/out" --container-id c1 --image-id sha256:2 --challenge hello
	[ "$status" -eq 0 ]
	[ "$(cd "$BATS_TEST_TMPDIR/out" && echo *)" = 'attestation.env detached-eat.json evidence.json jwks.json token.jwt' ]
	# shellcheck disable=SC1091
	. "$BATS_TEST_TMPDIR/out/attestation.env"
	[ "$CGPU_ATTESTATION_RESULT" = pass ]
	[ "$CGPU_ATTESTATION_TOKEN" = "$(cat "$BATS_TEST_TMPDIR/out/token.jwt")" ]
	for file in detached-eat.json token.jwt; do
		run cgpu token --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/$file"
		[ "$status" -eq 0 ]
		[[ "$output" = *'anchored in the'* ]]
	done
	[ "$(jq -r '.[0].nonce' "$BATS_TEST_TMPDIR/out/evidence.json")" = "$CGPU_ATTESTATION_NONCE" ]
	# The same evidence judged again, offline, by anybody.
	run cgpu verify --gpu-evidence-file "$BATS_TEST_TMPDIR/out/evidence.json" --nonce "$CGPU_ATTESTATION_NONCE" \
		--rim-dir "$NODE/rim" --ocsp-dir "$NODE/ocsp" --device-root "$NODE/device-root.pem" \
		--rim-root "$NODE/rim-root.pem" --allow-ocsp-without-nonce
	[ "$status" -eq 0 ]
}

@test "a manifest whose signature has another shape than NVIDIA's" {
	mint
	sed -i 's/ecdsa-sha384/ecdsa-sha256/' "$NODE"/rim/*.xml
	attest
	refused 43
}

@test "a result that cannot be written whole leaves nothing" {
	mint
	status=0
	(ulimit -S -f 1; cgpu attest --output-dir "$BATS_TEST_TMPDIR/out") >"$BATS_TEST_TMPDIR/text" 2>&1 || status=$?
	cat "$BATS_TEST_TMPDIR/text"
	[ "$status" -eq 2 ]
	grep -q EFBIG "$BATS_TEST_TMPDIR/text"
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "a token of another run, without evidence, or after its time" {
	mint
	cgpu attest --output-dir "$BATS_TEST_TMPDIR/a" >/dev/null
	cgpu attest --output-dir "$BATS_TEST_TMPDIR/b" >/dev/null
	run cgpu token --device-root "$NODE/device-root.pem" --gpu-evidence-file "$BATS_TEST_TMPDIR/b/evidence.json" \
		"$BATS_TEST_TMPDIR/a/detached-eat.json"
	[ "$status" -ne 0 ]
	run cgpu token --device-root "$NODE/device-root.pem" --jwks "$BATS_TEST_TMPDIR/b/jwks.json" "$BATS_TEST_TMPDIR/a/detached-eat.json"
	[ "$status" -eq 90 ]
	cp "$BATS_TEST_TMPDIR/a/token.jwt" "$BATS_TEST_TMPDIR/alone.jwt"
	run cgpu token --jwks "$BATS_TEST_TMPDIR/a/jwks.json" "$BATS_TEST_TMPDIR/alone.jwt"
	[ "$status" -eq 0 ]
	[[ "$output" = *unanchored* ]]
	# A key set that lies beside the token is no more than the token's own word.
	mkdir "$BATS_TEST_TMPDIR/beside"
	cp "$BATS_TEST_TMPDIR/a/"{token.jwt,jwks.json} "$BATS_TEST_TMPDIR/beside"
	run cgpu token "$BATS_TEST_TMPDIR/beside/token.jwt"
	[ "$status" -eq 91 ]
	[[ "$output" = *unanchored* ]]
	run cgpu token "$BATS_TEST_TMPDIR/alone.jwt"
	[ "$status" -eq 90 ]
	run cgpu token --at 2099-01-01T00:00:00Z --jwks "$BATS_TEST_TMPDIR/a/jwks.json" "$BATS_TEST_TMPDIR/alone.jwt"
	[ "$status" -eq 87 ]
}

@test "every run has a nonce of its own" {
	mint
	for i in 1 2 3; do
		attest
		jq -r '.claims[0].eat_nonce' <<<"$output"
	done | sort -u >"$BATS_TEST_TMPDIR/nonces"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/nonces")" -eq 3 ]
}

@test "modes: each refused with its code before a report is asked for" {
	while read -r want line; do
		mint
		fault "$line" 'at nvmlDeviceGetConfComputeGpuAttestationReport abort'
		attest
		refused "$want"
		run cgpu status
		[ "$status" -eq "$want" ]
	done <<-END
		20 cc-feature 0
		21 environment 1
		22 devtools 1
		23 multi-gpu 1
		24 multi-gpu 2
		28 multi-gpu 3
		25 gpu 0 persistence 0
		26 ready 0
	END
}

@test "driver: missing, not loaded, mismatch, lost, no GPU, no permission" {
	mint
	rm "$NODE/node/libnvidia-ml.so.1"
	attest
	refused 10
	while read -r want line; do
		mint
		fault "$line"
		attest
		refused "$want"
	done <<-END
		12 at nvmlInit_v2 return 9
		13 at nvmlInit_v2 return 18
		15 at nvmlDeviceGetConfComputeGpuAttestationReport return 15
		14 gpus 0
		19 at nvmlDeviceGetConfComputeGpuAttestationReport return 4
		17 at nvmlDeviceGetConfComputeGpuAttestationReport abort
		17 at nvmlDeviceGetConfComputeGpuCertificate exit
	END
}

@test "driver: a library that others can write is refused" {
	mint
	chmod 666 "$NODE/node/libnvidia-ml.so.1"
	attest
	refused 11
}

@test "driver: a call that hangs ends with the deadline" {
	mint
	printf '[run]\ndeadline = 2\n' >>"$CONF"
	fault 'at nvmlDeviceGetConfComputeGpuAttestationReport hang'
	attest
	refused 16
}

@test "driver: what the library forks, executes or prints does no harm" {
	for action in fork exec print; do
		mint
		fault "at nvmlDeviceGetConfComputeGpuCertificate $action"
		attest
		[ "$status" -eq 0 ]
		jq -e . <<<"$output" >/dev/null
	done
}

@test "evidence: wrong nonce, firmware id, sizes, measurement, double GPU" {
	while read -r want line; do
		mint --gpus 2
		fault "$line"
		attest
		refused "$want"
	done <<-END
		37 gpu 0 nonce $HEX
		33 gpu 1 fwid $HEX${HEX:0:32}
		19 gpu 0 report-size 8193
		19 gpu 0 report-size 0
		19 gpu 0 chain-size 4294967295
		75 gpu 1 measurement 9 $HEX${HEX:0:32}
		39 gpu 1 evidence-of 0
	END
}

@test "evidence: the report of one GPU under the key of another" {
	mint --gpus 2
	key=$(sed -n 's/^gpu 1 key //p' "$NODE/node/node.conf")
	fault "gpu 0 key $key"
	attest
	refused 34
}

@test "second reading: a change after the verdict refuses" {
	while read -r line; do
		mint
		fault "$line"
		attest
		refused 27
	done <<-END
		at nvmlDeviceGetConfComputeGpuAttestationReport set ready 0
		at nvmlDeviceGetConfComputeGpuAttestationReport set cc-feature 0
		at nvmlDeviceGetConfComputeGpuAttestationReport set driver 1.2.3
		at nvmlDeviceGetConfComputeGpuAttestationReport set gpu 0 uuid GPU-00000000-0000-0000-0000-000000000000
	END
}

@test "an R535 driver without the newer functions passes" {
	mint --driver 535.86.09 --library "$EMULATOR/libnvidia-ml-r535.so.1"
	attest
	[ "$status" -eq 0 ]
}

@test "the chip of the report has to be of the certificate's architecture, and names the manifest" {
	mint --driver 590.48.01
	fault 'gpu 0 chip GB100'
	attest
	refused 35
	[ "$(step GPU-0 architecture)" = "fail certificate 1 is of a GH100 A01 GSP BROM, and the report's chip is GB100" ]
	mint --arch blackwell --driver 590.48.01
	fault 'gpu 0 chip GH100'
	attest
	refused 35
	mint --arch blackwell --driver 590.48.01
	fault 'gpu 0 chip GB110'
	attest
	refused 40
	[[ $(step GPU-0 driver-rim) == *NV_GPU_CC_DRIVER_GB110_590.48.01* ]]
}

@test "manifests: missing, damaged, of another version or product, expired signer" {
	while read -r want options; do
		# shellcheck disable=SC2086
		mint $options
		attest
		refused "$want"
	done <<-END
		40 --without-rim driver
		41 --without-rim vbios
		44 --damaged driver
		44 --damaged vbios
		48 --wrong-version driver
		48 --wrong-version vbios
		49 --wrong-product driver
		47 --wrong-rows driver
		47 --wrong-rows vbios
		46 --expired-signer
	END
}

@test "revocation: missing, revoked, on hold, unknown, damaged, stale" {
	while read -r want options; do
		# shellcheck disable=SC2086
		mint $options
		attest
		refused "$want"
	done <<-END
		55 --without-ocsp
		55 --unanswered brom
		61 --revoked ica
		61 --revoked rim-signer
		62 --hold rim-l3
		63 --unknown identity
		60 --stale
	END
}

@test "stored revocation answers count only under the named loosening, and the token says so" {
	mint
	attest
	[ "$(jq '.claims[0]["x-nvidia-gpu-attestation-report-cert-chain"]["x-nvidia-cert-ocsp-nonce-matches"]' <<<"$output")" = false ]
	sed -i '/allow-ocsp-without-nonce/d' "$CONF"
	attest
	refused 59
	printf 'allow-ocsp-without-nonce = 2020-01-01\n' >>"$CONF"
	attest
	refused 59
}

@test "certificate hold: allowed until a date, and said" {
	POLICY="allow-certificate-hold = $(date -u -d '+2 days' +%F)" mint --hold rim-l3
	cgpu attest --output-dir "$BATS_TEST_TMPDIR/out"
	run cgpu token --format json --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/token.jwt"
	[ "$status" -eq 0 ]
	run cgpu token --device-root "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/out/token.jwt"
	[[ "$output" = *allow-certificate-hold* ]]
}

@test "policy: minimum versions, models, number of GPUs" {
	while read -r want line; do
		POLICY=$line mint
		attest
		refused "$want"
		[[ "$(jq -r .message <<<"$output")" = "${line%% *}: "*want* ]]
	done <<-END
		76 min-driver-version = 999
		77 min-vbios-version = FF
		78 hardware-models = B200
		79 gpu-count = 2
	END
	POLICY='min-driver-version = 1.2' mint
	attest
	[ "$status" -eq 0 ]
}

@test "selection by minor" {
	mint --gpus 3
	run cgpu attest --format json --gpus 1
	[ "$status" -eq 0 ]
	[ "$(jq '.claims | length' <<<"$output")" -eq 1 ]
	uuid=$(sed -n 's/^gpu 1 uuid //p' "$NODE/node/node.conf")
	run cgpu attest --gpus 1,2 --output-dir "$BATS_TEST_TMPDIR/out"
	[ "$status" -eq 0 ]
	[[ "$(grep GPUS "$BATS_TEST_TMPDIR/out/attestation.env")" = *"$uuid"* ]]
	run cgpu attest --format json --gpus 7
	refused 14
}

@test "a lost GPU refuses who asks for it and who asks for all, and nobody else" {
	mint --gpus 2
	fault 'at nvmlDeviceGetHandleByIndex_v2#2 return 15'
	run cgpu attest --format json --gpus 0
	[ "$status" -eq 0 ]
	run cgpu attest --format json --gpus 1
	refused 15
	run cgpu attest --format json
	refused 15
	[[ "$(jq -r .message <<<"$output")" == *"all GPUs are asked for"* ]]
	run cgpu status
	[ "$status" -eq 0 ]
	[[ "$output" == *"GPU-0: $(sed -n 's/^gpu 0 uuid //p' "$NODE/node/node.conf")"* ]]
	[[ "$output" == *"Not given by the driver library: "*"1 lost"* ]]
	[ "$(cgpu status --format json | jq .gpus_lost)" -eq 1 ]
}

@test "configuration: a file that others can write, an unknown key, are refused" {
	mint
	chmod 666 "$CONF"
	attest
	[ "$status" -eq 2 ]
	mint
	chmod 644 "$CONF"
	printf '[policy]\nprivilegd = deny\n' >"$CONF"
	attest
	[ "$status" -eq 2 ]
	[[ "$(jq -r .message <<<"$output")" = *"nearest known one is 'privileged'"* ]]
	run cgpu config check
	[ "$status" -eq 2 ]
	# Any container can name the image.
	printf '[exempt dcgm]\nimage-id = sha256:1\nbundle-root = /run/containers\n' >"$CONF"
	run cgpu config check
	[ "$status" -eq 2 ]
	[[ "$output" == *"[exempt dcgm] has no namespace"* ]]
}

@test "evidence: written whole, readable by verify, nonce as given" {
	mint --gpus 2
	run cgpu evidence --nonce "$HEX" --output "$BATS_TEST_TMPDIR/e.json"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.[1].nonce' "$BATS_TEST_TMPDIR/e.json")" = "$HEX" ]
	run cgpu verify --gpu-evidence-file "$BATS_TEST_TMPDIR/e.json" --nonce "$HEX" --device-root "$NODE/device-root.pem" \
		--rim-root "$NODE/rim-root.pem" --rim-dir "$NODE/rim" --ocsp-dir "$NODE/ocsp" --allow-ocsp-without-nonce
	[ "$status" -eq 0 ]
}

@test "status tells modes and identities" {
	mint --gpus 2
	run cgpu status
	[ "$status" -eq 0 ]
	[[ "$output" = *'CC status: ON'* ]]
	run cgpu status --format json
	[ "$(jq -r '.gpus[1].minor' <<<"$output")" = 1 ]
	[ "$(jq -r .environment <<<"$output")" = production ]
}

@test "explain knows every code by number and name" {
	run cgpu explain 75
	[ "$status" -eq 0 ]
	[[ "$output" = *measurement-mismatch* ]]
	run cgpu explain ocsp-stale
	[[ "$output" = *' 60 '* ]]
	run cgpu explain 250
	[ "$status" -eq 2 ]
	run cgpu explain --format json
	[ "$(jq length <<<"$output")" -gt 60 ]
}

@test "explain says how NVIDIA's tools call it, and nothing where they do not" {
	local code nvattest cc_admin rows=0
	while IFS='|' read -r code nvattest cc_admin; do
		run cgpu explain --format json "$code"
		echo "$output"
		[ "$(jq -r '.[0] | "\(.nvattest)|\(.cc_admin)"' <<<"$output")" = "$nvattest|$cc_admin" ]
		run cgpu explain "$code"
		[ "$(grep -c '^     cc_admin: ' <<<"$output")" -eq "$([ -z "$cc_admin" ] && echo 0 || echo 1)" ]
		[ "$(grep -c '^     nvattest: ' <<<"$output")" -eq "$([ -z "$nvattest" ] && echo 0 || echo 1)" ]
		rows=$((rows + 1))
	done <<-'END'
	ok|0|exit status 0
	driver-untrusted||
	protected-pcie||refuses such systems
	device-chain-expired|802|x-nvidia-gpu-attestation-report-cert-chain: x-nvidia-cert-status expired
	report-signature|508|x-nvidia-gpu-attestation-report-signature-verified false
	nonce-mismatch|504|x-nvidia-gpu-attestation-report-nonce-match false
	driver-rim-missing|104|x-nvidia-gpu-driver-rim-fetched false
	vbios-rim-missing|104|x-nvidia-gpu-vbios-rim-fetched false
	rim-conflict|108|x-nvidia-gpu-vbios-index-no-conflict false
	ocsp-unknown|204|x-nvidia-cert-ocsp-status unknown
	ocsp-stale||
	measurement-mismatch|12|measres fail
	driver-version|11|
	END
	[ $rows -eq 13 ]
}

@test "no worker is left behind" {
	mint
	attest
	[ "$status" -eq 0 ]
	run pgrep -f "$ROOT/libexec/cgpu/"
	[ "$status" -eq 1 ]
}
