#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The walks of cgpu-token(7): every command of the page is typed as it stands there, against a result of the emulated machine.

load helpers

setup() {
	PATH=$PATH:/usr/sbin command -v basenc >/dev/null || skip 'no basenc'
	mint
	cgpu attest --challenge of-the-client --container-id c1 --config-file "$CONF" --output-dir "$NODE/result"
	cp -r "$NODE"/{device-root.pem,rim-root.pem,rim,ocsp} "$NODE/result"
	cd "$NODE/result" || return
}

# typed SECTION: its commands, of one shell, that stops at the first one that fails.
typed() {
	awk -v start=".Sh $1" '/^\.Sh / { inside = $0 == start } /^\.Bd/ { display = inside } /^\.Ed/ { display = 0 }
		display && !/^\.Bd/' "$BATS_TEST_DIRNAME/../../man/cgpu-token.7" | sed -e 's/^\$ //' -e 's/\\e/\\/g' >typed.sh
	[ "$(grep -c . typed.sh)" -gt 5 ]
	run bash -euxo pipefail typed.sh
	echo "$output"
}

# changed FILE JQ-FILTER
changed() {
	jq -c "$2" "$1" >other
	cat other >"$1"
}

without='WITHOUT THIS PROJECT'"'"'S CODE'

@test "with cgpu" {
	chmod u+w ./*
	typed 'WITH CGPU'
	[ "$status" -eq 0 ]
	[[ $output == *"token-anchor             evidence -> nonce -> key -> token"* ]]
	[[ $output == *$'\nc1\n'* ]]
	[ "$(grep -c 'result: pass' <<<"$output")" -eq 2 ]
}

@test "without" {
	typed "$without"
	[ "$status" -eq 0 ]
	[[ $output == *'leaf.pem: OK'* ]]
	[ "$(grep -c 'Verified OK' <<<"$output")" -eq 2 ]
	[ "${lines[-1]}" = success ]
}

@test "without: another container, challenge, key, report or root is seen" {
	chmod u+w ./*
	cgpu attest --challenge of-the-client --container-id c2 --config-file "$CONF" --output-dir other-run
	for file in token.jwt jwks.json evidence.json detached-eat.json; do
		cp "$file" kept
		cat "other-run/$file" >"$file"
		typed "$without"
		[ "$status" -ne 0 ]
		cat kept >"$file"
	done
	cgpu attest --challenge another --container-id c1 --config-file "$CONF" --output-dir other-challenge
	cp other-challenge/* .
	typed "$without"
	[ "$status" -ne 0 ]
	[[ ${lines[-1]} == *"'['"* ]] || [[ ${lines[-1]} == *'['* ]]
	"$EMULATOR/mint" --library "$EMULATOR/libnvidia-ml.so.1" other-node
	cp other-node/device-root.pem .
	typed "$without"
	[ "$status" -ne 0 ]
	[[ $output != *'leaf.pem: OK'* ]]
}
