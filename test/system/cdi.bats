#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Specifications that cgpu-cdi makes, in the hands of podman; the hooks directory is empty, CDI is the only layer.

load helpers

CDI=/opt/cgpu/bin/cgpu-cdi
DRIVER=/run/test/driver
# The version that the emulated driver tells.
version() { "$CGPU" status --format json | jq -r .driver_version; }

setup_file() {
	system_setup
	mkdir -p /run/test/none $DRIVER/usr/bin $DRIVER/usr/lib/x86_64-linux-gnu
	mint_gpus "$EMULATED" --gpus 2
	use_gpus "$EMULATED"
	make_nodes
	register_driver
	import_image plain
	local i
	mkdir -p /dev/nvidia-caps /dev/dri
	mknod /dev/nvidia1 c 195 1
	mknod /dev/nvidia-modeset c 195 254
	mknod /dev/nvidia-uvm c 509 0
	mknod /dev/nvidia-uvm-tools c 509 1
	for i in 12 13 21 22; do mknod /dev/nvidia-caps/nvidia-cap$i c 510 $i; done
	for i in 0 1; do
		mknod /dev/dri/card$i c 226 $i
		mknod /dev/dri/renderD$((128 + i)) c 226 $((128 + i))
	done
	"$BATS_TEST_DIRNAME/../cdi-specs.sh" /run/test/specs
	# As with nvidia-ctk --driver-root.
	sed -i -E "s#(hostPath|path)(\"?: ?\"?)/(usr|lib|run)/#\1\2$DRIVER/\3/#g" /run/test/specs/*
	# The hooks of the vendor read their input: older crun takes it for a failure if nobody does.
	while read -r path; do
		mkdir -p "${path%/*}"
		printf '#!/bin/sh\ncat >/dev/null\n' >"$path"
		chmod 755 "$path"
	done < <(grep -ohE "$DRIVER/[^\", ]*" /run/test/specs/* | sort -u)
}

setup() {
	system_setup
	rm -rf /etc/cdi/* /run/cdi/* "$EMULATED"/node/faults.conf
}

# attested RUNTIME DEVICE: it starts, the hook was called once, by CDI, and the variable leads to the result.
attested() {
	local count
	count=$(audit_lines)
	# shellcheck disable=SC2016
	run podman --hooks-dir /run/test/none --runtime "$1" run --rm --network none --device "$2" plain \
		sh -c '. "$CGPU_ATTESTATION_ENV_FILE"; echo "$CGPU_ATTESTATION_RESULT"; grep -c " /run/cgpu " /proc/self/mountinfo'
	echo "$1 $2: $output"
	[ "$status" -eq 0 ]
	[ "$output" = $'pass\n1' ]
	[ $(($(audit_lines) - count)) -eq 1 ]
	tail -1 "$AUDIT" | grep -F '"caller":"cdi"'
}

# coherent.yaml is too new for some engines, which take its kind for no device or do not know 0.7.0: they give nothing then.
@test "the vendor's specifications, guarded: podman loads them, every device is attested" {
	for file in index.yaml uuid.yaml mig.yaml anchors.yaml index.json; do
		$CDI guard --output "/etc/cdi/$file" "/run/test/specs/$file"
		$CDI check
		attested runc nvidia.com/gpu=all
		attested crun "$($CDI list --format json | jq -r '.devices[0].device')"
		rm "/etc/cdi/$file"
	done
	$CDI guard --output /etc/cdi/coherent.yaml /run/test/specs/coherent.yaml
	run $CDI check
	echo "$output"
	[ "$status" -eq 0 ] || [ "$status" -eq 241 ]
	run start runc --rm --device nvidia.com/gpu.coherent=all plain cat /run/cgpu/token.jwt
	echo "$output"
	if [ "$status" -eq 0 ]; then
		[[ $output == *eyJ* ]]
	else
		[[ $output == *'unresolvable CDI devices'* || $output == *'stat nvidia.com/gpu.coherent=all'* ]]
	fi
}

@test "a GPU that fails is refused" {
	$CDI guard --output /run/cdi/nvidia.yaml /run/test/specs/index.yaml
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		run podman --hooks-dir /run/test/none --runtime $runtime run --rm --network none --device nvidia.com/gpu=0 plain true
		echo "$output"
		[ "$status" -eq 126 ]
		[[ $output == *'(exit code: 20)'* || $output == *'exit status 20'* ]]
	done
}

@test "without the program of the hook, CDI refuses where the definition is skipped; check tells" {
	$CDI guard --output /etc/cdi/nvidia.yaml /run/test/specs/index.yaml
	mv "$HOOK" "$HOOK.away"
	run $CDI check
	local code=$status findings=$output
	for runtime in runc crun; do
		if start $runtime --rm --device nvidia.com/gpu=0 plain true 2>"$BATS_TEST_TMPDIR/message"; then
			code=started
		fi
		cat "$BATS_TEST_TMPDIR/message"
	done
	mv "$HOOK.away" "$HOOK"
	echo "$findings"
	[ "$code" = 119 ]
	[[ $findings == *"/etc/cdi/nvidia.yaml: cdi-missing: hook $HOOK: ENOENT"* ]]
	[[ $findings == *"hooks-program: program $HOOK: ENOENT"* ]]
}

@test "without the gate in the specification, the definition attests; check tells" {
	cp /run/test/specs/index.yaml /etc/cdi/nvidia.yaml
	run $CDI check
	echo "$output"
	[ "$status" -eq 120 ]
	[[ $output == *'hook definition: stands'* ]]
	for runtime in runc crun; do
		run start $runtime --rm --device nvidia.com/gpu=0 plain cat /run/cgpu/token.jwt
		[ "$status" -eq 0 ]
		[[ $output == eyJ* ]]
		tail -1 "$AUDIT" | grep -F '"caller":"hooks.d"'
	done
}

# run_unit FILE: its commands, one after the other, as systemd would start them.
run_unit() {
	local command
	while read -r command; do
		$command
	done < <(sed -nE 's/^ExecStart(Post)?=//p' "/opt/cgpu/lib/systemd/system/$1")
}

# The vendor's unit cannot run here; what its drop-in and our own unit start can.
@test "units: a specification that is written again is gated again" {
	local place folder=/opt/cgpu/lib/systemd/system
	place=$(sed -nE 's/^Environment=NVIDIA_CTK_CDI_OUTPUT_FILE_PATH=//p' $folder/nvidia-cdi-refresh.service.d/50-cgpu.conf)
	[ -d "${place%/*}" ]
	for name in index uuid; do
		cp /run/test/specs/$name.yaml "$place"
		run_unit nvidia-cdi-refresh.service.d/50-cgpu.conf
		$CDI check
		# But for the ID, which is random.
		$CDI guard /run/test/specs/$name.yaml | sed 's/--cdi=[0-9a-f]*/--cdi=ID/' |
			cmp - <(sed 's/--cdi=[0-9a-f]*/--cdi=ID/' /run/cdi/nvidia.yaml)
		attested crun nvidia.com/gpu=all
	done
	# The device plugin's files appear where engines read.
	sed s,nvidia.com/gpu,k8s.device-plugin.nvidia.com/gpu, /run/test/specs/uuid.yaml \
		>/run/cdi/k8s.device-plugin.nvidia.com-gpu.yaml
	cp /run/test/specs/mig.yaml /etc/cdi/nvidia-mig.yaml
	sed -i s,nvidia.com/gpu,nvidia.com/mig, /etc/cdi/nvidia-mig.yaml
	run $CDI check
	[ "$status" -eq 120 ]
	run_unit cgpu-cdi.service
	$CDI check
	attested runc k8s.device-plugin.nvidia.com/gpu=all
	stat -c '%n %i %y' /run/cdi /run/cdi/* /etc/cdi /etc/cdi/* >/run/test/stamps
	run run_unit cgpu-cdi.service
	[ -z "$output" ]
	run run_unit nvidia-cdi-refresh.service.d/50-cgpu.conf
	[ -z "$output" ]
	stat -c '%n %i %y' /run/cdi /run/cdi/* /etc/cdi /etc/cdi/* | cmp - /run/test/stamps
	rm "$place"
}

@test "check: an ungated device of the default directories, a stronger one, a conflict; podman does as check says" {
	cp /run/test/specs/index.yaml /etc/cdi/nvidia.yaml
	run $CDI check
	[ "$status" -eq 120 ]
	run podman --hooks-dir /run/test/none --runtime crun run --rm --network none --device nvidia.com/gpu=0 plain ls /run
	[ "$status" -eq 0 ]
	[[ $output != *cgpu* ]]
	$CDI guard --output /run/cdi/nvidia.yaml /etc/cdi/nvidia.yaml
	run $CDI check
	[ "$status" -eq 125 ]
	attested crun nvidia.com/gpu=0
	cp /run/cdi/nvidia.yaml /run/cdi/more.yaml
	run $CDI check
	[ "$status" -eq 122 ]
	run start crun --rm --device nvidia.com/gpu=0 plain true
	[ "$status" -ne 0 ]
	[[ $output == *unresolvable* ]]
}

# The strictness is ours: what an engine would take is refused before it can be misread.
@test "members of other spelling are refused" {
	sed 's/^containerEdits:/ContainerEdits:/' /run/test/specs/index.yaml >/etc/cdi/nvidia.yaml
	run $CDI guard /etc/cdi/nvidia.yaml
	[ "$status" -eq 121 ]
	run $CDI check
	[ "$status" -eq 121 ]
}

@test "generate: a specification of our own, without a hook in the container's namespaces" {
	local version library=$DRIVER/own/usr/lib/x86_64-linux-gnu name
	[ "$(uname -m)" = x86_64 ] || library=$DRIVER/own/usr/lib/$(uname -m)-linux-gnu
	version=$(version)
	mkdir -p "$library" $DRIVER/own/usr/bin "$DRIVER/own/lib/firmware/nvidia/$version"
	for name in cuda nvidia-ml; do
		gcc -shared -nostdlib -o "$library/lib$name.so.$version" -Wl,-soname,lib$name.so.1 -x c /dev/null
	done
	cp "$(command -v busybox)" $DRIVER/own/usr/bin/nvidia-smi
	echo x >"$DRIVER/own/lib/firmware/nvidia/$version/gsp_ga10x.bin"
	$CDI generate --driver-root $DRIVER/own --output /run/cdi/nvidia.yaml
	cat /run/cdi/nvidia.yaml
	$CDI check
	[ "$(grep -c hookName: /run/cdi/nvidia.yaml)" -eq 1 ]
	$CDI guard /run/cdi/nvidia.yaml | cmp - /run/cdi/nvidia.yaml
	for runtime in runc crun; do
		attested $runtime nvidia.com/gpu=all
		attested $runtime nvidia.com/gpu=1
	done
	attested crun "nvidia.com/gpu=$("$CGPU" status --format json | jq -r '.gpus[1].uuid')"
	# shellcheck disable=SC2016
	run start crun --rm --device nvidia.com/gpu=0 plain sh -c 'ls $LD_LIBRARY_PATH /dev; nvidia-smi true; ls /lib/firmware/nvidia/*'
	echo "$output"
	[ "$status" -eq 0 ]
	for name in libcuda.so libcuda.so.1 libnvidia-ml.so.1 nvidia0 nvidiactl nvidia-uvm gsp_ga10x.bin; do
		grep -qx "$name" <<<"$output"
	done
	absent -x nvidia1 <<<"$output"
	umount /proc/devices
	run $CDI generate --driver-root $DRIVER/own
	register_driver
	[ "$status" -eq 12 ]
}
