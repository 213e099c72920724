#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What mint makes, judged by programs that are not ours: a mistake that maker and verifier share would show here.

load helpers

@test "manifests: xmlsec1 accepts them under their root, and not when damaged" {
	command -v xmlsec1 >/dev/null || skip 'no xmlsec1'
	for arch in hopper blackwell; do
		mint --arch $arch
		for file in "$NODE"/rim/*.xml; do
			run xmlsec1 --verify --trusted-pem "$NODE/rim-root.pem" "$file"
			[ "$status" -eq 0 ]
		done
	done
	mint --damaged driver
	run xmlsec1 --verify --trusted-pem "$NODE/rim-root.pem" "$NODE"/rim/NV_GPU_DRIVER_*.xml
	[ "$status" -ne 0 ]
}

# Certificates of a chain as $BATS_TEST_TMPDIR/cert.0 and so on, leaf first.
split() {
	awk -v name="$BATS_TEST_TMPDIR/cert." '/BEGIN/ { n++ } { print > (name n - 1) }' "$1"
}

@test "device chains and revocation answers: openssl accepts them" {
	cd "$BATS_TEST_TMPDIR"
	for arch in hopper blackwell; do
		mint --arch $arch
		split "$NODE/node/gpu0.pem"
		cmp cert.4 "$NODE/device-root.pem"
		cat cert.1 cert.2 cert.3 >upper.pem
		run openssl verify -x509_strict -CAfile "$NODE/device-root.pem" -untrusted upper.pem cert.0
		[ "$status" -eq 0 ]
		for i in 1 2 3; do
			serial=$(openssl x509 -in cert.$i -noout -serial | cut -d= -f2 | tr A-F a-f)
			run openssl ocsp -issuer cert.$((i + 1)) -cert cert.$i -respin "$NODE"/ocsp/*-"$serial".der -no_nonce \
				-CAfile "$NODE/device-root.pem" -verify_other upper.pem
			[[ "$output" == *'Response verify OK'*": good"* ]]
		done
	done
}

@test "keys are fresh at each run" {
	mint
	cp "$NODE/device-root.pem" "$NODE/node/gpu0.key" "$BATS_TEST_TMPDIR"
	mint
	run cmp "$NODE/device-root.pem" "$BATS_TEST_TMPDIR/device-root.pem"
	[ "$status" -ne 0 ]
	run cmp "$NODE/node/gpu0.key" "$BATS_TEST_TMPDIR/gpu0.key"
	[ "$status" -ne 0 ]
}
