#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Eight GPUs: the ones that a container gets are attested, and no others, by what the kernel's driver says of them.

load helpers

KERNEL=/proc/driver/nvidia/gpus

# gpu N KEY: what node.conf says of GPU N. Minors are shuffled against PCI addresses: GPU N is /dev/nvidia((N+3)%8).
gpu() {
	sed -n "s/^gpu $1 $2 //p" "$EMULATED/node/node.conf"
}

minor_of() {
	echo $((($1 + 3) % 8))
}

# What the kernel's driver says, on a file system of the node's: /proc/driver has no other user here.
write_kernel() {
	local n folder
	mountpoint -q /proc/driver || mount -t tmpfs -o mode=755 tmpfs /proc/driver
	for n in $(seq 0 7); do
		folder=$KERNEL/$(gpu "$n" pci | cut -c5-)
		mkdir -p "$folder"
		printf 'Model: \t\t NVIDIA H100\nIRQ:   \t\t 42\nGPU UUID: \t %s\nDevice Minor: \t %s\nGPU Excluded:\t No\n' \
			"$(gpu "$n" uuid)" "$(minor_of "$n")" >"$folder/information"
	done
}

# Devices by index, by UUID, and one part of GPU 1's.
write_devices() {
	local n minor
	{
		printf '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu",
			"containerEdits": {"deviceNodes": [{"path": "/dev/nvidiactl"}, {"path": "/dev/nvidia-uvm"}]}, "devices": ['
		for n in $(seq 0 7); do
			minor=$(minor_of "$n")
			[ -e "/dev/nvidia$minor" ] || mknod -m 666 "/dev/nvidia$minor" c 195 "$minor"
			for name in "$minor" "$(gpu "$n" uuid)"; do
				printf '{"name": "%s", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia%s"}]}},\n' "$name" "$minor"
			done
		done
		printf '{"name": "mig", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia-caps/nvidia-cap21"}]}},
			{"name": "mig-config", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia-caps/nvidia-cap1"}]}}]}\n'
	} >/etc/cdi/nvidia.json
	mkdir -p /dev/nvidia-caps /proc/driver/nvidia-caps
	[ -e /dev/nvidia-caps/nvidia-cap21 ] || mknod -m 666 /dev/nvidia-caps/nvidia-cap21 c 510 21
	[ -e /dev/nvidia-caps/nvidia-cap1 ] || mknod -m 666 /dev/nvidia-caps/nvidia-cap1 c 510 1
	printf 'config 1\nmonitor 2\ngpu%s/gi1/access 21\ngpu%s/gi1/ci0/access 22\n' "$(minor_of 1)" "$(minor_of 1)" \
		>/proc/driver/nvidia-caps/mig-minors
}

# A render node of GPU 6 in sysfs, as far as programs of this node see it.
write_render_node() {
	mkdir -p /run/test/pci /dev/dri
	mkdir -p "/run/test/pci/$(gpu 6 pci | cut -c5-)" /run/test/sys/226:128
	echo 0x10de >"/run/test/pci/$(gpu 6 pci | cut -c5-)/vendor"
	ln -sfn "/run/test/pci/$(gpu 6 pci | cut -c5-)" /run/test/sys/226:128/device
	mount --bind /run/test/sys /sys/dev/char
	[ -e /dev/dri/renderD128 ] || mknod -m 666 /dev/dri/renderD128 c 226 128
}

setup_file() {
	system_setup
	make_nodes
	register_driver
	mint_gpus "$EMULATED" --gpus 8
	use_gpus "$EMULATED"
	[ -e /dev/nvidia-uvm ] || mknod -m 666 /dev/nvidia-uvm c 509 0
	write_kernel
	write_devices
	import_image plain
}

setup() {
	system_setup
	write_kernel
	shuffled >"$EMULATED/node/faults.conf"
}

# The library agrees with the kernel.
shuffled() {
	local n
	for n in $(seq 0 7); do echo "gpu $n minor $(minor_of "$n")"; done
}

# One report only: at the second one the worker dies.
one_report() {
	echo 'at nvmlDeviceGetConfComputeGpuAttestationReport#2 abort' >>"$EMULATED/node/faults.conf"
}

# The N-th part of output between lines of dashes.
part() {
	awk -v want="$1" 'BEGIN { n = 1 } /^---$/ { n++; next } n == want' <<<"$output"
}

# attested N... -- ARGUMENT...: exactly these GPUs are in env file, token and evidence; sets output.
attested() {
	local n want='' uuids
	while [ "$1" != -- ]; do
		want+=${want:+,}$(gpu "$1" uuid)
		shift
	done
	shift
	run start "${RUNTIME:-runc}" --rm "$@" plain sh -c \
		'cat /run/cgpu/attestation.env; echo; echo ---; cat /run/cgpu/evidence.json; echo; echo ---; cat /run/cgpu/detached-eat.json'
	[ "$status" -eq 0 ] || echo "$output"
	[ "$status" -eq 0 ]
	[ "$(sed -n 's/^CGPU_ATTESTATION_GPUS=//p' <<<"$output")" = "$want" ]
	n=$(tr , '\n' <<<"$want" | wc -l)
	[ "$(part 2 | jq 'if type == "array" then length else .evidences | length end')" -eq "$n" ]
	uuids=$(part 3 | jq -r '.[1][]' | cut -d. -f2 | while read -r part; do
		tr _- /+ <<<"$part" | base64 -d 2>/dev/null | grep -o '"x-cgpu-gpu-uuid":"[^"]*"'
	done | cut -d'"' -f4 | paste -sd,)
	[ "$uuids" = "$want" ]
}

@test "=3 of eight: one report, of the GPU at its PCI address" {
	one_report
	# /dev/nvidia3 is the first one's.
	attested 0 -- --device nvidia.com/gpu=3
	RUNTIME=crun attested 0 -- --device nvidia.com/gpu=3
	[[ $(cat "$KERNEL/0000:41:00.0/information") == *"$(gpu 0 uuid)"*"Device Minor: "*3* ]]
	attested 0 -- --device "nvidia.com/gpu=$(gpu 0 uuid)"
	attested 5 -- --device /dev/nvidia0
	attested 5 -- -v /dev/nvidia0:/dev/nvidia7 --device-cgroup-rule 'c 195:0 rwm'
}

@test "another order of the library changes nothing" {
	echo 'order 6 2 7 0 5 1 3 4' >>"$EMULATED/node/faults.conf"
	one_report
	attested 0 -- --device nvidia.com/gpu=3
	attested 6 -- --device nvidia.com/gpu=1
}

@test "two and all: in the order of PCI addresses" {
	echo 'order 6 2 7 0 5 1 3 4' >>"$EMULATED/node/faults.conf"
	attested 0 4 -- --device nvidia.com/gpu=7 --device nvidia.com/gpu=3
	attested 0 1 2 3 4 5 6 7 -- --privileged
	attested 0 1 2 3 4 5 6 7 -- --device /dev/nvidiactl
}

@test "two containers with a GPU each have a token each" {
	local first
	attested 0 -- --device nvidia.com/gpu=3
	first=$(grep TOKEN= <<<"$output")
	attested 1 -- --device nvidia.com/gpu=4
	[ "$(grep TOKEN= <<<"$output")" != "$first" ]
}

@test "a part of a GPU and a render node: the GPU that they are of" {
	one_report
	attested 1 -- --device nvidia.com/gpu=mig
	write_render_node
	attested 6 -- --device /dev/dri/renderD128
	attested 6 -- -v /dev/dri/renderD128:/dev/dri/renderD129 --device-cgroup-rule 'c 226:128 rwm'
	umount /sys/dev/char
	shuffled >"$EMULATED/node/faults.conf"
	attested 0 1 2 3 4 5 6 7 -- --device nvidia.com/gpu=mig-config
}

@test "a minor that the kernel's driver does not confirm is refused" {
	# The library shows GPU 0 in the place of 2, and the other way round.
	printf 'gpu 0 minor %s\ngpu 2 minor %s\n' "$(minor_of 2)" "$(minor_of 0)" >>"$EMULATED/node/faults.conf"
	refused runc 18 --device nvidia.com/gpu=3 plain true
	[[ $output == *'0000:41:00.0'*"minor 3"*"minor 5"* ]]
	# None of the two is asked for: a library that lies is not believed at all.
	refused crun 18 --device nvidia.com/gpu=7 plain true
}

@test "a UUID that the kernel's driver does not confirm, and a GPU that it does not know, are refused" {
	sed -i "s/GPU-/GPU-0/" "$KERNEL/0000:44:00.0/information"
	refused runc 18 --device nvidia.com/gpu=3 plain true
	write_kernel
	rm -r "$KERNEL/0000:44:00.0"
	refused runc 18 --device nvidia.com/gpu=3 plain true
}

@test "two GPUs with one minor are refused" {
	echo 'gpu 0 minor 4' >>"$EMULATED/node/faults.conf"
	refused runc 18 --device nvidia.com/gpu=4 plain true
}

@test "a GPU that is not there is refused" {
	mknod -m 666 /dev/nvidia9 c 195 9
	refused runc 14 --device /dev/nvidia9 plain true
	refused crun 14 --device /dev/nvidia9 --device nvidia.com/gpu=3 plain true
	rm /dev/nvidia9
}
