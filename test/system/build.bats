#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Steps of podman build and buildah: a RUN is a container of its own, and gets its GPU, if any, like one.

load helpers

DEFINITIONS=/opt/cgpu/share/containers/oci/hooks.d
USUAL=/usr/share/containers/oci/hooks.d

# Builders read no hooks_dir of containers.conf, only --hooks-dir and the usual place, which is a folder of this node's here.
setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	write_spec
	import_image plain
	mkdir -p /run/test/usual /run/test/context /run/test/none
	cp -a /usr/share/containers/. /run/test/usual
	mkdir -p /run/test/usual/oci/hooks.d
	mount --bind /run/test/usual /usr/share/containers
	cp $DEFINITIONS/*.json $USUAL
	# shellcheck disable=SC2016 # for the step's shell
	printf '%s\n' 'FROM localhost/plain' \
		'RUN grep -c " /run/cgpu " /proc/self/mountinfo; cat /run/cgpu/attestation.env 2>/dev/null; true' >/run/test/context/Containerfile
}

setup() {
	system_setup
}

teardown() {
	rm -f "$EMULATED/node/faults.conf"
}

# builds RUNTIME OPTION...: a build of two lines, with the result of its step in output.
builds() {
	local runtime=$1
	shift
	run podman --runtime "$runtime" build --no-cache --network none "$@" /run/test/context
	echo "${output:0:2000}"
}

@test "a step without GPU: nothing is asked" {
	local count runtime
	count=$(audit_lines)
	for runtime in runc crun; do
		builds $runtime
		[ "$status" -eq 0 ]
		[[ $output != *CGPU_* ]]
	done
	[ "$(audit_lines)" -eq "$count" ]
}

@test "a step with the node: attested, and nothing of it in the image" {
	local count runtime
	for runtime in runc crun; do
		count=$(audit_lines)
		builds $runtime --device /dev/nvidia0 -t built
		[ "$status" -eq 0 ]
		[[ $output == *CGPU_ATTESTATION_RESULT=pass* ]]
		[ $(($(audit_lines) - count)) -eq 1 ]
		run start $runtime --rm built ls -A /run/cgpu
		[[ $output != *token* ]]
	done
	podman rmi -f built >/dev/null
}

@test "a step with the node, and a GPU that fails: the build fails with the code; a mount that no rule allows gives nothing" {
	local runtime
	echo 'cc-feature 0' >"$EMULATED/node/faults.conf"
	for runtime in runc crun; do
		builds $runtime --device /dev/nvidia0
		[ "$status" -ne 0 ]
		[[ $output == *'exit status 20'* || $output == *'exit code: 20'* || $output == *'code 20]'* ]]
		builds $runtime -v /dev/nvidia0:/dev/nvidia0
		[ "$status" -eq 0 ]
		[[ $output != *CGPU_ATTESTATION* ]]
	done
}

# Builders of before 2023 know no CDI devices; those after fail by themselves for root, with device nodes.
@test "a CDI device: attested, or refused by the builder itself" {
	write_spec '"hooks": [{"hookName": "createRuntime", "path": "'"$HOOK"'", "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"]}]'
	local runtime
	for runtime in runc crun; do
		builds $runtime --hooks-dir /run/test/none --device nvidia.com/gpu=0
		[ "$status" -ne 0 ] || [[ $output == *CGPU_ATTESTATION_RESULT=pass* ]]
	done
	write_spec
}

# As documented: no runtime, no hooks. The gate sees nothing of such a step.
@test "not enforced: --isolation chroot, and another hooks directory" {
	local count
	count=$(audit_lines)
	run podman build --no-cache --isolation chroot --network host --device /dev/nvidia0 /run/test/context
	echo "$output"
	[[ $output != *CGPU_* ]]
	builds runc --hooks-dir /run/test/none --device /dev/nvidia0
	[ "$status" -eq 0 ]
	[[ $output != *CGPU_* ]]
	[ "$(audit_lines)" -eq "$count" ]
}
