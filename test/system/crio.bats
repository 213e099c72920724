#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bundles as CRI-O writes them, in the hands of runc and crun with the environment that CRI-O gives: annotations, order of the
# hooks, devices and rules as seen on CRI-O 1.33 with either runtime. CRI-O itself is not in Debian.

load helpers

STORAGE=/run/containers/storage
ROOTFS=/run/test/rootfs
CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/crio.conf
POD=2f1c6e4ab0d94c5e8a7b3d2f1c6e4ab0d94c5e8a7b3d2f1c6e4ab0d94c5e8a7b

setup_file() {
	system_setup
	mint_gpus "$EMULATED" --gpus 2
	use_gpus "$EMULATED"
	make_nodes
	mknod -m 666 /dev/nvidia1 c 195 1
	register_driver
	import_image plain
	mkdir -p $ROOTFS
	podman export "$(podman create plain true)" | tar -C $ROOTFS -x
	(cd /run/test && runc spec)
}

setup() {
	system_setup
	rm -f "$EMULATED"/node/faults.conf "$CONF"
	BUNDLE=
}

# shellcheck disable=SC2016 # jq's
{
CDI='{"path": $hook, "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"], "timeout": 30}'
HOOKS_D='{"path": $hook, "args": ["cgpu-hook", "createRuntime"], "env": ["LC_ALL=C"], "timeout": 30}'
# A definition for prestart: CRI-O puts it into createRuntime, with the arguments that it had.
PRESTART='{"path": $hook, "args": ["cgpu-hook", "prestart"], "env": ["LC_ALL=C"], "timeout": 30}'
}

# write_bundle ID HOOKS [EDIT]: the bundle of container ID, below $ROOT_OF_CRI or CRI-O's own folder.
write_bundle() {
	BUNDLE=${ROOT_OF_CRI-$STORAGE}/overlay-containers/$1/userdata
	mkdir -p "$BUNDLE"
	jq --arg hook "$HOOK" --arg script "$RESULT" --arg id "$1" --arg pod $POD --arg rootfs $ROOTFS '
		.process.terminal = false | .process.rlimits = [] | .process.args = ["sh", "-c", $script] |
		.root = {"path": $rootfs, "readonly": false} |
		.linux.devices = [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0},
			{"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}] |
		.linux.resources.devices = [{"allow": false, "access": "rwm"},
			{"allow": true, "type": "c", "major": 195, "minor": 0, "access": "rwm"},
			{"allow": true, "type": "c", "major": 195, "minor": 255, "access": "rwm"}] |
		.hooks.createRuntime = ['"$2"'] |
		.annotations = {
			"org.example.of-the-pod": "yes",
			"io.kubernetes.container.name": "main", "io.kubernetes.pod.name": "train-0",
			"io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.uid": "0f9d2c6b-4b0e-4f43-9c39-2a4c6f8e1d20",
			"io.container.manager": "cri-o",
			"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.ContainerID": $id,
			"io.kubernetes.cri-o.SandboxID": $pod, "io.kubernetes.cri-o.SandboxName": "k8s_train-0_default_0f9d2c6b_0",
			"io.kubernetes.cri-o.Name": "k8s_main_train-0_default_0f9d2c6b_0",
			"io.kubernetes.cri-o.Created": "2026-11-20T09:14:52.118410265Z",
			"io.kubernetes.cri-o.Image": "example.org/train:1", "io.kubernetes.cri-o.ImageName": "example.org/train:1",
			"io.kubernetes.cri-o.ImageRef": "9c7a54a9a43cca047013b82af109fe963fde787f63f9e016fdc3384500c2823d",
			"io.kubernetes.cri-o.MountPoint": $rootfs, "io.kubernetes.cri-o.LogPath": "/var/log/pods/x/main/0.log",
			"io.kubernetes.cri-o.Metadata": "{\"name\":\"main\"}", "io.kubernetes.cri-o.Volumes": "[]",
			"io.kubernetes.cri-o.Labels": "{\"io.kubernetes.pod.namespace\":\"default\"}",
			"io.kubernetes.cri-o.Annotations": "{\"io.kubernetes.container.hash\":\"5f0c7d1e\"}"} |
		'"${3-.}" /run/test/config.json >"$BUNDLE/config.json"
	chmod 644 "$BUNDLE/config.json"
}

# create_and_start RUNTIME: as conmon of CRI-O does; what the container printed.
create_and_start() {
	local id=$1-$BATS_TEST_NUMBER-$RANDOM
	(cd "$BUNDLE" && env -i PATH="$PATH" CRI_O_EXTERNAL=1 _OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 XDG_RUNTIME_DIR=/run \
		LD_PRELOAD=/nowhere/evil.so "$1" create --bundle "$BUNDLE" --pid-file "$BUNDLE/pidfile" "$id") \
		>"$BUNDLE/output" 2>&1 </dev/null || { local status=$?; cat "$BUNDLE/output"; return $status; }
	"$1" start "$id"
	await_text stopped state_of "$1" "$id"
	"$1" delete "$id"
	grep -v 'evil.so' "$BUNDLE/output"
}

attested() { # CALLER
	for runtime in runc crun; do
		attested_by "$1" create_and_start $runtime
	done
}

refused_with() { # CODE
	for runtime in runc crun; do
		refused_by "$1" '1|255' create_and_start $runtime
	done
}

@test "CDI's call comes first, that of the hooks directory after it: attested once" {
	write_bundle both "$CDI, $HOOKS_D"
	attested cdi
	# With newer readings of the order.
	write_bundle turned "$HOOKS_D, $CDI"
	attested cdi
}

@test "either layer alone; a definition for prestart that lands in createRuntime" {
	write_bundle cdi "$CDI"
	attested cdi
	write_bundle hooks "$HOOKS_D"
	attested hooks.d
	write_bundle prestart "$PRESTART"
	attested hooks.d
	write_bundle with-prestart "$CDI, $PRESTART"
	attested cdi
}

@test "refused: a GPU that fails, with the code in the runtime's text" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for hooks in "$CDI, $HOOKS_D" "$HOOKS_D"; do
		write_bundle fails "$hooks"
		refused_with 20
	done
}

# A container annotation of the CRI request can say so; one of the pod cannot.
@test "a container that calls itself a sandbox gains nothing" {
	local forged='.annotations["io.kubernetes.cri-o.ContainerType"] = "sandbox"'
	write_bundle forged "$HOOKS_D" "$forged"
	attested hooks.d
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	refused_with 20
	write_bundle forged "$HOOKS_D" "$forged | .annotations[\"io.kubernetes.cri-o.SandboxID\"] = \"forged\" |
		.annotations[\"io.container.manager\"] = \"libpod\" | .annotations[\"org.cgpu.exempt\"] = \"true\""
	refused_with 20
}

@test "neither a pod's pause container nor another without a GPU is held up" {
	local plain='del(.linux.devices, .linux.resources.devices[1:]) | .process.args = ["ls", "/run"]' count
	count=$(audit_lines)
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	rm -rf $ROOTFS/run/cgpu
	for edit in "$plain" "$plain | .annotations[\"io.kubernetes.cri-o.ContainerType\"] = \"sandbox\""; do
		write_bundle plain "$HOOKS_D" "$edit"
		for runtime in runc crun; do
			run create_and_start $runtime
			echo "$output"
			[ "$status" -eq 0 ] || [ -z "$output" ]
			[[ $output != *cgpu* ]]
		done
	done
	[ "$(audit_lines)" -eq "$count" ]
}

# Every device of the host, and the rule that allows all.
PRIVILEGED='.linux.resources.devices = [{"allow": true, "access": "rwm"}] | .linux.devices += [
	{"path": "/dev/nvidia1", "type": "c", "major": 195, "minor": 1}, {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11},
	{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}] |
	.process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_NET_ADMIN"])'

@test "privileged: every GPU is attested, or as the policy says" {
	# shellcheck disable=SC2016
	write_bundle privileged "$HOOKS_D" "$PRIVILEGED"' | .process.args = ["sh", "-c", ". /run/cgpu/attestation.env; echo $CGPU_ATTESTATION_GPUS"]'
	for runtime in runc crun; do
		run create_and_start $runtime
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(grep -o GPU- <<<"$output" | wc -l)" -eq 2 ]
	done
	printf '[policy]\nprivileged = deny\n' >"$CONF"
	write_bundle privileged "$HOOKS_D" "$PRIVILEGED | del(.linux.devices)"
	refused_with 106
}

@test "a definition without an environment of its own: the engine's has no say" {
	local bare
	# shellcheck disable=SC2016
	bare='{"path": $hook, "args": ["cgpu-hook", "createRuntime"], "timeout": 30}'
	write_bundle bare "$bare"
	attested hooks.d
	write_bundle hostile "$bare" '.hooks.createRuntime[0].env = ["LD_PRELOAD=/nowhere/evil.so", "HTTPS_PROXY=http://127.0.0.1:9",
		"CRI_O_EXTERNAL=1", "_OCI_SYNCPIPE=3", "PATH=/nowhere"]'
	attested hooks.d
}

@test "the program is gone: either call refuses" {
	local text='' started=()
	mv "$HOOK" "$HOOK.away"
	for hooks in "$CDI" "$HOOKS_D"; do
		write_bundle gone "$hooks"
		for runtime in runc crun; do
			run create_and_start $runtime
			echo "$output"
			[ "$status" -ne 0 ] || started+=("$runtime with $hooks")
			text+=$output
		done
	done
	mv "$HOOK.away" "$HOOK"
	[ ${#started[@]} -eq 0 ]
	# At times all that crun tells is that its init process is gone.
	[[ $text == *"$HOOK"* ]]
}

exempted() { # how many of the last two audit lines are exemptions
	local runtime
	for runtime in runc crun; do
		run create_and_start $runtime
	done
	tail -2 "$AUDIT" | grep -cF '"event":"exempt"'
}

@test "exempt by namespace: below the folder of CRI-O's alone" {
	local system='.annotations["io.kubernetes.pod.namespace"] = "gpu-operator" |
		.annotations["io.kubernetes.cri-o.Labels"] = "{\"io.kubernetes.pod.namespace\":\"gpu-operator\"}"' name
	printf '[exempt operator]\nnamespace = gpu-operator\nbundle-root = %s\n' $STORAGE >"$CONF"
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	write_bundle operator "$HOOKS_D" "$system"
	[ "$(exempted)" -eq 2 ]
	# Another namespace; in the annotation of the pod or of a label's text only.
	write_bundle other "$HOOKS_D"
	refused_with 20
	write_bundle texts "$HOOKS_D" '.annotations["io.kubernetes.cri-o.Labels"] = "{\"io.kubernetes.pod.namespace\":\"gpu-operator\"}" |
		.annotations["x/io.kubernetes.pod.namespace"] = "gpu-operator"'
	refused_with 20
	# An annotation in the place of the label that the kubelet gives.
	write_bundle unlabelled "$HOOKS_D" '.annotations["io.kubernetes.pod.namespace"] = "gpu-operator"'
	refused_with 20
	write_bundle bare "$HOOKS_D" '.annotations["io.kubernetes.pod.namespace"] = "gpu-operator" |
		del(.annotations["io.kubernetes.cri-o.Labels"])'
	refused_with 20
	# Where podman, or anybody, can write bundles; also through a link in the right folder.
	for name in /var/lib/containers/storage /run/containers/storage-of-another; do
		ROOT_OF_CRI=$name write_bundle operator "$HOOKS_D" "$system"
		refused_with 20
	done
	ln -s "$name"/overlay-containers/operator $STORAGE/overlay-containers/link
	BUNDLE=$STORAGE/overlay-containers/link/userdata
	refused_with 20
	# The name that containerd gives it, which a pod can bring along.
	write_bundle forged "$HOOKS_D" '.annotations["io.kubernetes.cri.sandbox-namespace"] = "gpu-operator"'
	refused_with 20
	# A second GPU, asked for by a namespace that is not exempt, does not profit from the first.
	rm "$EMULATED"/node/faults.conf
	write_bundle both "$HOOKS_D"
	attested hooks.d
}
