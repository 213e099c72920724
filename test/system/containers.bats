#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers that use a GPU, seen from outside: what the gate let start is told as that, and what went around it is named.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
# As CRI-O tells the namespace of a pod.
operator=(--annotation io.kubernetes.pod.namespace=gpu-operator
	--annotation '"io.kubernetes.cri-o.Labels={""io.kubernetes.pod.namespace"":""gpu-operator""}"')
RECORDS=/run/cgpu/containers

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	write_spec
	/opt/cgpu/bin/cgpu-cdi guard --in-place /etc/cdi/nvidia.json
	mkdir -p /run/test/none
	gcc -D_GNU_SOURCE -static -o /run/test/hold "$BATS_TEST_DIRNAME/hold.c"
	import_image plain 'cp /run/test/hold bin/hold'
	# What podman's service would read.
	mkdir -p /etc/containers
	mount -t tmpfs -o mode=755 tmpfs /etc/containers
	printf '[engine]\nhooks_dir = ["/opt/cgpu/share/containers/oci/hooks.d"]\n' >/etc/containers/containers.conf
}

setup() {
	system_setup
}

teardown() {
	podman rm -f -a -i -t 0 >/dev/null 2>&1 || true
	podman pod rm -f -a -t 0 >/dev/null 2>&1 || true
	rm -f $CONF "$EMULATED"/node/faults.conf
}

# up RUNTIME NAME ARGUMENT...: a container that holds the node open; $id and $pid of it.
up() {
	local runtime=$1 name=$2
	shift 2
	podman --runtime "$runtime" "${global[@]}" run -d --network none --name "$name" "$@" >/dev/null
	id=$(podman inspect -f '{{.Id}}' "$name")
	pid=$(podman inspect -f '{{.State.Pid}}' "$name")
}
global=()
gpu=(--device nvidia.com/gpu=all)

# seen: what status says of the containers, "RESULT ID PROCESSES" in lines.
seen() {
	"$CGPU" status --format json | jq -r '.containers[] | "\(.result) \(.container) \(.processes)"' | sort
}

# seen_is TEXT: at once, or when what was started has come so far.
seen_is() {
	await eval "[ \"\$(seen)\" = '$1' ]"
}

# told STATUS CODE TEXT: doctor's line.
told() {
	status=0
	output=$("$CGPU" doctor --format json) || status=$?
	jq -c '.checks[] | select(.check == "containers")' <<<"$output"
	jq -e --arg status "$1" --argjson code "$2" --arg text "$3" '.checks | any(.check == "containers" and .status == $status and
		(.code // 0) == $code and (.detail | contains($text)))' <<<"$output" >/dev/null
}

# named PID ID: as one about which nothing was decided, and that is the exit status.
named() {
	seen_is "none $2 1"
	told fail 115 "process $1 (hold) of container $2 has c 195:0 open without a decision"
	[ "$status" -eq 115 ]
	"$CGPU" status --format prom | grep -qx 'cgpu_containers{result="none"} 1'
	jq -e --arg id "$2" '.checks | any(.check == "containers" and .action == "podman stop \($id)")' <<<"$output"
}

# counted RESULT
counted() {
	"$CGPU" status --format prom >/run/test/prom
	grep '^cgpu_containers' /run/test/prom
	grep -qx "cgpu_containers{result=\"$1\"} 1" /run/test/prom
	grep -qx 'cgpu_containers_unseen 0' /run/test/prom
	[ "$(grep -c '^cgpu_containers{.*} 0$' /run/test/prom)" -eq 4 ]
}

@test "none: plain containers and the host's own processes do not appear" {
	/run/test/hold /dev/nvidia0 3>&- &
	unshare -m /run/test/hold /dev/nvidia0 3>&- &
	for runtime in runc crun; do up $runtime $runtime plain sleep 600; done
	await eval "[ \"\$(find /proc/[0-9]*/fd -lname /dev/nvidia0 2>/dev/null | wc -l)\" -eq 2 ]"
	seen_is ''
	told ok 0 '0 attested, 0 exempt, 0 observed'
	[ "$status" -eq 0 ]
	"$CGPU" status | grep -x 'Containers with a GPU: 0'
	kill %1 %2
}

@test "attested: covered, with what exec starts in it and what sandboxes itself there" {
	for runtime in runc crun; do
		up $runtime c1 "${gpu[@]}" plain hold /dev/nvidia0
		seen_is "allowed $id 1"
		podman exec -d c1 hold /dev/nvidiactl
		podman exec -d --privileged c1 busybox unshare -m hold /dev/nvidia0
		seen_is "allowed $id 3"
		told ok 0 '1 attested, 0 exempt, 0 observed'
		[ "$status" -eq 0 ]
		counted allowed
		"$CGPU" status | grep -x "  allowed: container $id, process [0-9]* (hold), c 195:[0-9]*"
		remove c1
		seen_is ''
	done
}

@test "one with the host's processes, one whose first process changed its mounts, one with a user namespace" {
	up runc c1 "${gpu[@]}" --pid host plain hold /dev/nvidia0
	seen_is "allowed $id 1"
	remove c1
	up crun c1 "${gpu[@]}" --cap-add SYS_ADMIN --security-opt seccomp=unconfined plain busybox unshare -m hold /dev/nvidia0
	seen_is "allowed $id 1"
	remove c1
	up crun c1 "${gpu[@]}" --uidmap 0:100000:65536 plain hold /dev/nvidia0
	seen_is "allowed $id 1"
}

@test "restored, so another process than the one that was let start; and without a record" {
	for runtime in runc crun; do
		up $runtime c1 "${gpu[@]}" plain hold /dev/nvidia0
		jq '.started -= 1' "$RECORDS/$id" >/run/test/record
		cat /run/test/record >"$RECORDS/$id"
		named "$pid" "$id"
		rm "$RECORDS/$id"
		named "$pid" "$id"
		remove c1
	done
}

@test "started with other hooks, by a node's path: named, beside one that was attested and shares its processes" {
	for runtime in runc crun; do
		up $runtime good "${gpu[@]}" plain hold /dev/nvidia0
		good=$id
		global=(--hooks-dir /run/test/none)
		up $runtime bad --device /dev/nvidia0 --pid container:good plain hold /dev/nvidia0
		global=()
		seen_is "allowed $good 1"$'\n'"none $id 1"
		told fail 115 "process $pid (hold) of container $id "
		[ "$status" -eq 115 ]
		# As doctor says.
		remove bad
		told ok 0 '1 attested'
		remove good
	done
}

@test "exempt, and observed: told as that, and no new token for them" {
	for runtime in runc crun; do
		printf '[exempt test]\nnamespace = gpu-operator\nbundle-root = /var/lib/containers/storage/overlay-containers\n' >$CONF
		up $runtime c1 "${operator[@]}" "${gpu[@]}" plain hold /dev/nvidia0
		seen_is "exempt $id 1"
		told ok 0 '0 attested, 1 exempt, 0 observed'
		counted exempt
		run "$CGPU" attest --refresh "$id"
		[ "$status" -eq 116 ]
		run "$HOOK" refresh "$id"
		[ "$status" -eq 116 ]
		remove c1
		printf '[policy]\nmode = observe\nobserve-until = %s\n' "$(date -u -d tomorrow +%F)" >$CONF
		echo 'devtools 1' >"$EMULATED"/node/faults.conf
		up $runtime c1 "${gpu[@]}" plain hold /dev/nvidia0
		seen_is "observed $id 1"
		counted observed
		run "$CGPU" attest --refresh all
		[[ $output != *"$id"* ]]
		rm "$EMULATED"/node/faults.conf
		remove c1
	done
}

@test "who may not look says so" {
	up crun c1 "${gpu[@]}" plain hold /dev/nvidia0
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$CGPU" doctor --format json
	jq -e '.checks | any(.check == "containers" and .status == "skip" and .action == "sudo cgpu doctor")' <<<"$output"
	[ "$(jq '[.checks[] | select(.check == "containers")] | length' <<<"$output")" -eq 1 ]
}

@test "nothing of a container is opened, and no file system of one is asked" {
	command -v strace >/dev/null || skip 'strace is not installed'
	up runc c1 "${gpu[@]}" plain hold /dev/nvidia0
	rm "$RECORDS/$id"
	strace -f -o /run/test/trace -e trace=file,getdents64 "$CGPU" doctor >/dev/null || true
	grep -E "\"/proc/$pid/" /run/test/trace >/run/test/of
	cat /run/test/of
	grep -q "statx(AT_FDCWD, \"/proc/$pid/root\", AT_STATX_DONT_SYNC|AT_NO_AUTOMOUNT" /run/test/of
	absent -E "(open|openat|openat2|access|readlink|stat|newfstatat)\(.*\"/proc/$pid/(root|cwd|exe|fd/)" /run/test/of
	absent -vE 'AT_STATX_DONT_SYNC|openat.*/proc/[0-9]*/(stat|fd|cgroup|ns/user)"' /run/test/of
}

# -- what each runtime does by itself --

# criu_works: or why not.
criu_works() {
	command -v criu >/dev/null || { echo 'criu is not installed'; return 1; }
	criu check >/run/test/criu 2>&1 || { echo "criu does not work here: $(grep -m1 Error /run/test/criu)"; return 1; }
}

# Debian's runc calls criu, and its crun is built without.
@test "checkpoint: not possible without criu, and the container runs on, covered" {
	! why=$(criu_works) || skip 'criu works here'
	echo "# $why" >&3
	for runtime in runc crun; do
		up $runtime c1 "${gpu[@]}" plain hold /dev/nvidia0
		run podman --runtime $runtime container checkpoint c1
		echo "$runtime: $status, $output"
		[ "$status" -ne 0 ]
		if [ $runtime = runc ]; then
			[[ ${output,,} == *criu* ]]
		else
			[[ $output == *'does not support checkpoint/restore'* || ${output,,} == *criu* ]]
		fi
		seen_is "allowed $id 1"
		remove c1
	done
}

@test "restore: runc calls the hook, crun does not and the container is named" {
	why=$(criu_works) || skip "$why"
	for runtime in runc crun; do
		[ $runtime = runc ] || crun --version | grep -q +CRIU || continue
		up $runtime c1 "${gpu[@]}" plain hold /dev/nvidia0
		count=$(audit_lines)
		podman --runtime $runtime container checkpoint c1
		podman --runtime $runtime container restore c1
		pid=$(podman inspect -f '{{.State.Pid}}' c1)
		if [ $runtime = runc ]; then
			[ $(($(audit_lines) - count)) -eq 1 ]
			seen_is "allowed $id 1"
		else
			[ "$(audit_lines)" -eq "$count" ]
			named "$pid" "$id"
		fi
		remove c1
	done
}
