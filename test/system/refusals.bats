#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each class of refusal through real podman with runc and crun, and that containers without GPU start while the gate is broken.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
WORKERS=/opt/cgpu/libexec/cgpu

setup_file() {
	system_setup
	make_nodes
	register_driver
	write_spec
	emulate_gpus
	mint_gpus /opt/cgpu/revoked --revoked ica
	mint_gpus /opt/cgpu/no-rim --without-rim driver
	import_image plain
	mkdir -p /run/test
}

setup() {
	system_setup
	use_gpus "$EMULATED"
}

teardown() {
	rm -f $CONF "$EMULATED"/node/faults.conf
	umount /opt/cgpu/var/log/cgpu 2>/dev/null || true
	for program in "$CGPU" $WORKERS/collect $WORKERS/appraise; do
		[ ! -e "$program.away" ] || mv "$program.away" "$program"
	done
}

# Names of files wherever something could be left, but for podman's own, the audit file, the queue and the cache.
files() {
	find /opt/cgpu /dev /etc/cdi /run -xdev \( -path /run/containers -o -path /run/libpod -o -path /run/test -o -path /run/node \
		-o -path /run/crun -o -path /run/runc -o -path /run/lock -o -path /run/netns \) -prune -o -print 2>/dev/null |
		grep -vx -e '/dev/shm/libpod.*' -e /run/cgpu.lock -e '/run/cgpu\(/.*\)*' -e '/opt/cgpu/var/cache\(/.*\)*' \
			-e "$AUDIT" | sort
}

# refuses CODE [ARGUMENT...]: both runtimes say 126 and the code, the audit file says it too, nothing is left; and a
# container without GPU starts as always.
refuses() {
	local code=$1 runtime before count
	shift
	[ $# -gt 0 ] || set -- --device nvidia.com/gpu=all
	for runtime in runc crun; do
		before=$(files)
		count=$(audit_lines)
		refused $runtime "$code" "$@" plain true
		ended
		diff <(echo "$before") <(files)
		[ -z "$(podman ps -aq)" ]
		if [ "$code" -ne 109 ]; then
			[ $(($(audit_lines) - count)) -eq 1 ]
			tail -1 "$AUDIT" | grep -F "\"event\":\"refused\",\"program\":\"cgpu-hook\",\"code\":$code,"
		fi
		count=$(audit_lines)
		run start $runtime --rm plain ls -A /run
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
		[ "$(audit_lines)" -eq "$count" ]
	done
}

# attests ARGUMENT...: both runtimes start it with a result.
attests() {
	local runtime
	for runtime in runc crun; do
		run start $runtime --rm "$@" plain ls /run/cgpu
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *token.jwt* ]]
	done
}

# exempted ARGUMENT...: both runtimes start it without result, and the audit file says so.
exempted() {
	local runtime count
	for runtime in runc crun; do
		count=$(audit_lines)
		run start $runtime --rm "$@" plain ls -A /run
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
		[ $(($(audit_lines) - count)) -eq 1 ]
		tail -1 "$AUDIT" | grep -F '"event":"exempt"'
	done
}

fault() {
	echo "$1" >"$EMULATED"/node/faults.conf
}

# -- the GPU --

@test "one wrong measurement" {
	fault "gpu 0 measurement 9 $(printf 'bad%.0s' {1..32})"
	refuses 75
}

@test "confidential computing off" {
	fault 'cc-feature 0'
	refuses 20
}

@test "developer tools on" {
	fault 'devtools 1'
	refuses 22
}

@test "no manifest for the driver" {
	use_gpus /opt/cgpu/no-rim
	refuses 40
}

@test "a revoked certificate" {
	use_gpus /opt/cgpu/revoked
	refuses 61
}

@test "a library that hangs" {
	printf '[run]\ndeadline = 2\n' >$CONF
	fault 'at nvmlDeviceGetCount_v2 hang'
	refuses 16
}

@test "a library that dies" {
	fault 'at nvmlDeviceGetCount_v2 abort'
	refuses 17
}

@test "no library" {
	printf '[driver]\nnvml-library = /opt/cgpu/nowhere/libnvidia-ml.so.1\n' >$CONF
	refuses 10
}

@test "a library that others can change" {
	chmod 666 "$EMULATED"/node/libnvidia-ml.so.1
	status=0
	(refuses 11) || status=1
	chmod 644 "$EMULATED"/node/libnvidia-ml.so.1
	[ "$status" -eq 0 ]
}

# -- the installation --

@test "cgpu is missing" {
	mv "$CGPU" "$CGPU.away"
	refuses 108
}

@test "a worker is missing" {
	mv $WORKERS/collect $WORKERS/collect.away
	refuses 108
	mv $WORKERS/collect.away $WORKERS/collect
	mv $WORKERS/appraise $WORKERS/appraise.away
	refuses 108
}

@test "a worker of another version" {
	mv $WORKERS/appraise $WORKERS/appraise.away
	cp /bin/true $WORKERS/appraise
	refuses 108
}

@test "the workers' user is missing" {
	printf '[run]\nworker-user = nobody-of-this-name\n' >$CONF
	refuses 108
}

@test "an unknown key in the configuration" {
	printf '[policy]\nprivilegde = allow\n' >$CONF
	refuses 2
}

@test "a configuration that others can change" {
	: >$CONF
	chmod 666 $CONF
	refuses 2
}

@test "a trust anchor is missing" {
	printf '[trust]\ndevice-root = /opt/cgpu/nowhere.pem\n' >$CONF
	refuses 2
}

# -- the policy --

@test "privileged = deny" {
	printf '[policy]\nprivileged = deny\n' >$CONF
	refuses 106 --privileged
	attests --device nvidia.com/gpu=all
}

# The claim in a token.
shared() {
	jq -R 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson | .["x-cgpu-shared-pid"]'
}

@test "shared-pid = deny: a PID namespace that the container joins; by default token and audit line say so" {
	local runtime
	start crun -d --name pod plain sleep 300 >/dev/null
	for runtime in runc crun; do
		run start $runtime --rm --pid=container:pod --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(shared <<<"$output")" = true ]
		tail -1 "$AUDIT" | grep -F '"shared_pid":"yes"'
		run start $runtime --rm --pid=host --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
		[ "$status" -eq 0 ]
		[ "$(shared <<<"$output")" = true ]
		run start $runtime --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
		[ "$status" -eq 0 ]
		[ "$(shared <<<"$output")" = null ]
		tail -1 "$AUDIT" | absent -F shared_pid
	done
	printf '[policy]\nshared-pid = deny\n' >$CONF
	for runtime in runc crun; do
		refused $runtime 236 --pid=container:pod --device nvidia.com/gpu=all plain true
		refused $runtime 236 --pid=host --device nvidia.com/gpu=all plain true
	done
	attests --device nvidia.com/gpu=all
	start crun --rm --pid=container:pod plain true
	remove pod
}

# Who may attach to a process that has the node open takes its descriptor.
@test "the PID namespace of a container that has a node open: attested, unless the kernel keeps it out" {
	local runtime count
	gcc -D_GNU_SOURCE -static -o /run/test/hold "$BATS_TEST_DIRNAME/hold.c"
	start crun -d --name pod -v /run/test/hold:/hold:ro --device nvidia.com/gpu=0 plain /hold /dev/nvidia0 >/dev/null
	for runtime in runc crun; do
		attested_by hooks.d start $runtime --rm --pid=container:pod plain sh -c "$RESULT"
		attested_by hooks.d start $runtime --rm --pid=host plain sh -c "$RESULT"
		attested_by hooks.d start $runtime --rm --pid=container:pod --user 65534 --cap-drop all --cap-add SYS_PTRACE plain \
			sh -c "$RESULT"
		# A node exporter, fewer capabilities than the holder has, and a namespace of its own.
		count=$(audit_lines)
		start $runtime --rm --pid=host --user 65534 --cap-drop all plain true
		start $runtime --rm --pid=container:pod --cap-drop all plain true
		start $runtime --rm plain true
		[ "$(audit_lines)" -eq "$count" ]
	done
	remove pod
	start crun --rm --pid=host plain true
	[ "$(audit_lines)" -eq "$count" ]
}

@test "privileged = allow: exempt, and recorded; a container that asks for a GPU by name is not" {
	printf '[policy]\nprivileged = allow\n' >$CONF
	exempted --privileged
	attests --device nvidia.com/gpu=all
}

@test "[exempt] by the engine's own folder and a namespace" {
	local storage=/var/lib/containers/storage wanted=(--device nvidia.com/gpu=all)
	local annotated=("${wanted[@]}" --annotation io.kubernetes.pod.namespace=gpu-operator
		--annotation '"io.kubernetes.cri-o.Labels={""io.kubernetes.pod.namespace"":""gpu-operator""}"')
	printf '[exempt test]\nnamespace = gpu-operator\nbundle-root = %s\n' $storage/overlay-containers >$CONF
	exempted "${annotated[@]}"
	attests "${wanted[@]}"
	# A folder whose name only begins so.
	printf '[exempt test]\nnamespace = gpu-operator\nbundle-root = %s\n' $storage/overlay-container >$CONF
	attests "${annotated[@]}"
}

@test "[exempt] in another folder: an annotation alone exempts from nothing" {
	printf '[exempt test]\nnamespace = gpu-operator\nbundle-root = /run/crio\n' >$CONF
	attests --device nvidia.com/gpu=all --annotation io.kubernetes.pod.namespace=gpu-operator
}

@test "audit = required: a line that cannot be written refuses" {
	printf '[policy]\naudit = required\n' >$CONF
	attests --device nvidia.com/gpu=all
	mount -t tmpfs -o ro,mode=750 tmpfs /opt/cgpu/var/log/cgpu
	refuses 109
	rm $CONF
	attests --device nvidia.com/gpu=all
}

@test "versions, number and model of the policy" {
	printf '[policy]\nmin-driver-version = 999.1\n' >$CONF
	refuses 76
	printf '[policy]\ngpu-count = 2\n' >$CONF
	refuses 79
	printf '[policy]\nhardware-models = GB100 A01 GSP BROM\n' >$CONF
	refuses 78
}
