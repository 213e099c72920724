#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A user's flow: an inference server (its stand-in: it serves its environment and its token) behind a published port, whose
# client verifies the token before it believes the server.

load helpers

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	write_spec
	import_image plain
	import_image server 'mkdir models; cat >bin/serve; chmod 755 bin/serve' <<'END'
#!/bin/sh
set -eu
. /run/cgpu/attestation.env
busybox rm -rf /www
busybox mkdir /www
set | grep ^CGPU_ >/www/result
busybox cp "$CGPU_ATTESTATION_TOKEN_FILE" "$CGPU_ATTESTATION_EAT_FILE" "$CGPU_ATTESTATION_EVIDENCE_FILE" "$CGPU_ATTESTATION_JWKS_FILE" /www
busybox ln -s /models /www/models
exec busybox httpd -f -p 8000 -h /www
END
	mkdir -p /run/test/models
	echo weights >/run/test/models/model
}

setup() {
	system_setup
	remove llm || true
	port=$((20000 + RANDOM % 10000))
}

# What vendors' images are started with. -1 stands for no limit, which only a machine with CAP_SYS_RESOURCE gives; others
# give all that they have. A --ulimit puts the configuration's default limits aside, so these are repeated.
unlimited=$( (ulimit -l unlimited) 2>/dev/null && echo -1 || echo $(($(ulimit -Hl) * 1024)))
usual=(--ipc=host --ulimit memlock="$unlimited" --ulimit nofile=1024:1024 --ulimit nproc=4096:4096
	--volume /run/test/models:/models:ro)

# fetch FILE...: from the server, into the directory /run/test/got, once it answers.
fetch() {
	local file
	rm -rf /run/test/got
	mkdir /run/test/got
	for _ in $(seq 100); do
		busybox wget -qO /dev/null "http://127.0.0.1:$port/result" 2>/dev/null && break
		sleep 0.05
	done
	for file in "$@"; do
		busybox wget -qO "/run/test/got/${file##*/}" "http://127.0.0.1:$port/$file" || return 1
	done
}

value() {
	sed -n "s/^$1='\{0,1\}\([^']*\)'\{0,1\}\$/\1/p" /run/test/got/result
}

# What the client does: the token has to be one of a GPU whose evidence vouches for its key.
check_served() {
	fetch result token.jwt detached-eat.json evidence.json jwks.json models/model
	grep -x weights /run/test/got/model
	[ "$(value CGPU_ATTESTATION_RESULT)" = pass ]
	[ "$(value CGPU_ATTESTATION_TOKEN)" = "$(cat /run/test/got/token.jwt)" ]
	run "$CGPU" token --device-root "$EMULATED"/device-root.pem /run/test/got/token.jwt
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *unanchored* ]]
	run "$CGPU" token --device-root "$EMULATED"/device-root.pem /run/test/got/detached-eat.json
	[ "$status" -eq 0 ]
	nonce=$(value CGPU_ATTESTATION_NONCE)
	[ ${#nonce} -eq 64 ]
}

@test "an inference server behind a published port; stop, start, restart, exec" {
	for runtime in runc crun; do
		podman --runtime $runtime run -d --device nvidia.com/gpu=all "${usual[@]}" --publish "127.0.0.1:$port:8000" \
			--name llm server serve
		check_served
		first=$nonce
		run podman exec llm cat /run/cgpu/token.jwt
		[ "$output" = "$(cat /run/test/got/token.jwt)" ]
		podman stop -t 0 llm
		podman start llm
		check_served
		[ "$nonce" != "$first" ]
		first=$nonce
		podman restart -t 0 llm
		check_served
		[ "$nonce" != "$first" ]
		remove llm
	done
}

@test "the limit of locked memory is the one asked for" {
	for runtime in runc crun; do
		run start $runtime --rm --device nvidia.com/gpu=all "${usual[@]}" plain sh -c 'ulimit -l'
		echo "asked for $unlimited, got $output KiB"
		[ "$status" -eq 0 ]
		[ "$unlimited" = -1 ] && [ "$output" = unlimited ] || [ "$output" -eq $((unlimited / 1024)) ]
	done
}

@test "--device nvidia.com/gpu=0" {
	for runtime in runc crun; do
		before=$(audit_lines)
		run start $runtime --rm --device nvidia.com/gpu=0 plain cat /run/cgpu/attestation.env
		[ "$status" -eq 0 ]
		[[ $output == *CGPU_ATTESTATION_GPUS=* ]]
		[ $(($(audit_lines) - before)) -eq 1 ]
	done
}

# podman takes the option for docker's sake: older ones give no GPU for it, newer ones ask CDI. Either is gated.
@test "--gpus all: what gets a node gets a result" {
	for runtime in runc crun; do
		run start $runtime --rm --gpus all plain sh -c 'ls /dev; ls /run/cgpu'
		echo "$output"
		if [[ $output == *nvidia0* ]]; then
			[[ $output == *token.jwt* ]]
		else
			[[ $output != *token.jwt* ]]
		fi
	done
}

@test "a user's own variable of the same name does not stay" {
	for runtime in runc crun; do
		podman --runtime $runtime run -d --device nvidia.com/gpu=all -e CGPU_ATTESTATION_TOKEN=forged "${usual[@]}" \
			--publish "127.0.0.1:$port:8000" --name llm server serve
		check_served
		remove llm
	done
}

@test "a pod: its infrastructure passes, its server is attested once" {
	for runtime in runc crun; do
		before=$(audit_lines)
		podman --runtime $runtime pod create --name pod --publish "127.0.0.1:$port:8000"
		start=${EPOCHREALTIME/./}
		podman --runtime $runtime pod start pod
		took=$(((${EPOCHREALTIME/./} - start) / 1000))
		echo "$runtime: infrastructure alone started in $took ms"
		[ $took -lt 5000 ]
		[ "$(audit_lines)" -eq "$before" ]
		podman --runtime $runtime run -d --pod pod --device nvidia.com/gpu=all --volume /run/test/models:/models:ro \
			--name llm server serve
		check_served
		[ $(($(audit_lines) - before)) -eq 1 ]
		podman pod rm -f -t 0 pod
	done
}

@test "a server that is refused does not answer" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		run podman --runtime $runtime run -d --device nvidia.com/gpu=all "${usual[@]}" --publish "127.0.0.1:$port:8000" \
			--name llm server serve
		echo "$output"
		remove llm
		[ "$status" -eq 126 ] || break
		status=0
		busybox wget -qO /dev/null "http://127.0.0.1:$port/result" && status=1
	done
	rm "$EMULATED"/node/faults.conf
	[ "$status" -eq 0 ]
}
