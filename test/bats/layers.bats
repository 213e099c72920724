#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# layers.sh: each of its rules, broken in a copy of the sources.

SOURCES=$BATS_TEST_DIRNAME/../..

setup() {
	mkdir "$BATS_TEST_TMPDIR/tree"
	(cd "$SOURCES" && tar cf - lib spec attest hook cdi) | tar xf - -C "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree" || return
}

# FILE INCLUDED MESSAGE: with that include in that file, it alone is what layers.sh tells.
breaks() {
	mkdir -p "${1%/*}"
	[ ! -e "$1" ] || cp "$1" ../was
	printf '#include "%s"\n' "$2" >>"$1"
	run "$SOURCES/test/layers.sh" .
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "layers: $3"* ]]
	if [ -e ../was ]; then mv ../was "$1"; else rm "$1"; fi
}

@test "the sources keep the rules" {
	run "$SOURCES/test/layers.sh" .
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a top folder sees only those below it" {
	breaks lib/added.c spec/eat.h 'lib/added.c includes spec/eat.h: lib may include only: lib'
	breaks spec/added.c attest/steps.h 'spec/added.c includes attest/steps.h: spec may include only: lib spec'
	breaks attest/added.c hook/stage.h 'attest/added.c includes hook/stage.h: attest may include only: lib spec attest'
	breaks hook/added.c attest/steps.h 'hook/added.c includes attest/steps.h: hook may include only: lib spec hook'
	breaks cdi/added.c hook/stage.h 'cdi/added.c includes hook/stage.h: cdi may include only: lib spec cdi'
	breaks lib/added.h test/unit/unit.h 'lib/added.h includes test/unit/unit.h: lib may include only: lib'
}

@test "collect, fetch and quote see the line to the run and the kinds of collateral" {
	for worker in collect fetch quote; do
		breaks attest/$worker/added.c attest/steps.h "attest/$worker/added.c includes attest/steps.h: attest/$worker may include only"
		breaks attest/$worker/added.c attest/collateral/need.h "attest/$worker/added.c includes attest/collateral/need.h"
	done
}

@test "appraise sees no policy, no node, no cache and no fetcher" {
	for hidden in fetch/wire policy/conf node/place collateral/cache collateral/cache_record cmd/report doctor/finding; do
		breaks attest/appraise/added.c attest/$hidden.h "attest/appraise/added.c includes attest/$hidden.h: attest/appraise may not include"
	done
}

@test "only the run, the commands and the collateral's source see two workers" {
	printf '#include "attest/collect/wire.h"\n' >attest/token/added.c
	breaks attest/token/added.c attest/fetch/wire.h 'attest/token/added sees the workers collect fetch'
	rm attest/token/added.c
	for allowed in attest/run.c attest/cmd/added.c attest/collateral/added.c; do
		printf '#include "attest/%s/wire.h"\n' collect fetch appraise >>$allowed
		run "$SOURCES/test/layers.sh" .
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "no unit includes itself by way of others" {
	printf '#include "lib/added_b.h"\n' >lib/added_a.c
	breaks lib/added_b.h lib/added_a.h 'units that include each other: lib/added_a lib/added_b'
	rm lib/added_a.c
	printf '#include "attest/added_b.h"\n' >attest/added_a.h
	printf '#include "attest/added_c.h"\n' >attest/added_b.c
	breaks attest/added_c.c attest/added_a.h 'units that include each other: attest/added_a attest/added_b attest/added_c'
	rm attest/added_a.h attest/added_b.c
}
