#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docker reads no hooks directory: a gated CDI specification is its only layer.

load helpers

CDI=/opt/cgpu/bin/cgpu-cdi
ROOT=/run/test/docker

# Why docker cannot run here, in plain words, or nothing.
lacking() {
	local version
	if ! command -v dockerd >/dev/null; then
		echo 'needs docker'
	else
		version=$(dockerd --version | sed 's/.*version \([0-9]*\).*/\1/')
		[ "$version" -ge 25 ] || echo "docker $version knows no CDI devices"
	fi
}

setup_file() {
	system_setup
	[ -z "$(lacking)" ] || return 0
	make_nodes
	register_driver
	emulate_gpus
	UUID=$("$CGPU" status --format json | jq -r '.gpus[0].uuid')
	export UUID
	import_image plain
	mkdir -p $ROOT
	cat >$ROOT/daemon.json <<-END
	{"data-root": "$ROOT/data", "exec-root": "$ROOT/exec", "pidfile": "$ROOT/pid", "hosts": ["unix://$ROOT/socket"],
	 "storage-driver": "overlay2", "iptables": false, "ip6tables": false, "ip-forward": false, "bridge": "none",
	 "features": {"cdi": true}, "runtimes": {"crun": {"path": "$(command -v crun)"}}}
	END
	daemon $ROOT/log dockerd --config-file $ROOT/daemon.json
	export DOCKER_HOST=unix://$ROOT/socket
	await docker version
	podman save -q localhost/plain | docker load -q
	docker tag localhost/plain plain
}

setup() {
	system_setup
	[ -z "$(lacking)" ] || skip "$(lacking)"
	rm -rf /etc/cdi/* "$EMULATED"/node/faults.conf
	write_spec
	$CDI guard --in-place /etc/cdi/nvidia.json
}

# run_docker RUNTIME ARGUMENT...
run_docker() {
	docker run --rm --network none --runtime "$@"
}

@test "attested: all GPUs, one by index, one by UUID" {
	for name in all 0 "$UUID"; do
		for runtime in runc crun; do
			attested_by cdi run_docker $runtime --device "nvidia.com/gpu=$name" plain sh -c "$RESULT"
		done
	done
}

@test "attested: the variable names the file; --read-only, --user, a challenge" {
	# shellcheck disable=SC2016
	local by_variable=${RESULT/\/run*.env;/'"$CGPU_ATTESTATION_ENV_FILE";'} options=(--device nvidia.com/gpu=0)
	for runtime in runc crun; do
		attested_by cdi run_docker $runtime "${options[@]}" plain sh -c "$by_variable"
		attested_by cdi run_docker $runtime "${options[@]}" --read-only --user 1000 plain sh -c "$RESULT"
		attested_by cdi run_docker $runtime "${options[@]}" --annotation org.cgpu.challenge=ours plain sh -c "$RESULT"
	done
}

@test "each start has a nonce of its own, and nothing of the result stays" {
	docker run --network none --name again --device nvidia.com/gpu=0 plain cat /run/cgpu/attestation.env >$ROOT/first
	run docker diff again
	[[ $output != *run/cgpu/* ]]
	docker start -a again >$ROOT/second
	docker rm again
	[ "$(grep -hc '^CGPU_ATTESTATION_RESULT=pass$' $ROOT/first $ROOT/second | tr '\n' ' ')" = '1 1 ' ]
	[ "$(grep -h '^CGPU_ATTESTATION_NONCE=' $ROOT/first $ROOT/second | sort -u | wc -l)" -eq 2 ]
}

@test "refused: a GPU that fails" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		refused_by 20 125 run_docker $runtime --device nvidia.com/gpu=0 plain true
	done
}

@test "refused: the program is missing" {
	local code=
	mv "$HOOK" "$HOOK.away"
	for runtime in runc crun; do
		output=$(run_docker $runtime --device nvidia.com/gpu=0 plain true 2>&1) && code=started
		echo "$output"
		[[ $output == *"$HOOK"* ]] || code=unexplained
	done
	run $CDI check
	mv "$HOOK.away" "$HOOK"
	echo "$output"
	[[ $status -ne 0 && $output == *"cdi-missing: hook $HOOK: ENOENT"* ]]
	[ -z "$code" ]
}

@test "no GPU: starts, with nothing at /run/cgpu" {
	for runtime in runc crun; do
		run run_docker $runtime plain ls /run
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
}

@test "not gated: a specification without the hook, which check names; a node that is given by its path" {
	write_spec
	run $CDI check
	[ "$status" -eq 120 ]
	for device in nvidia.com/gpu=0 /dev/nvidia0; do
		run run_docker runc --device $device plain ls /dev /run
		[ "$status" -eq 0 ]
		[[ $output == *nvidia0* && $output != *cgpu* ]]
	done
}
