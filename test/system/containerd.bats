#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd as Kubernetes uses it (cri.py), and by its own client. It reads no hooks directory; CDI is one layer, the other
# is a base_runtime_spec with the hook, which containerd gives every container of a runtime handler.

load helpers

CDI=/opt/cgpu/bin/cgpu-cdi
ROOT=/run/test/containerd

# Why containerd cannot run here, in plain words, or nothing.
lacking() {
	if ! command -v containerd >/dev/null; then
		echo 'needs containerd'
	elif ! containerd --version | grep -qE ' v?(1\.[7-9]|[2-9]\.)'; then
		echo 'needs containerd 1.7, which knows CDI devices'
	elif ! command -v protoc >/dev/null || ! python3 -c 'import grpc, google.protobuf' 2>/dev/null; then
		echo 'needs protobuf-compiler and python3-grpcio'
	fi
}

write_handler() { # NAME BINARY [LINE]
	printf '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%s]\nruntime_type = "io.containerd.runc.v2"\n' "$1"
	printf 'pod_annotations = ["*"]\ncontainer_annotations = ["*"]\n'
	printf '%s\n' "${3-}"
	printf '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%s.options]\nBinaryName = "%s"\n' "$1" "$2"
}

write_config() {
	local runtime
	cat <<-END
	version = 2
	root = "$ROOT/root"
	state = "$ROOT/state"
	[grpc]
	address = "$ROOT/socket"
	[plugins."io.containerd.grpc.v1.cri"]
	enable_cdi = true
	cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]
	sandbox_image = "localhost/pause:latest"
	restrict_oom_score_adj = true
	END
	for runtime in runc crun; do
		write_handler $runtime "$(command -v $runtime)"
		write_handler $runtime-hooks "$(command -v $runtime)" "base_runtime_spec = \"$ROOT/base.json\""
	done
}

setup_file() {
	system_setup
	[ -z "$(lacking)" ] || return 0
	make_nodes
	register_driver
	emulate_gpus
	import_image plain
	mkdir -p $ROOT
	protoc --python_out=$ROOT -I"$BATS_TEST_DIRNAME" cri.proto
	ctr oci spec | jq --arg hook "$HOOK" '.hooks.createRuntime =
		[{"path": $hook, "args": ["cgpu-hook", "createRuntime"], "env": ["LC_ALL=C"], "timeout": 30}]' >$ROOT/base.json
	write_config >$ROOT/config.toml
	daemon $ROOT/log containerd --config $ROOT/config.toml
	export CONTAINERD_ADDRESS=$ROOT/socket
	await ctr version
	podman commit -q --change 'ENTRYPOINT ["/bin/sleep", "3600"]' "$(podman create plain true)" localhost/pause >/dev/null
	# What ctr takes: a container with a node and the hook.
	mkdir -p $ROOT/rootfs
	podman export "$(podman create plain true)" | tar -C $ROOT/rootfs -x
	jq --arg script "$RESULT" --arg root $ROOT/rootfs '.root.path = $root | .process.args = ["sh", "-c", $script] |
		.process.env = ["PATH=/bin"] | .linux.devices = [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0}]' \
		$ROOT/base.json >$ROOT/spec.json
	for image in plain pause; do
		podman save -q localhost/$image | ctr -n k8s.io images import -
	done
}

setup() {
	system_setup
	[ -z "$(lacking)" ] || skip "$(lacking)"
	rm -rf /etc/cdi/* "$EMULATED"/node/faults.conf /opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
	write_spec
	$CDI guard --in-place /etc/cdi/nvidia.json
}

# cri HANDLER CONTAINER COMMAND...
cri() {
	local handler=$1 container=$2
	shift 2
	PYTHONPATH=$ROOT PYTHONDONTWRITEBYTECODE=1 python3 "$BATS_TEST_DIRNAME/cri.py" $ROOT/socket "$handler" \
		localhost/plain:latest "$container" "$@"
}
FIELD='{"CDI_devices": [{"name": "nvidia.com/gpu=0"}]}'
ANNOTATION='{"annotations": {"cdi.k8s.io/test_gpu": "nvidia.com/gpu=0"}}'
PRIVILEGED='{"linux": {"security_context": {"privileged": true}}}'
NODE='{"devices": [{"host_path": "/dev/nvidia0", "container_path": "/dev/nvidia0", "permissions": "rw"}]}'

@test "CDI alone: attested, by the field and by the annotation" {
	for runtime in runc crun; do
		attested_by cdi cri $runtime "$FIELD" sh -c "$RESULT"
		attested_by cdi cri $runtime "$ANNOTATION" sh -c "$RESULT"
	done
}

@test "base_runtime_spec alone: attested, by a specification without the hook, by a node, as privileged" {
	write_spec
	for runtime in runc crun; do
		attested_by hooks.d cri $runtime-hooks "$FIELD" sh -c "$RESULT"
		attested_by hooks.d cri $runtime-hooks "$NODE" sh -c "$RESULT"
		attested_by hooks.d cri $runtime-hooks "$PRIVILEGED" sh -c "$RESULT"
	done
}

@test "both: attested once" {
	for runtime in runc crun; do
		attested_by cdi cri $runtime-hooks "$FIELD" sh -c "$RESULT"
	done
}

@test "refused: a GPU that fails, by either layer and by both" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		refused_by 20 125 cri $runtime "$FIELD" true
		refused_by 20 125 cri $runtime "$ANNOTATION" true
		refused_by 20 125 cri $runtime-hooks "$NODE" true
		refused_by 20 125 cri $runtime-hooks "$PRIVILEGED" true
		refused_by 20 125 cri $runtime-hooks "$FIELD" true
	done
}

# crun may write to the program that is not there and end by SIGPIPE, before it has said what is missing.
@test "refused: the program is missing" {
	local code='' said="$HOOK|/usr/bin/crun did not terminate successfully: exit status 141"
	mv "$HOOK" "$HOOK.away"
	for runtime in runc crun; do
		run cri $runtime "$FIELD" true
		echo "$output"
		[[ $status -eq 125 && $output =~ $said ]] || code=started
		run cri $runtime '{}' true
		[ "$status" -eq 0 ] || code=stopped
		# Here it is everything that does not start: pods first.
		run cri $runtime-hooks '{}' true
		echo "$output"
		[[ $status -eq 125 && $output =~ $said ]] || code=started
	done
	mv "$HOOK.away" "$HOOK"
	[ -z "$code" ]
}

@test "no GPU: starts, with nothing at /run/cgpu, under either layer" {
	for handler in runc crun runc-hooks crun-hooks; do
		run cri $handler '{}' ls /run
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
}

@test "not gated: a specification without the hook, which check names; without base_runtime_spec, a node and privileged" {
	write_spec
	run $CDI check
	[ "$status" -eq 120 ]
	for container in "$FIELD" "$NODE" "$PRIVILEGED"; do
		run cri runc "$container" ls /dev /run
		[ "$status" -eq 0 ]
		[[ $output == *nvidia0* && $output != *cgpu* ]]
	done
}

# exempted COMMAND...: starts without a result, and the audit line says so.
exempted() {
	run "$@"
	echo "$*: $status, $output"
	[ "$status" -eq 0 ]
	[[ $output != *cgpu* ]]
	tail -1 "$AUDIT" | grep -F '"event":"exempt"'
}

@test "exempt by the namespace that containerd tells; what a pod brings along, and let through, exempts from nothing" {
	local conf=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf name forged='{"annotations": {"NAME": "default"}, "CDI_devices": [{"name": "nvidia.com/gpu=0"}]}'
	printf '[exempt test]\nnamespace = default\nbundle-root = %s\n' $ROOT/state/io.containerd.runtime.v2.task/k8s.io >$conf
	exempted cri runc "$FIELD" ls /run
	exempted cri crun-hooks "$FIELD" ls /run
	NAMESPACE=other attested_by cdi cri runc "$FIELD" sh -c "$RESULT"
	for name in io.kubernetes.cri.sandbox-namespace io.kubernetes.pod.namespace; do
		NAMESPACE=other attested_by cdi cri runc "${forged/NAME/$name}" sh -c "$RESULT"
		NAMESPACE=other attested_by cdi cri crun-hooks "${forged/NAME/$name}" sh -c "$RESULT"
	done
	# Another folder, and another of containerd's namespaces.
	printf '[exempt test]\nnamespace = default\nbundle-root = /run/containerd\n' >$conf
	attested_by cdi cri runc "$FIELD" sh -c "$RESULT"
	printf '[exempt test]\nnamespace = default\nbundle-root = %s\n' $ROOT >$conf
	jq '.annotations["io.kubernetes.cri.sandbox-namespace"] = "default" | .annotations["io.kubernetes.pod.namespace"] = "default"' \
		$ROOT/spec.json >$ROOT/annotated.json
	attested_by hooks.d ctr run --rm --runc-binary "$(command -v runc)" --config $ROOT/annotated.json ctr-annotated
}

# -- ctr: it has no option for CDI devices and takes no base_runtime_spec --

# run_ctr RUNTIME ARGUMENT...
run_ctr() {
	local runtime=$1
	shift
	ctr -n k8s.io run --rm --runc-binary "$(command -v "$runtime")" "$@"
}

@test "ctr: a specification that names the hook is attested or refused" {
	for runtime in runc crun; do
		attested_by hooks.d run_ctr $runtime --config $ROOT/spec.json ctr-$runtime
	done
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		refused_by 20 1 run_ctr $runtime --config $ROOT/spec.json ctr-$runtime
	done
}

@test "ctr, not gated: a node" {
	run run_ctr runc --device /dev/nvidia0 localhost/plain:latest ctr-node ls /dev /run
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *nvidia0* && $output != *cgpu* ]]
}
