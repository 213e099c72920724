#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu verify` on NVIDIA's public evidence (shared samples) and on evidence minted here.

load helpers

setup() {
	S="$SAMPLES/gpu"
}

need_samples() {
	[ -d "$S" ] || skip "the shared samples are missing"
}

@test "genuine report 550.90.07: chain, signature, nonce, firmware id" {
	need_samples
	run cgpu verify --format json --report "$S/nvtrust/hopperAttestationReport.txt" --chain "$S/nvtrust/hopperCertChain.txt" \
		--nonce 931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb
	[ "$status" -eq 40 ] && [ "$(code)" = 40 ]
	for name in device-chain report-signature report-format nonce architecture firmware-id; do
		[[ "$(step GPU-0 $name)" = ok* ]]
	done
	[[ "$(step GPU-0 driver-rim)" = *NV_GPU_DRIVER_GH100_550.90.07* ]]
	[[ "$(step GPU-0 vbios-rim)" = *NV_GPU_VBIOS_1010_0200_882_96009F0001* ]]
}

@test "genuine report 535.86.09: firmware id absent, and said so" {
	need_samples
	run cgpu verify --format json --report "$S/sdk/hopperAttestationReport_535.86.09.txt" \
		--chain "$S/sdk/hopperCertChain_535.86.09.txt" \
		--nonce 27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66
	[ "$status" -eq 40 ]
	[[ "$(step GPU-0 report-signature)" = ok* ]]
	[[ "$(step GPU-0 firmware-id)" = ok*"has none"* ]]
}

@test "genuine evidence JSON 590.12 verifies up to its manifests" {
	need_samples
	run cgpu verify --format json --gpu-evidence-file "$S/sdk/hopper_evidence.json" \
		--nonce e97b23a1718095a0e9e35edca810768c70a6a5a389b705e753b197912bc11576
	[ "$status" -eq 40 ]
	for name in device-chain report-signature report-format nonce architecture firmware-id; do
		[[ "$(step GPU-0 $name)" = ok* ]]
	done
}

@test "another nonce is refused with its code" {
	need_samples
	run cgpu verify --format json --gpu-evidence-file "$S/sdk/hopper_evidence.json" \
		--nonce 0000000000000000000000000000000000000000000000000000000000000000
	[ "$status" -eq 37 ]
}

@test "535.86.09 with the production VBIOS manifest: all VBIOS rows match, the driver manifest is missing" {
	need_samples
	run cgpu verify --format json --report "$S/sdk/hopperAttestationReport_535.86.09.txt" \
		--chain "$S/sdk/hopperCertChain_535.86.09.txt" --at 2024-12-31T00:00:00Z \
		--vbios-rim "$S/nvtrust/1010_0200_882_96005E0001_PROD.swidtag"
	[ "$status" -eq 40 ]
	for name in vbios-rim vbios-rim-chain vbios-rim-signature vbios-rim-content vbios-rim-version; do
		[[ "$(step GPU-0 $name)" = ok* ]]
	done
	[[ "$(step GPU-0 driver-rim)" = fail* ]]
	[ "$(jq '.claims[0]["x-nvidia-mismatch-measurement-records"] // [] | length' <<<"$output")" -eq 0 ]
}

@test "test manifests: version mismatch and exactly the published measurement mismatches" {
	need_samples
	run cgpu verify --format json --report "$S/sdk/hopperAttestationReport_535.86.09.txt" \
		--chain "$S/sdk/hopperCertChain_535.86.09.txt" --at 2024-12-31T00:00:00Z \
		--driver-rim "$S/nvtrust/Driver_RIM_test_no_gpu.swidtag" \
		--vbios-rim "$S/nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag"
	[ "$status" -eq 48 ]
	[[ "$(step GPU-0 driver-rim-version)" = fail* ]]
	[[ "$(step GPU-0 vbios-rim-version)" = ok* ]]
	[ "$(jq -c '[.claims[0]["x-nvidia-mismatch-measurement-records"][] | select(.measurementSource == "Driver").index]' \
		<<<"$output")" = '[7,21,22,25,29,30,31,34,39,40]' ]
	[ "$(jq -c '[.claims[0]["x-nvidia-mismatch-measurement-records"][] | select(.measurementSource == "Firmware").index]' \
		<<<"$output")" = '[1,2,3,9]' ]
}

@test "damaged manifest is refused with the signature code" {
	need_samples
	run cgpu verify --format json --report "$S/nvtrust/hopperAttestationReport.txt" --chain "$S/nvtrust/hopperCertChain.txt" \
		--at 2025-06-01T00:00:00Z --driver-rim "$S/sdk/incorrect_signature_driver_rim.xml"
	[ "$status" -eq 44 ]
}

@test "expired signers are refused now and accepted at their time" {
	need_samples
	run cgpu verify --format json --report "$S/sdk/hopperAttestationReport_535.86.09.txt" \
		--chain "$S/sdk/hopperCertChain_535.86.09.txt" --at 2026-11-23T00:00:00Z \
		--vbios-rim "$S/nvtrust/1010_0200_882_96005E0001_PROD.swidtag"
	[[ "$(step GPU-0 vbios-rim-chain)" = fail* ]]
	[ "$(jq '.steps[] | select(.step == "vbios-rim-chain").code' <<<"$output")" -eq 46 ]
	run cgpu verify --format json --report "$S/sdk/hopperAttestationReport_535.86.09.txt" \
		--chain "$S/sdk/hopperCertChain_535.86.09.txt" --at 2024-12-31T00:00:00Z \
		--vbios-rim "$S/nvtrust/1010_0200_882_96005E0001_PROD.swidtag"
	[[ "$(step GPU-0 vbios-rim-chain)" = ok* ]]
}

@test "usage errors are one line, code 2, also as JSON" {
	for args in '' '--report /dev/null' '--nonce 12 --gpu-evidence-file /dev/null' '--at yesterday' '--verifier remote' '--frobnicate' \
		'--format xml' '--gpu-evidence-file /nonexistent'; do
		# shellcheck disable=SC2086
		run cgpu verify $args
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" = cgpu:*'[usage, code 2]' ]]
	done
	run cgpu verify --format json --gpu-evidence-file /nonexistent
	[ "$status" -eq 2 ]
	[ "$(jq -r .result <<<"$output")" = refuse ]
	[[ "$(jq -r .message <<<"$output")" = *ENOENT* ]]
}

@test "evidence that is no evidence has its own code" {
	printf '{}' >"$BATS_TEST_TMPDIR/a"
	run cgpu verify --gpu-evidence-file "$BATS_TEST_TMPDIR/a"
	[ "$status" -eq 30 ]
	printf 'zz' >"$BATS_TEST_TMPDIR/b"
	run cgpu verify --report "$BATS_TEST_TMPDIR/b" --chain "$BATS_TEST_TMPDIR/b"
	[ "$status" -eq 30 ]
}
