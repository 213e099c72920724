#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two layers call the hook: the engine's hooks.d and a CDI specification. Either alone is enough, both together attest once.

load helpers

# shellcheck disable=SC2016
CALL='"hooks": [{"hookName": "createRuntime", "path": "PATH", "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"]}]'

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	UUID=$("$CGPU" status --format json | jq -r '.gpus[0].uuid')
	export UUID
	import_image plain
	mkdir -p /run/test/none
}

setup() {
	system_setup
	rm -rf /run/test/look-alike "$EMULATED"/node/faults.conf
	write_spec "${CALL/PATH/$HOOK}"
}

# attested_once CALLER PODMAN-OPTION... -- ARGUMENT...: one attestation, for CALLER, and one mount.
attested_once() {
	local caller=$1 runtime options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	for runtime in runc crun; do
		attested_by "$caller" podman "${options[@]}" --runtime $runtime run --rm --network none "$@" plain sh -c "$RESULT"
	done
}

# each_device CALLER PODMAN-OPTION...: the same for all GPUs, one by its index, and one by its UUID.
each_device() {
	local name
	for name in all 0 "$UUID"; do
		attested_once "$@" -- --device "nvidia.com/gpu=$name"
	done
}

@test "both layers: attested once, by the CDI call" {
	each_device cdi
}

@test "a GPU that fails is refused once: by both layers, by CDI alone, by hooks.d alone" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		refused_by 20 126 start $runtime --rm --device "nvidia.com/gpu=$UUID" plain true
		refused_by 20 126 podman --hooks-dir /run/test/none --runtime $runtime run --rm --network none \
			--device nvidia.com/gpu=0 plain true
	done
	write_spec
	for runtime in runc crun; do
		refused_by 20 126 start $runtime --rm --device nvidia.com/gpu=all plain true
	done
}

@test "CDI alone" {
	each_device cdi --hooks-dir /run/test/none
}

@test "hooks.d alone" {
	write_spec
	each_device hooks.d
	write_spec "${CALL/PATH/$HOOK}"
	attested_once hooks.d -- --device /dev/nvidia0
}

# A specification that names no node at all: that it was asked for is enough.
@test "CDI alone, without a node" {
	cat >/etc/cdi/other.json <<-END
	{"cdiVersion": "0.5.0", "kind": "example.com/gate", "devices": [{"name": "all", "containerEdits": {${CALL/PATH/$HOOK}}}]}
	END
	attested_once cdi -- --device example.com/gate=all
	rm /etc/cdi/other.json
}

@test "a program that only looks like the hook does not stand in for it" {
	mkdir -p /run/test/look-alike
	cp /bin/true /run/test/look-alike/cgpu-hook
	write_spec "${CALL/PATH//run/test/look-alike/cgpu-hook}"
	attested_once hooks.d -- --device nvidia.com/gpu=all
}

@test "other arguments or another stage do not count as the call" {
	for call in "${CALL/, \"--cdi\"/, \"--cdi\", \"--version\"}" "${CALL/\"createRuntime\", \"--cdi\"/\"--version\"}" \
		"${CALL/createRuntime/poststop}"; do
		write_spec "${call/PATH/$HOOK}"
		for runtime in runc crun; do
			count=$(audit_lines)
			run start $runtime --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
			echo "$output"
			# Attested by the hooks.d call, or refused by one of the two; never started without.
			[ "$status" -ne 0 ] || [[ $output == *eyJ* ]]
			[ "$(audit_lines)" -gt "$count" ]
		done
	done
}

@test "the hook at a stage of the container's is refused" {
	call=${CALL/createRuntime/createContainer}
	write_spec "${call/PATH/$HOOK}"
	for runtime in runc crun; do
		run start $runtime --rm --device nvidia.com/gpu=all plain true
		echo "$output"
		[ "$status" -ne 0 ]
	done
}

@test "annotations and variables gain nothing" {
	write_spec
	attested_once hooks.d -- --device nvidia.com/gpu=all --annotation cdi.k8s.io/cgpu=example.com/gate=all \
		--annotation org.cgpu.attested=true --annotation "$HOOK=createRuntime --cdi" -e CGPU_CDI=1 --label cgpu=exempt
}
